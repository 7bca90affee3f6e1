/**
 * The logger's side of remote logging: log messages from peers to files. Who announced what is kept per peer: a
 * record belongs to the description that the same peer sent (spec/broker-protocol.md 6.4, 6.5).
 *
 * Batches that say where they come from are taken in order, each record once; what does not follow on what is there
 * is left out, and the sender told to go back.
 */
import type { Timer, Timers } from '../../base/time.js'
import type { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { DecodeError } from '../../data/decode-error.js'
import type { LogBatch } from '../../data/log-batch.js'
import {
  type BatchOrigin,
  type LogMessageHandler,
  type LogWriterDescription,
  readLogMessages,
} from '../../data/log-messages.js'
import type { OpenedMessage } from '../../data/messages.js'
import type { Position } from '../delivery/delivery-settings.js'
import type { LogFile } from '../files/log-file.js'
import { isSafeLogPath, type LogStore, type OpenWriter, sameColumns } from '../files/log-store.js'
import type { ReceivedSequence } from '../files/received-sequence.js'
import { LogConfigError } from '../writers/log-config-error.js'
import { readZeekBinBatch } from './zeek-bin-batch.js'

export interface LogReceiverSettings {
  readonly store: LogStore
  readonly timers: Timers
  /** The name of a peer's node, as far as it is known. */
  readonly nodeOf: (peerId: string) => string | undefined
  /**
   * Tells a node how far this logger has the records of one of its runs on disk; with `resend` it has to send again
   * what comes behind.
   */
  readonly tell: (node: string, run: string, positions: readonly Position[], resend: boolean) => void
  readonly onProblem: (code: string, message: string) => void
}

/** A writer that a peer announced. */
type Announced =
  | {
      readonly kind: 'open'
      /** Usually one. More when the columns of a log changed and records of before are still on their way. */
      readonly writers: readonly OpenWriter[]
      unnumbered: ReceivedSequence | undefined
    }
  | { readonly kind: 'refused' }

/** Writers that one peer may announce. */
const WRITERS_PER_PEER = 1024
/** Sets of columns that a writer may have had. */
const DESCRIPTIONS_PER_WRITER = 8
/** Before a sender is told to go back: what is on its way may still fill the gap. */
const GO_BACK_AFTER_MS = 50

export class LogReceiver {
  readonly #settings: LogReceiverSettings
  readonly #store: LogStore
  readonly #writers = new Map<string, Map<string, Announced>>()
  /** Sequences that moved on disk since their senders were told. */
  readonly #moved = new Set<ReceivedSequence>()
  /** Batches that were left out, by run and sequence. */
  readonly #behind = new Map<string, BatchOrigin>()
  #isTelling = false
  #goBackTimer: Timer | undefined
  #isReady = false
  readonly #walk = new Walk()

  constructor(settings: LogReceiverSettings) {
    this.#settings = settings
    const { store } = settings
    this.#store = store
    store.onStored = (sequences) => this.#stored(sequences)
    store.onRoom = () => this.#goBack()
    void store.ready.then(() => {
      this.#isReady = true
      this.#goBack()
    })
  }

  /**
   * One log message of a peer, whose data was checked; the reader stands behind `openMessage`. Throws `DecodeError`.
   */
  receive(peerId: string, reader: ByteReader, opened: OpenedMessage, origin?: BatchOrigin): void {
    const walk = this.#walk
    walk.begin(this, this.#writersOf(peerId), peerId)
    if (origin !== undefined && !this.#begin(origin, opened.contentSize)) return
    readLogMessages(reader, opened, walk)
    walk.end()
  }

  /** As `receive`, for a batch with records of one writer, which are in `bytes`. */
  receiveBatch(peerId: string, batch: LogBatch, bytes: Uint8Array, origin: BatchOrigin | undefined): void {
    const walk = this.#walk
    walk.begin(this, this.#writersOf(peerId), peerId)
    if (origin !== undefined && !this.#begin(origin, batch.records)) return
    walk.all(batch, bytes)
    walk.end()
  }

  #writersOf(peerId: string): Map<string, Announced> {
    let writers = this.#writers.get(peerId)
    if (writers === undefined) {
      writers = new Map()
      this.#writers.set(peerId, writers)
    }
    return writers
  }

  /** Finds out which records of a batch are new; false when there are none, or they cannot be taken now. */
  #begin(origin: BatchOrigin, size: number): boolean {
    const sequence = this.#accept(origin)
    if (sequence === 'refused') return false
    const received = sequence?.received ?? origin.confirmed
    const skipped = received + 1 - origin.first
    this.#walk.numbers(origin, sequence, skipped)
    if (skipped < size) return true
    // Its sender does not know yet.
    if (sequence !== undefined) this.#stored([sequence])
    return false
  }

  /**
   * A batch of Zeek's `zeek-bin-serializer`, from a node by its name; it has its own description. Throws `DecodeError`;
   * nothing of the batch is written then.
   */
  receiveZeekBin(node: string, reader: ByteReader): void {
    const key = `zeek-bin ${node}`
    const writers = this.#writers.get(key) ?? new Map<string, Announced>()
    this.#writers.set(key, writers)
    const walk = this.#walk
    walk.begin(this, writers, node)
    let of: LogWriterDescription | undefined
    readZeekBinBatch(
      reader,
      ({ description }) => {
        of = description
        this.announce(writers, description)
      },
      (bytes, start, end) => walk.write(of!.stream, of!.writer, of!.path, bytes as Buffer, start, end),
    )
    walk.end()
  }

  /** A sender asks how far its runs are here. */
  query(node: string, runs: readonly string[]): void {
    if (!this.#isReady) {
      void this.#store.ready.then(() => this.query(node, runs))
      return
    }
    for (const run of runs) this.#settings.tell(node, run, this.#positions(run), true)
  }

  /** The peer is gone; if it comes back it announces its writers again. */
  forget(peerId: string): void {
    this.#writers.delete(peerId)
  }

  close(): void {
    this.#goBackTimer?.cancel()
  }

  /** @internal */
  announce(writers: Map<string, Announced>, description: LogWriterDescription): void {
    const { stream, path, writer, fields } = description
    const key = writerKey(stream, writer, path)
    const known = writers.get(key)
    const others = known?.kind === 'open' ? known.writers : []
    if (known?.kind === 'refused' || others.length >= DESCRIPTIONS_PER_WRITER) return
    if (others.some((other) => sameColumns(other.description.fields, fields))) return
    if (!isSafeLogPath(path) || writers.size >= WRITERS_PER_PEER || this.#store.hasAllFiles) {
      return this.#refuseWriter(writers, key, 'refused-log', `log ${path} of ${stream} is not accepted`)
    }
    if (!this.#store.hasWriter(writer)) {
      const message = `${stream} asks for ${writer}, which this logger does not have`
      return this.#refuseWriter(writers, key, 'unknown-log-writer', message)
    }
    try {
      const all = [...others, this.#store.openWriter(description)]
      const unnumbered = known?.kind === 'open' ? known.unnumbered : undefined
      writers.set(key, { kind: 'open', writers: all, unnumbered })
    } catch (error) {
      if (!(error instanceof LogConfigError)) throw error
      this.#refuseWriter(writers, key, error.code, `log ${path} of ${stream}: ${error.message}`)
    }
  }

  /** @internal */
  get store(): LogStore {
    return this.#store
  }

  /** @internal The sequence that counts the records of a peer which does not number them. */
  unnumbered(peerId: string, stream: string, path: string): ReceivedSequence {
    const node = this.#settings.nodeOf(peerId) ?? peerId
    return this.#store.sequences.unnumbered(node, stream, path)
  }

  /** @internal */
  refuse(origin: BatchOrigin): void {
    this.#behind.set(behindKey(origin), origin)
    // While memory is full, or the files of before are being looked at, there is no point in sending again.
    if (!this.#isReady || this.#store.isFull) return
    this.#goBackTimer ??= this.#settings.timers.after(GO_BACK_AFTER_MS, () => this.#goBack())
  }

  #refuseWriter(writers: Map<string, Announced>, key: string, code: string, message: string): void {
    if (writers.size < WRITERS_PER_PEER) writers.set(key, { kind: 'refused' })
    this.#settings.onProblem(code, message)
  }

  /** The sequence of a batch, undefined for a new one; `refused` when the batch does not follow on it. */
  #accept(origin: BatchOrigin): ReceivedSequence | undefined | 'refused' {
    const sequence = this.#store.sequences.find(origin.run, origin.sequence)
    const next = (sequence?.received ?? origin.confirmed) + 1
    const follows = sequence === undefined ? origin.first === next : origin.first <= next
    if (!this.#isReady || this.#store.isFull || !follows) {
      this.refuse(origin)
      return 'refused'
    }
    if (this.#behind.size > 0) this.#behind.delete(behindKey(origin))
    return sequence
  }

  #positions(run: string): Position[] {
    const positions: Position[] = []
    for (const { id, stored } of this.#store.sequences.ofRun(run)) {
      positions.push({ sequence: id, number: stored })
    }
    return positions
  }

  #stored(sequences: Iterable<ReceivedSequence>): void {
    for (const sequence of sequences) if (sequence.run !== '') this.#moved.add(sequence)
    if (this.#isTelling || this.#moved.size === 0) return
    this.#isTelling = true
    this.#settings.timers.soon(() => this.#tellMoved())
  }

  #tellMoved(): void {
    this.#isTelling = false
    const runs = new Map<string, { readonly node: string; readonly positions: Position[] }>()
    for (const { node, run, id, stored } of this.#moved) {
      const told = runs.get(run) ?? { node, positions: [] }
      runs.set(run, told)
      told.positions.push({ sequence: id, number: stored })
    }
    this.#moved.clear()
    for (const [run, { node, positions }] of runs) this.#settings.tell(node, run, positions, false)
  }

  #goBack(): void {
    this.#goBackTimer?.cancel()
    this.#goBackTimer = undefined
    const runs = new Map([...this.#behind.values()].map(({ run, node }) => [run, node]))
    this.#behind.clear()
    for (const [run, node] of runs) this.#settings.tell(node, run, this.#positions(run), true)
  }
}

/** Goes over the messages of one batch; one object for all, since there are many. */
class Walk implements LogMessageHandler {
  #receiver!: LogReceiver
  #writers!: Map<string, Announced>
  #peerId = ''
  #origin: BatchOrigin | undefined
  #sequence: ReceivedSequence | undefined
  /** Records at the start of a batch that are there already. */
  skipped = 0
  #index = 0
  // Of the writer that the last record had.
  #stream = ''
  #path = ''
  #writerName = ''
  #file: LogFile | undefined
  #current: ReceivedSequence | undefined
  #startLength = 0
  #records = 0
  #bytes: Uint8Array = new Uint8Array(0)
  #start = 0
  #isRefused = false
  /** Memory is full, and the sender does not send again. */
  #isShed = false

  begin(receiver: LogReceiver, writers: Map<string, Announced>, peerId: string): void {
    this.#receiver = receiver
    this.#writers = writers
    this.#peerId = peerId
    this.#origin = undefined
    this.#sequence = undefined
    this.skipped = 0
    this.#index = 0
    this.#stream = ''
    this.#file = undefined
    this.#isRefused = false
  }

  numbers(origin: BatchOrigin, sequence: ReceivedSequence | undefined, skipped: number): void {
    this.#origin = origin
    this.#sequence = sequence
    this.skipped = skipped
  }

  create(description: LogWriterDescription): void {
    this.#receiver.announce(this.#writers, description)
  }

  write(stream: string, writer: string, path: string, bytes: Buffer, start: number, end: number): void {
    const index = this.#index
    this.#index = index + 1
    if (index < this.skipped || this.#isRefused) return
    if (path !== this.#path || stream !== this.#stream || writer !== this.#writerName) {
      this.end()
      this.#change(stream, writer, path, bytes, start, end)
    }
    const sequence = this.#current
    if (sequence === undefined) {
      if (this.#isShed) this.#receiver.store.countShed(1)
      return
    }
    const file = this.#file
    sequence.received += 1
    this.#bytes = bytes
    this.#start = start
    if (file === undefined) sequence.invalid += 1
    else if (this.#receiver.store.append(file, bytes, start, end)) this.#records += 1
    else sequence.invalid += 1
  }

  /** All records of a batch of one writer. */
  all({ stream, writer, path, records, ranges }: LogBatch, bytes: Uint8Array): void {
    this.#change(stream, writer, path, bytes, ranges[0]!, ranges[1]!)
    const sequence = this.#current
    const file = this.#file
    const { store } = this.#receiver
    if (sequence === undefined) {
      if (this.#isShed) store.countShed(records)
      return
    }
    const first = Math.max(0, this.skipped)
    sequence.received += records - first
    this.#bytes = bytes
    this.#start = ranges[2 * records - 2]!
    if (file === undefined) {
      sequence.invalid += records - first
      return
    }
    for (let index = first; index < records; index += 1) {
      if (store.append(file, bytes, ranges[2 * index]!, ranges[2 * index + 1]!)) this.#records += 1
      else sequence.invalid += 1
    }
  }

  /** What was appended to the current file is a part of its chunk now. */
  end(): void {
    const sequence = this.#current
    this.#current = undefined
    this.#stream = ''
    if (sequence === undefined) return
    const file = this.#file
    // Nothing has to be stored for records that are refused.
    if (file === undefined) sequence.stored = sequence.received
    else {
      const size = file.writer.length - this.#startLength
      file.appended(this.#records, size, sequence, sequence.received, this.#bytes, this.#start)
    }
  }

  #change(stream: string, writer: string, path: string, bytes: Uint8Array, start: number, end: number): void {
    this.#stream = stream
    this.#path = path
    this.#writerName = writer
    this.#records = 0
    const { store } = this.#receiver
    const announced = this.#writers.get(writerKey(stream, writer, path))
    this.#file = undefined
    this.#isShed = false
    if (announced === undefined) {
      store.countWithoutWriter(stream, path)
      // Its sender describes it and sends again.
      if (this.#origin !== undefined) this.#receiver.refuse(this.#origin)
      this.#isRefused = this.#origin !== undefined
      return
    }
    this.#current = this.#sequenceFor(announced, stream, path)
    if (announced.kind === 'refused' || this.#current === undefined) return
    this.#file = fileFor(announced.writers, bytes, start, end)
    this.#startLength = this.#file.writer.length
  }

  #sequenceFor(announced: Announced, stream: string, path: string): ReceivedSequence | undefined {
    const origin = this.#origin
    const { store } = this.#receiver
    if (origin !== undefined) {
      const { node, run, sequence, confirmed } = origin
      this.#sequence ??= store.sequences.add(node, run, sequence, stream, path, confirmed)
      return this.#sequence
    }
    if (store.isFull) {
      this.#isShed = true
      return undefined
    }
    if (announced.kind === 'refused') return undefined
    announced.unnumbered ??= this.#receiver.unnumbered(this.#peerId, stream, path)
    return announced.unnumbered
  }
}

/** The file of the writer whose columns a record has; that of the first when it has none of them. */
function fileFor(writers: readonly OpenWriter[], bytes: Uint8Array, start: number, end: number): LogFile {
  const [first] = writers
  if (writers.length > 1) {
    for (const writer of writers) if (hasColumns(writer, bytes, start, end)) return writer.file()
  }
  return first!.file()
}

function hasColumns(writer: OpenWriter, bytes: Uint8Array, start: number, end: number): boolean {
  try {
    writer.file().format(new ByteWriter(), bytes, start, end)
    return true
  } catch (error) {
    if (error instanceof DecodeError) return false
    throw error
  }
}

function behindKey({ run, sequence }: BatchOrigin): string {
  return `${run}\0${sequence}`
}

function writerKey(stream: string, writer: string, path: string): string {
  return `${stream}\0${writer}\0${path}`
}
