/** Log messages that real nodes sent, received by our logger: the files equal those of Zeek's own logger. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../../test/support/golden.js'
import { fromHex, readJsonLines, vectorNames, vectorPath } from '../../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../../broker/envelope.js'
import { FrameDecoder } from '../../broker/frame.js'
import { ByteReader } from '../../data/byte-reader.js'
import { type OpenedMessage, openMessage } from '../../data/messages.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { VirtualTime } from '../../testing/virtual-time.js'
import { LogStore } from '../files/log-store.js'
import { DEFAULT_ASCII_OPTIONS } from '../writers/ascii-options.js'
import { asciiWriter } from '../writers/ascii-writer.js'
import { LogReceiver } from './log-receiver.js'

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

interface Logger {
  readonly disk: MemoryDisk
  readonly problems: string[]
  readonly store: LogStore
  readonly receiver: LogReceiver
}

async function startLogger(useJson: boolean): Promise<Logger> {
  const time = new VirtualTime()
  const disk = new MemoryDisk()
  const problems: string[] = []
  const onProblem = (code: string): void => void problems.push(code)
  const store = new LogStore({
    directory: 'logs',
    journalDirectory: 'journal',
    node: 'logger',
    disk,
    clock: time,
    timers: time,
    writers: [asciiWriter(disk, { ...DEFAULT_ASCII_OPTIONS, useJson })],
    onProblem,
  })
  const receiver = new LogReceiver({
    store,
    timers: time,
    nodeOf: (peerId) => peerId,
    tell: () => expect.fail('Zeek does not number its records'),
    onProblem,
  })
  await store.ready
  return { disk, problems, store, receiver }
}

/** Feeds everything recorded in a folder to a logger, in order of time. */
async function replay(folder: string): Promise<Logger> {
  const logger = await startLogger(folder.includes('-json-'))
  const { store, receiver } = logger
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
  return logger
}

function withoutTimes(text: string): string {
  return text.replaceAll(/^#(open|close)\t.*$/gm, '#$1')
}

const folders = vectorNames('broker-streams').filter((name) => name.startsWith('f-logging-'))

/** Data lines of a log, sorted. */
function sortedLines(text: string): string[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .sort()
}

/** Compares the files of our logger with those of Zeek's. */
function compare(disk: MemoryDisk, files: string): void {
  const names = readdirSync(files)
  const ofOthers = names.filter((name) => !OWN_LOGS.has(name))
  expect(ofOthers.length).toBeGreaterThan(3)
  for (const name of ofOthers) {
    expect(withoutTimes(disk.text(`logs/${name}`)), name).toBe(
      withoutTimes(readFileSync(join(files, name), 'utf8')),
    )
  }
  for (const name of names.filter((own) => OWN_LOGS.has(own) && own !== 'packet_filter.log')) {
    const received = sortedLines(disk.text(`logs/${name}`))
    const written = sortedLines(readFileSync(join(files, name), 'utf8'))
    expect(received.length, name).toBeGreaterThan(0)
    expect(written, name).toEqual(expect.arrayContaining(received))
    // The other lines are the logger's own: it says so where a log names its node.
    const rest = received.reduce(
      (left, line) => {
        left.splice(left.indexOf(line), 1)
        return left
      },
      [...written],
    )
    if (name === 'cluster.log') expect(rest.filter((line) => !/\blogger\b/.test(line))).toEqual([])
  }
}

describe('records that Zeek sent over Broker', () => {
  test('four recordings', () => {
    expect(folders).toHaveLength(4)
  })

  test.each(folders.filter((name) => name.includes('-tsv-')))(
    '%s: every loggable type, byte-equal',
    async (folder) => {
      const { disk } = await replay(folder)
      const expected = readFileSync(
        vectorPath(`logs/all_types-${folder.replace('f-logging-tsv-', '')}.log`),
        'utf8',
      )
      expect(withoutTimes(disk.text('logs/all_types.log'))).toBe(withoutTimes(expected))
    },
  )

  test.skipIf(!hasGolden).each(folders)(
    `%s: every log of the capture, byte-equal${goldenReason}`,
    async (folder) => {
      const { disk, problems } = await replay(folder)
      compare(disk, goldenPath(`broker-streams/${folder}/logger-files`)!)
      expect(problems).toEqual([])
    },
  )
})

describe('records that Zeek sent over ZeroMQ', () => {
  test.skipIf(!hasGolden)(`cluster-6-nodes: every log, byte-equal${goldenReason}`, async () => {
    const folder = goldenPath('zeromq/cluster-6-nodes')!
    const logger = await startLogger(false)
    const batches = readFileSync(join(folder, 'logs.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { readonly t: number; readonly frames: readonly string[] })
      .sort((a, b) => a.t - b.t)
    expect(batches).toHaveLength(77)
    const { actions } = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as { actions: string[] }
    const loggerEnd = Number.parseFloat(actions.find((action) => action.endsWith('SIGTERM logger'))!)
    for (const { t, frames } of batches) {
      // The recorder still took what the manager sent when the logger was gone.
      if (t > loggerEnd) continue
      const [, sender, , batch] = frames.map(fromHex)
      logger.receiver.receiveZeekBin(Buffer.from(sender!).toString(), new ByteReader(batch!))
    }
    await logger.store.close()
    compare(logger.disk, join(folder, 'logger-files'))
    expect(logger.problems).toEqual([])
  })
})
