/** `zeek-cluster decode` and `zeek-cluster encode`: lines on standard input, converted one by one. */
import { DecodeError, EncodeError } from '../../data/decode-error.js'
import { FORMATS, type FormatName, hexLine, isTextFormat, ZEEK_TEXT } from '../conversions.js'
import { bytesToHex } from '../json-members.js'
import { readLines } from '../lines.js'
import { CommandError, printLines } from '../output.js'

export interface DecodeFlags {
  readonly format: string
  readonly hex?: boolean
  readonly asZeek?: boolean
}

/** Lines of a format to lines of JSON. */
export async function runDecode(flags: DecodeFlags): Promise<void> {
  const format = parseFormat(flags.format)
  const decode = flags.asZeek === true ? ZEEK_TEXT[format] : FORMATS[format].decode
  if (decode === undefined) {
    throw new CommandError(2, `--as-zeek goes with ${Object.keys(ZEEK_TEXT).join(' and ')} only`)
  }
  const isHex = flags.hex === true || !isTextFormat(format)
  await convert((line) => decode(isHex ? hexLine(line) : line))
}

/** Lines of JSON to lines of a format. */
export async function runEncode(flags: DecodeFlags): Promise<void> {
  const format = parseFormat(flags.format)
  const isHex = flags.hex === true || !isTextFormat(format)
  await convert((line) => {
    const bytes = FORMATS[format].encode(line)
    return isHex ? bytesToHex(bytes) : bytes
  })
}

/** Exit code 2 at the first line that is no good; what came before it has been printed. */
async function convert(convertLine: (line: Uint8Array) => string | Uint8Array): Promise<void> {
  for await (const lines of readLines(process.stdin)) {
    const converted: (string | Uint8Array)[] = []
    let problem: CommandError | undefined
    for (const { number, bytes } of lines) {
      try {
        converted.push(convertLine(bytes))
      } catch (error) {
        if (!(error instanceof DecodeError || error instanceof EncodeError)) throw error
        problem = new CommandError(2, `line ${number}: ${error.message}`, error)
        break
      }
    }
    if (converted.length > 0) await printLines(converted)
    if (problem !== undefined) throw problem
  }
}

function parseFormat(name: string): FormatName {
  if (Object.hasOwn(FORMATS, name)) return name as FormatName
  throw new CommandError(2, `unknown format '${name}': ${Object.keys(FORMATS).join(', ')}`)
}
