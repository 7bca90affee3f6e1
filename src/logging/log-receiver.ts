/**
 * The logger's side of remote logging: log messages from peers to files. Who announced what is kept per peer: a
 * record belongs to the description that the same peer sent (spec/broker-protocol.md 6.4, 6.5).
 */
import type { ByteReader } from '../data/byte-reader.js'
import {
  ASCII_WRITER,
  type LogMessageHandler,
  type LogWriterDescription,
  readLogMessages,
} from '../data/log-messages.js'
import type { OpenedMessage } from '../data/messages.js'
import { isSafeLogPath, type LogStore, type OpenWriter } from './log-store.js'

/** Writers that one peer may announce. */
const WRITERS_PER_PEER = 1024

export class LogReceiver {
  readonly #store: LogStore
  readonly #onProblem: (code: string, message: string) => void
  readonly #writers = new Map<string, Map<string, OpenWriter>>()

  constructor(store: LogStore, onProblem: (code: string, message: string) => void) {
    this.#store = store
    this.#onProblem = onProblem
  }

  /** One log message of a peer; the reader stands behind `openMessage`. Throws `DecodeError`. */
  receive(peerId: string, reader: ByteReader, opened: OpenedMessage): void {
    const writers = this.#writers.get(peerId) ?? new Map<string, OpenWriter>()
    this.#writers.set(peerId, writers)
    const store = this.#store
    let lastPath = ''
    let lastStream = ''
    let last: OpenWriter | undefined
    const handler: LogMessageHandler = {
      create: (description) => this.#announce(writers, description),
      write: (stream, writer, path, bytes, start, end) => {
        if (last === undefined || path !== lastPath || stream !== lastStream) {
          last = writers.get(writerKey(stream, writer, path))
          lastPath = path
          lastStream = stream
        }
        if (last === undefined) store.countWithoutWriter(stream, path)
        else store.write(last, bytes, start, end)
      },
    }
    readLogMessages(reader, opened, handler)
  }

  /** The peer is gone; if it comes back it announces its writers again. */
  forget(peerId: string): void {
    this.#writers.delete(peerId)
  }

  #announce(writers: Map<string, OpenWriter>, description: LogWriterDescription): void {
    const key = writerKey(description.stream, description.writer, description.path)
    // As in Zeek, the first description counts.
    if (writers.has(key)) return
    if (!isSafeLogPath(description.path) || writers.size >= WRITERS_PER_PEER || this.#store.isFull) {
      return this.#onProblem(
        'refused-log',
        `log ${description.path} of ${description.stream} is not accepted`,
      )
    }
    if (description.writer !== ASCII_WRITER) {
      return this.#onProblem(
        'unknown-log-writer',
        `${description.stream} asks for ${description.writer}; only ${ASCII_WRITER} is available`,
      )
    }
    writers.set(key, this.#store.openWriter(description))
  }
}

function writerKey(stream: string, writer: string, path: string): string {
  return `${stream}\0${writer}\0${path}`
}
