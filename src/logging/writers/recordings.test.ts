/** Records that real nodes sent to a real logger: our lines are those of its files. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { goldenPath, goldenReason, hasGolden } from '../../../test/support/golden.js'
import { formatted } from '../../../test/support/log-records.js'
import { fromHex, readJsonLines, vectorNames, vectorPath } from '../../../test/support/vectors.js'
import { ENVELOPE, emptyEnvelopeHeader, readEnvelopeHeader } from '../../broker/envelope.js'
import { FrameDecoder } from '../../broker/frame.js'
import { ByteReader } from '../../data/byte-reader.js'
import { type LogWriterDescription, readLogMessages } from '../../data/log-messages.js'
import { type OpenedMessage, openMessage } from '../../data/messages.js'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { asciiWriter } from './ascii-writer.js'

interface Chunk {
  readonly t: number
  readonly dir: string
  readonly hex: string
}

interface RecordedLog {
  readonly description: LogWriterDescription
  readonly records: Uint8Array[]
}

/** A connector sends at most this many frames before its first envelope; their tags are 6 to 12. */
const HANDSHAKE_FRAMES = 4

/** Logs that the recorded logger also writes itself. */
const OWN_LOGS = new Set(['cluster.log', 'reporter.log', 'broker.log', 'packet_filter.log'])

/** What came to the logger of a recording, in order of time, by the path of the log. */
function recordedLogs(folder: string): ReadonlyMap<string, RecordedLog> {
  const logs = new Map<string, RecordedLog>()
  const files = vectorNames(`broker-streams/${folder}`).filter((name) => name.endsWith('-logger.jsonl'))
  const peers = files.map((file) => ({ decoder: new FrameDecoder(2 ** 20), frames: 0, file }))
  const chunks = peers.flatMap((peer) =>
    readJsonLines<Chunk>(`broker-streams/${folder}/${peer.file}`)
      .filter(({ dir }) => dir === 'c2l')
      .map((chunk) => ({ ...chunk, peer })),
  )
  const reader = new ByteReader()
  const opened: OpenedMessage = { type: 0, contentSize: 0, surplus: 0 }
  const header = emptyEnvelopeHeader()
  for (const { hex, peer } of chunks.sort((a, b) => a.t - b.t)) {
    peer.decoder.push(fromHex(hex), (bytes, start, end) => {
      peer.frames += 1
      if (peer.frames <= HANDSHAKE_FRAMES && bytes[start]! >= 6 && bytes[start]! <= 12) return true
      reader.reset(bytes, start, end)
      readEnvelopeHeader(reader, header)
      if (header.type !== ENVELOPE.data) return true
      openMessage(reader, opened)
      readLogMessages(reader, opened, {
        create: (description) => {
          const { path } = description
          if (!logs.has(path)) logs.set(path, { description, records: [] })
        },
        write: (_stream, _writer, path, record, from, to) => {
          logs.get(path)?.records.push(Uint8Array.from(record.subarray(from, to)))
        },
      })
      return true
    })
  }
  return logs
}

function linesOf(log: RecordedLog | undefined, folder: string): string {
  if (log === undefined) return ''
  const writer = asciiWriter(new MemoryDisk(), {
    ...DEFAULT_ASCII_OPTIONS,
    useJson: folder.includes('-json-'),
  })
  return Buffer.from(formatted(writer, log.description.fields, log.records)).toString()
}

function withoutMeta(text: string): string {
  return text.replaceAll(/^#.*\n/gm, '')
}

const folders = vectorNames('broker-streams').filter((name) => name.startsWith('f-logging-'))

describe('records that Zeek sent', () => {
  test('four recordings', () => {
    expect(folders.length).toBe(4)
  })

  test.each(folders)('%s: every loggable type', (folder) => {
    const capture = folder.replace(/^f-logging-(tsv|json)-/, '')
    const name = folder.includes('-json-')
      ? `log-writers/all_types-${capture}.json.log`
      : `logs/all_types-${capture}.log`
    const written = linesOf(recordedLogs(folder).get('all_types'), folder)
    expect(written.split('\n').length).toBeGreaterThan(5)
    expect(written).toBe(withoutMeta(readFileSync(vectorPath(name), 'utf8')))
  })

  test.skipIf(!hasGolden).each(folders)(`%s: every log of the capture${goldenReason}`, (folder) => {
    const logs = recordedLogs(folder)
    const files = goldenPath(`broker-streams/${folder}/logger-files`)!
    const names = readdirSync(files).filter((name) => !OWN_LOGS.has(name))
    expect(names.length).toBeGreaterThan(3)
    for (const name of names) {
      const written = linesOf(logs.get(name.replace('.log', '')), folder)
      expect(written, name).toBe(withoutMeta(readFileSync(join(files, name), 'utf8')))
    }
  })
})
