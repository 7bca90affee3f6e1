/**
 * Texts that need no escaping, as most do: checked and copied four bytes at a time. The tests are those of
 * "determine if a word has a byte less than n" (S. E. Anderson, Bit Twiddling Hacks), with a word for each byte that
 * is not allowed.
 */

/** The byte in all places of a word. */
function repeated(byte: number): number {
  return byte * 0x01010101
}

const SPACES = repeated(0x20)
const ONES = repeated(1)
const DELETES = repeated(0x7f)
const HIGH_BITS = repeated(0x80) | 0

/** A byte that a text must not contain, for `putPlainText`. */
export function forbiddenByte(character: string): number {
  return repeated(character.charCodeAt(0)) | 0
}

/**
 * Copies the text `[start, end)` of `source`, which is not empty and has at least four bytes of anything before its
 * end. Returns where the copy ends, or -1 when the text has other characters than printable ASCII or one of those
 * forbidden; the bytes at `offset` are of no meaning then. Up to three bytes behind the copy are overwritten.
 */
export function putPlainText(
  view: DataView,
  offset: number,
  source: DataView,
  start: number,
  end: number,
  forbidden1: number,
  forbidden2: number,
): number {
  let from = start
  let to = offset
  let faults = 0
  const last = end - 4
  while (from < last) {
    const word = source.getInt32(from, true)
    const hit1 = word ^ forbidden1
    const hit2 = word ^ forbidden2
    const hit3 = word ^ DELETES
    faults |=
      word |
      ((word - SPACES) & ~word) |
      ((hit1 - ONES) & ~hit1) |
      ((hit2 - ONES) & ~hit2) |
      ((hit3 - ONES) & ~hit3)
    view.setInt32(to, word, true)
    from += 4
    to += 4
  }
  // The last one to four bytes, filled up with spaces.
  const rest = end - from
  const word = (source.getInt32(last, true) >>> (32 - 8 * rest)) | (rest === 4 ? 0 : SPACES << (8 * rest))
  const hit1 = word ^ forbidden1
  const hit2 = word ^ forbidden2
  const hit3 = word ^ DELETES
  faults |=
    word |
    ((word - SPACES) & ~word) |
    ((hit1 - ONES) & ~hit1) |
    ((hit2 - ONES) & ~hit2) |
    ((hit3 - ONES) & ~hit3)
  view.setInt32(to, word, true)
  return (faults & HIGH_BITS) === 0 ? to + rest : -1
}
