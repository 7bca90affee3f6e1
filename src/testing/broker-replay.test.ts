/** Recordings of real programs, of which our endpoint takes one side and then the other. */
import { describe, expect, test } from 'vitest'
import { readJsonLines, vectorNames } from '../../test/support/vectors.js'
import { type RecordedChunk, replaysOf } from './broker-replay.js'
import { runTranscriptInMemory } from './run-transcript.js'
import { endpointSubject } from './subject-under-test.js'

const STREAMS = vectorNames('broker-streams')
  .filter((folder) => /^[abcgh]-/.test(folder))
  .flatMap((folder) =>
    vectorNames(`broker-streams/${folder}`)
      .filter((file) => file.startsWith('stream'))
      .map((file) => `${folder}/${file}`),
  )

/** Connections on which our endpoint answers something else on purpose, by stream and side. */
const DIFFERENCES: Readonly<Record<string, ReadonlyMap<number, string>>> = {
  'h-handshake-answers/stream.jsonl listener': new Map([
    [17, 'stricter: nil is refused; Zeek introduces itself to nil and waits for ever'],
    [24, 'stricter: the own id is refused; Zeek introduces itself to itself and waits for ever'],
  ]),
  'g-listener-sigterm-connector-retries/stream.jsonl listener': new Map([
    [2, 'the listener was gone: nobody sent a probe; it was the recorder that accepted'],
  ]),
}

const CASES = STREAMS.flatMap((stream) => {
  if (stream.startsWith('h-handshake-answers/')) return [[stream, 'listener']] as const
  if (stream.startsWith('h-handshake-answers-connector/')) return [[stream, 'connector']] as const
  // The other sides of those two were made by hand to do what no endpoint does.
  return (['connector', 'listener'] as const).map((side) => [stream, side] as const)
})

test('thirteen streams are replayed, those between two programs from both sides', () => {
  expect(CASES).toHaveLength(2 * 11 + 2)
})

describe.each([65_536, 1])('in pieces of %i bytes', (chunkBytes) => {
  test.each(CASES)('%s, our endpoint is the %s', async (stream, side) => {
    const chunks = readJsonLines<RecordedChunk>(`broker-streams/${stream}`)
    const skipped = new Set(DIFFERENCES[`${stream} ${side}`]?.keys())
    const replays = replaysOf(stream, chunks, side, skipped)
    expect(replays.length).toBeGreaterThan(0)
    for (const { transcript, subjectId } of replays) {
      const result = await runTranscriptInMemory(transcript, {
        chunkBytes,
        subject: (network, timers) => endpointSubject({ network, timers, id: subjectId }),
      })
      expect(result).toEqual({ kind: 'passed' })
    }
  })
})

describe('a replay can fail', () => {
  const play = (stream: string, chunks: readonly RecordedChunk[], side: 'connector' | 'listener') =>
    Promise.all(
      replaysOf(stream, chunks, side).map(({ transcript, subjectId }) =>
        runTranscriptInMemory(transcript, {
          subject: (network, timers) => endpointSubject({ network, timers, id: subjectId }),
        }),
      ),
    )

  test.each(
    Object.entries(DIFFERENCES).flatMap(([key, conns]) => [...conns].map((each) => [key, ...each] as const)),
  )('%s, connection %i: %s', async (key, conn) => {
    const [stream, side] = key.split(' ') as [string, 'connector' | 'listener']
    const chunks = readJsonLines<RecordedChunk>(`broker-streams/${stream}`)
    const only = chunks.filter((chunk) => chunk.conn === conn)
    const first = chunks.filter((chunk) => chunk.conn === 1)
    const results = await play(stream, [...first, ...only], side)
    expect(results).toContainEqual(expect.objectContaining({ kind: 'failed' }))
  })

  test('when one byte of what our side said is another one', async () => {
    const stream = 'c-subscription-changes/stream.jsonl'
    const chunks = readJsonLines<RecordedChunk>(`broker-streams/${stream}`)
    const damaged = chunks.map((chunk) => ({ ...chunk, hex: chunk.hex.replace('3c243e', '3c243f') }))
    const [result] = await play(stream, damaged, 'connector')
    expect(result).toMatchObject({ kind: 'failed' })
  })
})
