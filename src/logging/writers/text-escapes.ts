/**
 * How Zeek makes any bytes printable (spec/cluster-framework.md 6.6, 6.7): `\xhh` for what is not. Valid UTF-8 may stay,
 * but one bad byte makes Zeek escape all bytes of the same text that are not ASCII.
 */
import type { ByteWriter } from '../../data/byte-writer.js'
import { writeText } from './ascii-number.js'

const BACKSLASH = 0x5c
const SPACE = 0x20
const DELETE = 0x7f
const HEX = Buffer.from('0123456789abcdef')

/** `\x` and the two digits of a byte. */
export function writeHexEscape(writer: ByteWriter, byte: number): void {
  const offset = writer.reserve(4)
  writer.bytes[offset] = BACKSLASH
  writer.bytes[offset + 1] = 0x78
  writer.bytes[offset + 2] = HEX[byte >>> 4]!
  writer.bytes[offset + 3] = HEX[byte & 15]!
}

/**
 * Length of the character at `start` that Zeek takes for good UTF-8, else 0: no control characters, no private use area
 * of the basic plane, and nothing from U+FFF0 to U+FFFF.
 */
export function utf8Length(bytes: Uint8Array, start: number, end: number): number {
  const first = bytes[start]!
  if (first < 0x80) return first >= SPACE && first !== DELETE ? 1 : 0
  const length = first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0
  if (length === 0 || start + length > end) return 0
  let point = first & (0x7f >> length)
  for (let index = start + 1; index < start + length; index += 1) {
    const byte = bytes[index]!
    if ((byte & 0xc0) !== 0x80) return 0
    point = (point << 6) | (byte & 0x3f)
  }
  return isGoodPoint(point, length) ? length : 0
}

const SMALLEST_POINTS = [0, 0, 0x80, 0x800, 0x10000]

function isGoodPoint(point: number, length: number): boolean {
  if (point < SMALLEST_POINTS[length]! || point > 0x10ffff) return false
  const isSurrogate = point >= 0xd800 && point <= 0xdfff
  const isControl = point <= 0x9f
  const isPrivate = point >= 0xe000 && point <= 0xf8ff
  const isSpecial = point >= 0xfff0 && point <= 0xffff
  return !isSurrogate && !isControl && !isPrivate && !isSpecial
}

/** Whether a text has only characters that need no escape as UTF-8; `isKept` allows control characters. */
export function isCleanUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
  isKept: (control: number) => boolean = () => false,
): boolean {
  for (let index = start; index < end; ) {
    const length = isKept(bytes[index]!) ? 1 : utf8Length(bytes, index, end)
    if (length === 0) return false
    index += length
  }
  return true
}

/** Escapes for the texts of one kind of file. */
export class TextEscapes {
  /** In the order in which Zeek tries them. */
  readonly #sequences: readonly Buffer[]
  readonly #keepsUtf8: boolean
  /** By byte: 1 for what needs no escape wherever it stands. */
  readonly #plain = new Uint8Array(256).fill(1, SPACE, DELETE)

  /** `sequences`: separators, which must not stand in a text; each of their bytes is escaped. */
  constructor(sequences: readonly string[], keepsUtf8: boolean) {
    // With an empty one Zeek finds none of the others.
    this.#sequences = sequences.includes('')
      ? []
      : sequences.map((text) => Buffer.from(text)).sort(Buffer.compare)
    this.#keepsUtf8 = keepsUtf8
    this.#plain[BACKSLASH] = 0
    for (const [first = 0] of this.#sequences) this.#plain[first] = 0
  }

  /** Appends `bytes[start, end)`. */
  write(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
    const plain = this.#plain
    let plainEnd = start
    while (plainEnd < end && plain[bytes[plainEnd]!] === 1) plainEnd += 1
    if (plainEnd === end) return writer.slice(bytes, start, end)
    // What stands between two escapes is a text of its own: bad bytes in one leave the others alone.
    let partStart = start
    for (let index = start; index < end; ) {
      const length = this.#escapeAt(bytes, index, end)
      if (length === 0) {
        index += 1
        continue
      }
      this.#writePart(writer, bytes, partStart, index)
      for (let next = index; next < index + length; next += 1) {
        if (bytes[next] === BACKSLASH) writeText(writer, '\\\\')
        else writeHexEscape(writer, bytes[next]!)
      }
      index += length
      partStart = index
    }
    this.#writePart(writer, bytes, partStart, end)
  }

  /** Length of what has to be escaped at `index`, or 0. */
  #escapeAt(bytes: Uint8Array, index: number, end: number): number {
    const byte = bytes[index]!
    if (byte === BACKSLASH) return 1
    if (!this.#keepsUtf8 && (byte < SPACE || byte >= DELETE)) return 1
    for (const sequence of this.#sequences) {
      if (index + sequence.length > end) continue
      if (sequence.every((expected, offset) => bytes[index + offset] === expected)) return sequence.length
    }
    return 0
  }

  #writePart(writer: ByteWriter, bytes: Uint8Array, start: number, end: number): void {
    const keepsHighBytes = this.#keepsUtf8 && isCleanUtf8(bytes, start, end)
    for (let index = start; index < end; index += 1) {
      const byte = bytes[index]!
      if ((byte >= SPACE && byte < DELETE) || keepsHighBytes) writer.u8(byte)
      else writeHexEscape(writer, byte)
    }
  }
}

/** As Zeek shows separators and markers in the header of a file. */
export function escapedForHeader(text: string): string {
  return Array.from(Buffer.from(text), (byte) =>
    byte > SPACE && byte < DELETE ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`,
  ).join('')
}
