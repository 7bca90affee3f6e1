/**
 * Lines of JSON logs, taken apart without being turned into values: numbers of 64 bits and odd texts stay what they
 * are. Texts have one character a byte.
 */

export interface JsonMember {
  readonly name: string
  /** The value as it stands there. */
  readonly value: string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a

/** The members of an object in order; undefined for a line that is none. */
export function jsonMembers(line: string): JsonMember[] | undefined {
  const parts = partsOf(line, '{', '}')
  if (parts === undefined) return undefined
  const members: JsonMember[] = []
  for (const part of parts) {
    const nameEnd = part.charCodeAt(0) === QUOTE ? endOfString(part, 0) : -1
    if (nameEnd < 0) return undefined
    let colon = nameEnd
    while (part.charCodeAt(colon) === 0x20) colon += 1
    if (part.charCodeAt(colon) !== COLON) return undefined
    members.push({ name: textOf(part.slice(0, nameEnd)), value: part.slice(colon + 1).trim() })
  }
  return members
}

/** The elements of an array as they stand there; undefined for what is none. */
export function jsonElements(value: string): string[] | undefined {
  return value.startsWith('[') ? partsOf(value, '[', ']') : undefined
}

/** The text of a value: that of a string without its quotes, `T` and `F`, anything else as it stands. */
export function jsonText(value: string): string {
  if (value.charCodeAt(0) === QUOTE) return textOf(value)
  if (value === 'true') return 'T'
  if (value === 'false') return 'F'
  return value
}

function textOf(quoted: string): string {
  if (!quoted.includes('\\')) return quoted.slice(1, -1)
  try {
    const decoded: unknown = JSON.parse(Buffer.from(quoted, 'latin1').toString())
    return typeof decoded === 'string' ? Buffer.from(decoded).toString('latin1') : quoted
  } catch {
    return quoted.slice(1, -1)
  }
}

/** What stands between the commas of an object or array; undefined when it does not end. */
function partsOf(text: string, open: string, close: string): string[] | undefined {
  const end = text.trimEnd().length - 1
  if (text[0] !== open || text[end] !== close || end < 1) return undefined
  const parts: string[] = []
  let depth = 0
  let start = 1
  for (let index = 1; index < end; index += 1) {
    const code = text.charCodeAt(index)
    if (code === QUOTE) {
      index = endOfString(text, index) - 1
      if (index < 0 || index >= end) return undefined
    } else if (code === 0x5b || code === 0x7b) depth += 1
    else if (code === 0x5d || code === 0x7d) depth -= 1
    else if (code === COMMA && depth === 0) {
      parts.push(text.slice(start, index).trim())
      start = index + 1
    }
  }
  if (depth !== 0) return undefined
  const last = text.slice(start, end).trim()
  if (last !== '' || parts.length > 0) parts.push(last)
  return parts
}

/** Position behind the string that begins at `start`; -1 when it does not end. */
function endOfString(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code === BACKSLASH) index += 1
    else if (code === QUOTE) return index + 1
  }
  return -1
}

/** Seconds since the epoch of a time as Zeek's JSON has it: seconds, milliseconds or ISO 8601; NaN for others. */
export function jsonTime(value: string): number {
  if (value.charCodeAt(0) === QUOTE) {
    const text = value.slice(1, -1)
    const seconds = Date.parse(text) / 1000
    // A Date has milliseconds only.
    const rest = /\.\d{3}(\d{1,3})/.exec(text)?.[1] ?? ''
    return rest === '' ? seconds : seconds + Number(rest.padEnd(3, '0')) / 1e6
  }
  const number = Number(value)
  return number > MILLISECONDS_FROM ? number / 1000 : number
}

/** As seconds, this is in the year 5138. */
const MILLISECONDS_FROM = 1e11

const TS_FIRST = '{"ts":'

/** The time by which the line is sorted: that of `ts`; NaN when it has none. */
export function jsonLineTime(line: string): number {
  if (line.startsWith(TS_FIRST)) {
    const comma = line.indexOf(',', TS_FIRST.length)
    const value = line.slice(TS_FIRST.length, comma < 0 ? line.lastIndexOf('}') : comma).trim()
    return jsonTime(value)
  }
  const value = jsonMembers(line)?.find(({ name }) => name === 'ts')?.value
  return value === undefined ? Number.NaN : jsonTime(value)
}
