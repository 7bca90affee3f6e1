/**
 * One node's delivery of records with loggers that keep the other side of the bargain, on a disk in memory and a virtual
 * clock. Processes die at any write; links lose, double and delay messages. For the tests of `logging/delivery`.
 */
import type { Disk, DiskFile, FileInfo, FixedFile } from '../base/disk.js'
import { ClusterError } from '../base/errors.js'
import type { PublishOutcome } from '../bus/bus.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import {
  type BatchOrigin,
  type LogWriterDescription,
  readBatchOrigin,
  readLogMessages,
} from '../data/log-messages.js'
import { type Encodable, emptyOpenedMessage, openMessage } from '../data/messages.js'
import { LogDelivery } from '../logging/delivery/delivery.js'
import {
  DEFAULT_DELIVERY_LIMITS,
  type DeliveryLimits,
  type LedgerRow,
  type LogPriority,
  type Position,
  type RunLedger,
  type Sequence,
} from '../logging/delivery/delivery-settings.js'
import { MemoryDisk } from './memory-disk.js'
import { VirtualTime } from './virtual-time.js'

/** A disk whose process is killed at its n-th change: a part of that write is there, nothing after it. */
export class MortalDisk implements Disk {
  readonly #disk: MemoryDisk
  readonly #onKill: () => void
  /** Changes so far. */
  changes = 0
  /** The change at which the process dies. */
  dieAt = Number.POSITIVE_INFINITY
  /** Part of a write that is there when the process dies in it, or when it fails, 0 to 1. */
  tornPart = 0
  /** Whether the disk is full at a change. */
  isFull: (change: number) => boolean = () => false
  /** Whether a file of fixed size refuses to be overwritten at a change: a full disk is no reason. */
  refusesOverwrite: (change: number) => boolean = () => false
  /** Whether it refuses to remove a file. */
  refusesRemoval = false
  overwrites = 0
  isDead = false

  constructor(disk: MemoryDisk, onKill: () => void) {
    this.#disk = disk
    this.#onKill = onKill
  }

  kill(): void {
    this.isDead = true
    this.#onKill()
  }

  async makeDirectory(): Promise<void> {}

  async create(path: string): Promise<DiskFile> {
    await this.#step()
    return this.#mortal(this.#disk.createNow(path))
  }

  createNow(path: string): DiskFile {
    this.#stepNow()
    return this.#mortal(this.#disk.createNow(path))
  }

  /** Two changes: the file is there, empty; its content is. */
  createFixedNow(path: string, content: Uint8Array): FixedFile {
    this.createNow(path).appendNow(content)
    const file = this.#disk.createFixedNow(path, content)
    return {
      overwriteNow: (offset, bytes) => {
        const change = this.changes + 1
        const isRefused = this.refusesOverwrite(change)
        if ((change === this.dieAt || isRefused) && !this.isDead) {
          file.overwriteNow(offset, bytes.subarray(0, Math.floor(bytes.length * this.tornPart)))
        }
        this.#stepNow()
        if (isRefused) throw new ClusterError('EIO', 'the disk does not answer', undefined)
        file.overwriteNow(offset, bytes)
        this.overwrites += 1
      },
      close: async () => {},
    }
  }

  async append(path: string): Promise<DiskFile> {
    await this.#step()
    return this.#mortal(await this.#disk.append(path))
  }

  read(path: string): Promise<Uint8Array> {
    return this.#whileAlive(this.#disk.read(path))
  }

  readPart(path: string, offset: number, length: number): Promise<Uint8Array> {
    return this.#whileAlive(this.#disk.readPart(path, offset, length))
  }

  list(path: string): Promise<string[]> {
    return this.#whileAlive(this.#disk.list(path))
  }

  info(path: string): Promise<FileInfo | undefined> {
    return this.#whileAlive(this.#disk.info(path))
  }

  async rename(from: string, to: string): Promise<boolean> {
    await this.#step()
    return this.#disk.rename(from, to)
  }

  /** Each file of a folder is a change of its own. */
  async remove(path: string): Promise<void> {
    for (const name of this.#disk.paths()) {
      if (name !== path && !name.startsWith(`${path}/`)) continue
      await this.#step()
      this.#disk.removeNow(name)
    }
  }

  removeNow(path: string): void {
    this.#stepNow()
    if (this.refusesRemoval) throw new ClusterError('EROFS', 'the disk takes no changes', undefined)
    this.#disk.removeNow(path)
  }

  #mortal(file: DiskFile): DiskFile {
    const appendNow = (bytes: Uint8Array): void => {
      const change = this.changes + 1
      const isFull = this.isFull(change)
      if ((change === this.dieAt || isFull) && !this.isDead) {
        file.appendNow(bytes.subarray(0, Math.floor(bytes.length * this.tornPart)))
      }
      this.#stepNow()
      if (isFull) throw new ClusterError('ENOSPC', 'no space left on the disk', undefined)
      file.appendNow(bytes)
    }
    return {
      appendNow,
      append: async (bytes) => appendNow(bytes),
      cut: (size) => this.#whileAlive(file.cut(size)),
      sync: async () => {},
      close: async () => {},
    }
  }

  #stepNow(): void {
    this.changes += 1
    if (this.changes === this.dieAt) this.kill()
    if (this.isDead) throw new ClusterError('killed', 'the process is dead', undefined)
  }

  #step(): Promise<void> {
    this.changes += 1
    if (this.changes === this.dieAt) this.kill()
    return this.#whileAlive(Promise.resolve())
  }

  /** A dead process hears no answer. */
  async #whileAlive<T>(work: Promise<T>): Promise<T> {
    const value = await work
    if (!this.isDead) return value
    return new Promise<T>(() => {})
  }
}

interface Received {
  readonly records: readonly string[]
  readonly origin: BatchOrigin | undefined
}

function readMessage(bytes: Uint8Array): Received {
  const reader = new ByteReader(bytes)
  const opened = emptyOpenedMessage()
  openMessage(reader, opened)
  const { contentSize, surplus } = opened
  const records: string[] = []
  for (let index = 0; index < contentSize; index += 1) {
    openMessage(reader, opened)
    readLogMessages(reader, opened, {
      create: () => {},
      write: (_stream, _writer, _path, content, start, end) => {
        records.push(content.toString('latin1', start, end))
      },
    })
  }
  const origin = surplus > 0 ? readBatchOrigin(reader) : undefined
  reader.expectEnd()
  return { records, origin }
}

/** A logger as the other side of `LogDelivery` expects it; its `stored` and positions survive its process. */
export class FakeLogger {
  readonly name: string
  readonly #world: LogDeliveryWorld
  readonly stored: string[] = []
  readonly #numbers = new Map<string, Map<number, number>>()
  #pending: Received[] = []
  isUp = false
  /** Batches are stored, but what says so is lost. */
  isMute = false
  /** Batches are received, but stored only by `store`. */
  isSlow = false
  gaps = 0
  batches = 0

  constructor(name: string, world: LogDeliveryWorld) {
    this.name = name
    this.#world = world
  }

  receive(bytes: Uint8Array): void {
    if (!this.isUp) return
    this.batches += 1
    this.#pending.push(readMessage(bytes))
    if (!this.isSlow) this.store()
  }

  /** Stores what was received. */
  store(): void {
    const pending = this.#pending
    this.#pending = []
    for (const received of pending) this.#storeOne(received)
  }

  /** Dies: what was received and not stored is lost. */
  die(): void {
    this.isUp = false
    this.#pending = []
  }

  /** Loses what it knows of positions, as after the loss of its disk. */
  forget(): void {
    this.#numbers.clear()
  }

  ask(runs: readonly string[]): void {
    if (!this.isUp) return
    for (const run of runs) this.#tell(run, true)
  }

  #storeOne({ records, origin }: Received): void {
    if (origin === undefined) {
      this.stored.push(...records)
      return
    }
    const { run, sequence, first, confirmed } = origin
    const numbers = this.#numbers.get(run) ?? new Map<number, number>()
    const known = numbers.get(sequence) ?? (first === confirmed + 1 ? confirmed : undefined)
    if (known === undefined || first > known + 1) {
      this.gaps += 1
      return this.#tell(run, true)
    }
    this.stored.push(...records.slice(known + 1 - first))
    numbers.set(sequence, Math.max(known, first + records.length - 1))
    this.#numbers.set(run, numbers)
    this.#tell(run, false)
  }

  #tell(run: string, resend: boolean): void {
    if (this.isMute) return
    const numbers = this.#numbers.get(run) ?? []
    const positions = [...numbers].map(([sequence, number]) => ({ sequence, number }))
    this.#world.fromLogger(this.name, run, positions, resend)
  }
}

const DIRECTORY = '/spool'

export const TEST_LIMITS: DeliveryLimits = {
  ...DEFAULT_DELIVERY_LIMITS,
  memoryRecords: 20,
  batchRecords: 8,
  segmentBytes: 2000,
  windowBytes: 3000,
}

export function describeWriter(stream: string): LogWriterDescription {
  const path = stream.toLowerCase()
  return { stream, writer: 'Log::WRITER_ASCII', path, config: new Map(), fields: [] }
}

export class LogDeliveryWorld {
  readonly time = new VirtualTime()
  readonly disk = new MemoryDisk()
  readonly limits: DeliveryLimits
  readonly loggers = new Map<string, FakeLogger>()
  /** Records whose `append` returned. */
  readonly written: string[] = []
  readonly problems: string[] = []
  readonly announced: string[] = []
  /** What the bus says; undefined: it takes and delivers. */
  outcome: (logger: string) => PublishOutcome | undefined = () => undefined
  /** How often a message arrives, and after how long, in milliseconds; one entry for each copy. */
  fate: () => readonly number[] = () => [1]
  delivery!: LogDelivery
  mortal!: MortalDisk
  /** The loggers that exist, for processes that are started from here on. */
  loggersOfLayout: ReadonlySet<string> | undefined
  readonly #directory: string | undefined
  readonly #kinds = new Map<string, 'confirming' | 'silent'>()
  #sequences = new Map<string, Sequence>()
  #process = 0
  #records = 0
  readonly #scratch = new ByteWriter()

  constructor(limits: Partial<DeliveryLimits> = {}, where: 'disk' | 'memory' = 'disk') {
    this.limits = { ...TEST_LIMITS, ...limits }
    this.#directory = where === 'disk' ? DIRECTORY : undefined
  }

  get directory(): string {
    return DIRECTORY
  }

  /** Starts a process of the node. `dieAt`: the change of the disk at which it is killed. */
  start(dieAt = Number.POSITIVE_INFINITY, tornPart = 0): void {
    this.#process += 1
    const mortal = new MortalDisk(this.disk, () => {})
    mortal.dieAt = dieAt
    mortal.tornPart = tornPart
    this.mortal = mortal
    this.#sequences = new Map()
    this.delivery = new LogDelivery({
      node: 'worker-1',
      run: `run-${this.#process}`,
      directory: this.#directory,
      disk: mortal,
      clock: this.time,
      timers: this.time,
      limits: this.limits,
      loggers: this.loggersOfLayout,
      send: (logger, _description, message) => (mortal.isDead ? 'no-peer' : this.#send(logger, message)),
      announce: (logger, { stream }) => {
        if (!mortal.isDead) this.announced.push(`${logger} ${stream}`)
      },
      ask: (logger, runs) => {
        if (!mortal.isDead) this.#later(() => this.loggers.get(logger)?.ask(runs))
      },
      onProblem: (code, message) => {
        if (!mortal.isDead) this.problems.push(`${code}: ${message}`)
      },
    })
    for (const logger of this.loggers.values()) {
      if (logger.isUp) this.delivery.loggerUp(logger.name, this.#kinds.get(logger.name) ?? 'confirming')
    }
  }

  logger(name: string): FakeLogger {
    const known = this.loggers.get(name)
    if (known !== undefined) return known
    const logger = new FakeLogger(name, this)
    this.loggers.set(name, logger)
    return logger
  }

  up(name: string, kind: 'confirming' | 'silent' = 'confirming'): FakeLogger {
    const logger = this.logger(name)
    logger.isUp = true
    this.#kinds.set(name, kind)
    this.delivery.loggerUp(name, kind)
    return logger
  }

  down(name: string): void {
    this.logger(name).die()
    this.delivery.loggerDown(name)
  }

  declare(stream: string, priority: LogPriority = 'normal'): Sequence {
    const sequence = this.delivery.declare(describeWriter(stream), priority)
    this.#sequences.set(stream, sequence)
    return sequence
  }

  /** Writes records to a stream, which is declared by its first. */
  write(stream: string, count = 1, logger?: string, priority: LogPriority = 'normal', padding = 0): void {
    const sequence = this.#sequences.get(stream) ?? this.declare(stream, priority)
    for (let index = 0; index < count; index += 1) {
      this.#records += 1
      const id = `${stream}-${this.#records}`.padEnd(padding, '.')
      this.#scratch.length = 0
      this.#scratch.raw(Buffer.from(id, 'latin1'))
      this.delivery.append(sequence, logger, this.#scratch)
      if (!this.mortal.isDead) this.written.push(id)
    }
  }

  fromLogger(logger: string, run: string, positions: readonly Position[], resend: boolean): void {
    const { delivery, mortal } = this
    this.#later(() => {
      if (!mortal.isDead) delivery.positions(logger, run, positions, resend)
    })
  }

  /** Lets time pass; the ledger adds up before and after. */
  async pass(ms: number): Promise<void> {
    this.check()
    await this.time.advance(ms)
    this.check()
  }

  /** Throws when the terms of a row do not add up to what was produced. */
  check(): void {
    const rows = unbalancedRows(this.delivery.ledger())
    if (rows.length > 0) throw new ClusterError('unbalanced', `rows do not add up: ${rows.join(', ')}`, rows)
  }

  /** The row of a stream in the youngest run that has it. */
  row(stream: string): LedgerRow {
    const rows = this.delivery.ledger().flatMap((run) => run.rows)
    return rows.findLast((row) => row.stream === stream)!
  }

  async settledSoon(): Promise<boolean> {
    const settled = this.delivery.settled(5)
    await this.pass(10)
    return settled
  }

  /** What the spool takes, without the sums of those runs that are done with. */
  diskBytes(): number {
    const paths = this.disk.paths().filter((path) => !path.includes('ledger'))
    return paths.reduce((total, path) => total + this.disk.sizeOf(path), 0)
  }

  /** All that any logger has. */
  stored(): string[] {
    return [...this.loggers.values()].flatMap((logger) => logger.stored)
  }

  #send(name: string, message: Encodable): PublishOutcome {
    const outcome = this.outcome(name)
    if (outcome === 'dropped' || outcome === 'no-peer') return outcome
    const writer = new ByteWriter()
    message.writeTo(writer)
    const bytes = writer.toBytes()
    this.#later(() => this.loggers.get(name)?.receive(bytes))
    return outcome ?? 'accepted'
  }

  #later(callback: () => void): void {
    for (const delayMs of this.fate()) this.time.after(delayMs, callback)
  }
}

/** Rows of which the terms do not add up to what was produced. */
function unbalancedRows(ledger: readonly RunLedger[]): string[] {
  return ledger
    .flatMap((run) => run.rows)
    .filter((row) => {
      let sum = row.inMemory + row.spooled + row.inFlight + row.stored + row.unconfirmed
      for (const count of Object.values(row.dropped)) sum += count
      const terms = [row.inMemory, row.spooled, row.inFlight, row.stored, row.unconfirmed]
      return sum !== row.produced || terms.some((term) => term < 0)
    })
    .map((row) => JSON.stringify(row))
}
