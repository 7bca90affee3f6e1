/**
 * Zeek's string literals. They hold bytes: an escape gives one byte, so `"w\xc3\xb6"` is the two letters `wö` in
 * UTF-8. Here strings are text, so a literal whose bytes are not UTF-8 cannot be represented and is refused.
 */

const SIMPLE: Readonly<Record<string, number>> = { n: 10, t: 9, v: 11, b: 8, r: 13, f: 12, a: 7 }

/** The meaning of what stands between the quotes; undefined when it is not UTF-8. */
export function unescapeString(body: string, lossy: boolean): string | undefined {
  if (lossy && body.includes('\ufffd')) return undefined
  if (!body.includes('\\')) return body
  const parts: Uint8Array[] = []
  const pattern = /\\(?:x([0-9A-Fa-f]{1,2})|([0-7]{1,3})|([\s\S]))|[^\\]+/gu
  for (const match of body.matchAll(pattern)) {
    const [text, hex, octal, char] = match
    if (hex !== undefined) parts.push(Uint8Array.of(Number.parseInt(hex, 16)))
    else if (octal !== undefined) parts.push(Uint8Array.of(Number.parseInt(octal, 8) & 255))
    else if (char === undefined) parts.push(Buffer.from(text))
    else if (SIMPLE[char] !== undefined) parts.push(Uint8Array.of(SIMPLE[char]))
    else parts.push(Buffer.from(char))
  }
  return decodeUtf8(Buffer.concat(parts))
}

/** A literal that means `text`. */
export function quoteString(text: string): string {
  return `"${text.replace(/["\\\p{Cc}]/gu, (char) => escapeChar(char))}"`
}

/** UTF-8 to text; undefined when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}

function escapeChar(char: string): string {
  if (char === '"' || char === '\\') return `\\${char}`
  if (char === '\n') return '\\n'
  if (char === '\t') return '\\t'
  return [...Buffer.from(char)].map((byte) => `\\x${byte.toString(16).padStart(2, '0')}`).join('')
}
