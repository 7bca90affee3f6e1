/** The promises of the page on stores: each names a test that exists. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const promises = readFileSync(join(ROOT, 'docs/stores.md'), 'utf8')
  .split('\n')
  .flatMap((line) => {
    const match = /^\| (.+?) \|.* `(\S+\.test\.ts): (.+)` \|$/.exec(line)
    return match === null ? [] : [{ promise: match[1]!, file: match[2]!, title: match[3]! }]
  })

describe('docs/stores.md', () => {
  test('makes promises', () => {
    expect(promises.length).toBeGreaterThan(20)
  })

  test.each(promises)('$promise: its test exists', ({ file, title }) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title)
  })
})
