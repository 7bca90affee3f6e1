/** Log messages that real nodes sent, received by our logger: the files equal those of Zeek's own logger. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../test/support/golden.js'
import { fromHex, readJsonLines, vectorNames, vectorPath } from '../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../broker/envelope.js'
import { FrameDecoder } from '../broker/frame.js'
import { ByteReader } from '../data/byte-reader.js'
import { type OpenedMessage, openMessage } from '../data/messages.js'
import { MemoryDisk } from '../testing/memory-disk.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { LogReceiver } from './log-receiver.js'
import { LogStore } from './log-store.js'

interface Chunk {
  readonly t: number
  readonly conn: number
  readonly dir: string
  readonly hex: string
}

/** A connector sends at most this many frames before its first envelope; their tags are 6 to 12. */
const HANDSHAKE_FRAMES = 4

/** Logs that the recorded logger also writes itself. */
const OWN_LOGS = new Set(['cluster.log', 'reporter.log', 'broker.log', 'packet_filter.log'])

/** Feeds everything recorded in a folder to a logger, in order of time; returns its files and what it complained of. */
async function replay(folder: string): Promise<{ disk: MemoryDisk; problems: string[] }> {
  const time = new VirtualTime()
  const disk = new MemoryDisk()
  const problems: string[] = []
  const store = new LogStore({
    directory: 'logs',
    disk,
    clock: time,
    timers: time,
    onProblem: (code) => problems.push(code),
  })
  const receiver = new LogReceiver(store, (code) => problems.push(code))
  const chunks: (Chunk & { readonly peer: string })[] = []
  for (const file of vectorNames(`broker-streams/${folder}`).filter((name) =>
    name.endsWith('-logger.jsonl'),
  )) {
    for (const chunk of readJsonLines<Chunk>(`broker-streams/${folder}/${file}`)) {
      if (chunk.dir === 'c2l') chunks.push({ ...chunk, peer: file })
    }
  }
  chunks.sort((a, b) => a.t - b.t)
  const decoders = new Map<string, FrameDecoder>()
  const frameCounts = new Map<string, number>()
  const reader = new ByteReader()
  const opened: OpenedMessage = { type: 0, contentSize: 0, surplus: 0 }
  const header = emptyEnvelopeHeader()
  for (const { hex, peer } of chunks) {
    const decoder = decoders.get(peer) ?? new FrameDecoder(2 ** 20)
    decoders.set(peer, decoder)
    decoder.push(fromHex(hex), (bytes, start, end) => {
      const index = frameCounts.get(peer) ?? 0
      frameCounts.set(peer, index + 1)
      if (index < HANDSHAKE_FRAMES && bytes[start]! >= 6 && bytes[start]! <= 12) return true
      reader.reset(bytes, start, end)
      readEnvelopeHeader(reader, header)
      if (header.type !== ENVELOPE.data) return true
      openMessage(reader, opened)
      receiver.receive(peer, reader, opened)
      return true
    })
  }
  await store.close()
  return { disk, problems }
}

function withoutTimes(text: string): string {
  return text.replaceAll(/^#(open|close)\t.*$/gm, '#$1')
}

const folders = vectorNames('broker-streams').filter((name) => name.startsWith('f-logging-tsv-'))

describe('records that Zeek sent', () => {
  test('two recordings', () => {
    expect(folders).toEqual(['f-logging-tsv-ipv6-http', 'f-logging-tsv-wikipedia'])
  })

  test.each(folders)('%s: every loggable type, byte-equal', async (folder) => {
    const { disk } = await replay(folder)
    const expected = readFileSync(
      vectorPath(`logs/all_types-${folder.replace('f-logging-tsv-', '')}.log`),
      'utf8',
    )
    expect(withoutTimes(disk.text('logs/all_types.log'))).toBe(withoutTimes(expected))
  })

  test.skipIf(!hasGolden).each(folders)(
    `%s: every log of the capture, byte-equal${goldenReason}`,
    async (folder) => {
      const { disk, problems } = await replay(folder)
      const files = goldenPath(`broker-streams/${folder}/logger-files`)!
      const names = readdirSync(files).filter((name) => !OWN_LOGS.has(name))
      expect(names.length).toBeGreaterThan(3)
      for (const name of names) {
        expect(withoutTimes(disk.text(`logs/${name}`)), name).toBe(
          withoutTimes(readFileSync(join(files, name), 'utf8')),
        )
      }
      expect(problems).toEqual([])
    },
  )
})
