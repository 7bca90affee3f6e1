/** Lines as bytes, whatever the chunks are that they come in. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readLines } from './lines.js'

async function* chunks(...texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text, 'latin1')
}

async function linesOf(...texts: readonly string[]): Promise<[number, string][]> {
  const lines: [number, string][] = []
  for await (const some of readLines(chunks(...texts))) {
    for (const { number, bytes } of some) lines.push([number, Buffer.from(bytes).toString('latin1')])
  }
  return lines
}

describe('lines', () => {
  test('are numbered from 1; empty ones count but are skipped', async () => {
    expect(await linesOf('a\n\r\n\nb\r\n\xff\xc3')).toEqual([
      [1, 'a'],
      [4, 'b'],
      [5, '\xff\xc3'],
    ])
  })

  test('are the same however the input is cut', async () => {
    const text = 'one\n\ntwo\r\nthree\n\xe9four'
    const whole = await linesOf(text)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(text.length), { maxLength: 8 }), async (cuts) => {
        const ends = [...cuts.sort((a, b) => a - b), text.length]
        const parts = ends.map((end, index) => text.slice(index === 0 ? 0 : ends[index - 1], end))
        expect(await linesOf(...parts)).toEqual(whole)
      }),
    )
  })

  test('have a limit', async () => {
    const reading = async (): Promise<void> => {
      for await (const lines of readLines(chunks('abc\n', 'de', 'fg'), 3)) {
        expect(lines.map(({ number }) => number)).toEqual([1])
      }
    }
    await expect(reading()).rejects.toThrow('line 2: longer than 3 bytes')
  })
})
