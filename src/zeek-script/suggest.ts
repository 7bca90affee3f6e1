/** Names close to a misspelt one, for messages. */

/** The candidate nearest to `text` when it is near enough to be a typing mistake. */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined
  // Two letters of a long name, one of a short one: `p` must not be offered for `ip`.
  let limit = Math.min(2, Math.floor(text.length / 2))
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - text.length) > limit) continue
    const distance = editDistance(text.toLowerCase(), candidate.toLowerCase())
    if (distance > limit || (distance === limit && best !== undefined)) continue
    best = candidate
    limit = distance
  }
  return best
}

/** `; did you mean X?`, or nothing. */
export function didYouMean(text: string, candidates: Iterable<string>, sign = ''): string {
  const name = nearest(text, candidates)
  return name === undefined ? '' : `; did you mean \`${sign}${name}\`?`
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= b.length; j += 1) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[b.length]!
}
