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

/** Connections on which our endpoint answers something else on purpose. */
const DIFFERENCES: Readonly<Record<string, ReadonlyMap<number, string>>> = {}

const CASES = STREAMS.flatMap((stream) =>
  (['connector', 'listener'] as const).map((side) => [stream, side] as const),
)

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
