import { describe, expect, test } from 'vitest'
import { runTranscriptInMemory } from './run-transcript.js'
import { BROKER_TRANSCRIPTS } from './transcripts/broker/index.js'

const named = BROKER_TRANSCRIPTS.map((transcript) => [transcript.name, transcript] as const)

describe.each([65_536, 1])('in pieces of %i bytes', (chunkBytes) => {
  test.each(named)('%s', async (_name, transcript) => {
    expect(await runTranscriptInMemory(transcript, { chunkBytes })).toEqual({ kind: 'passed' })
  })
})
