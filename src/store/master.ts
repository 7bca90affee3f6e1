/**
 * The master of a store: the one place where writes are decided. It executes its own writes and those of clones in
 * the order in which they come, tells all clones what changed, and ends entries whose time is over
 * (spec/broker-protocol.md 7). Pure: commands and ticks in, commands and changes out.
 */
import type { Clock, Timers } from '../base/time.js'
import { any } from '../data/types.js'
import { sizeOfAction } from './action-size.js'
import type { Backend } from './backends/backend.js'
import { Producer } from './channel/producer.js'
import type { ChannelTiming } from './channel/timing.js'
import type { Action, Body, Command, SnapshotEntry } from './command.js'
import { decode, type Encoded, encode } from './encoded.js'
import {
  type Engine,
  emptyStoreCounters,
  type StoreCounters,
  type StoredChange,
  type Write,
} from './engine.js'
import { type Entity, endpointOf, NOBODY } from './entity.js'
import type { ExpiryQueue } from './expiry-queue.js'
import { Journal } from './journal.js'
import type { StoreLimits } from './limits.js'
import { add, initialValue, type OperationResult, subtract } from './operations.js'
import { SnapshotStreams } from './snapshot-streams.js'
import { REFUSAL_REASONS, StoreError, type StoreErrorCode } from './store-error.js'
import type { Table } from './table.js'
import { type Writer, Writers } from './writers.js'

export interface MasterEffects {
  /** Sends to all clones, or to one endpoint. False when there was no room for it on the way. */
  send(command: Command, endpoint: string | undefined): boolean
  /** Whether an endpoint understands our own commands. */
  isOurs(endpoint: string): boolean
  /** Whether an endpoint was a peer and has left. */
  isGone(endpoint: string): boolean
  changed(change: StoredChange): void
  report(severity: 'warning' | 'error', code: string, message: string): void
}

export interface MasterSettings {
  readonly name: string
  readonly self: Entity
  /** Of the handle on this node. */
  readonly frontEnd: Entity
  readonly clock: Clock
  readonly timers: Timers
  readonly timing: ChannelTiming
  readonly limits: StoreLimits
  readonly table: Table
  /** Of the entries that were loaded with the table. */
  readonly expiry: ExpiryQueue
  /** Keeps the entries; undefined: nothing does. */
  readonly backend: Backend | undefined
  readonly effects: MasterEffects
}

/** Whose action is executed, and who is to know what became of it. */
interface Origin {
  readonly write?: Write
  readonly writer?: Writer
  /** In the writer's stream. */
  readonly seq?: number
}

/** What the master does by itself. */
const OWN: Origin = {}

type Put = Extract<Action, { kind: 'put' | 'put-unique' }>
type End = Extract<Action, { kind: 'erase' | 'expire' }>

/** What was executed. It is told when it is safe; until then it can be taken back. */
type Executed =
  | {
      readonly kind: 'put'
      readonly origin: Origin
      readonly told: Put
      readonly old: Encoded | undefined
      readonly oldExpiryMs: number | undefined
    }
  | {
      readonly kind: 'end'
      readonly origin: Origin
      readonly told: End
      readonly old: Encoded
      readonly oldExpiryMs: number | undefined
    }
  | {
      readonly kind: 'clear'
      readonly origin: Origin
      readonly told: Extract<Action, { kind: 'clear' }>
      readonly entries: readonly SnapshotEntry[]
      readonly expiries: readonly (number | undefined)[]
    }
  /** Nothing was changed, by the rules of the operation or for a reason. */
  | {
      readonly kind: 'nothing'
      readonly origin: Origin
      readonly told: Action
      readonly refusal: StoreErrorCode | undefined
    }

const MS_PER_NS = 1e-6
/** Actions that wait for the slowest clone. */
const RETAINED_BYTES = 64 * 1024 * 1024
/** Entries that end in one tick; the rest in the next. */
const EXPIRED_AT_ONCE = 20_000

export class Master implements Engine {
  readonly isMaster = true
  readonly name: string
  readonly identity: Entity
  readonly frontEnd: Entity
  readonly table: Table
  readonly #settings: MasterSettings
  readonly #expiry: ExpiryQueue
  readonly #journal: Journal<Executed> | undefined
  readonly #producer: Producer<Action>
  readonly #snapshots: SnapshotStreams
  readonly #writers: Writers
  readonly #counters = emptyStoreCounters()
  #requests = 0
  #closed = false

  constructor(settings: MasterSettings) {
    const { name, self, table, expiry, backend, timers, timing, effects } = settings
    this.#settings = settings
    this.name = name
    this.identity = self
    this.frontEnd = settings.frontEnd
    this.table = table
    this.#expiry = expiry
    this.#journal =
      backend === undefined
        ? undefined
        : new Journal<Executed>(name, backend, timers, {
            expiryMsOf: (key) => expiry.timeOf(key),
            committed: (executed) => {
              this.#holdBack(executed.origin, -1)
              this.#tell(executed)
            },
            undo: (executed) => this.#undo(executed),
            failed: (executed, error) => this.#failed(executed, error),
          })
    this.#producer = new Producer({
      timing,
      limitBytes: RETAINED_BYTES,
      sizeOf: sizeOfAction,
      effects: {
        broadcast: (seq, action) => this.#send(seq, action, NOBODY, undefined),
        resend: (clone, seq, action) => this.#send(seq, action, NOBODY, endpointOf(clone)),
        handshake: (clone, offset) => this.#handshake(clone, offset),
        keepalive: (last) => this.#send(0, { kind: 'keepalive', last }, NOBODY, undefined),
        retransmitFailed: (clone, lost) =>
          this.#send(0, { kind: 'retransmit-failed', lost }, clone, endpointOf(clone)),
        acknowledged: (clone) => this.#snapshots.stop(clone),
        dropped: (clone, reason) => {
          this.#snapshots.stop(clone)
          this.#writers.remove(clone)
          this.#counters.droppedClones += 1
          const endpoint = endpointOf(clone)
          // Clones leave without a word.
          if (effects.isGone(endpoint)) return
          effects.report(
            'warning',
            'clone-dropped',
            `store ${name}: the clone on ${endpoint} is given up: ${reason}`,
          )
        },
      },
    })
    this.#writers = new Writers(timing, {
      execute: (action, writer, seq) => this.#execute(action, { writer, seq }),
      lost: () => {
        this.#counters.refused += 1
      },
      send: (body, to) => this.#send(0, body, to, endpointOf(to)),
      isOurs: (entity) => effects.isOurs(endpointOf(entity)),
    })
    this.#snapshots = new SnapshotStreams(table, timers, timing.heartbeatTicks, {
      send: (seq, body, clone) => this.#send(seq, body, clone, endpointOf(clone)),
    })
  }

  get readiness(): 'ready' | 'closed' {
    return this.#closed ? 'closed' : 'ready'
  }

  get position(): number {
    return this.#producer.seq
  }

  counters(): StoreCounters {
    return {
      ...this.#counters,
      keys: this.table.size,
      bytes: this.table.bytes,
      waitingWrites: this.#journal?.waiting ?? 0,
      channels: [...this.#producer.consumers].length,
    }
  }

  nextRequestId(): number {
    this.#requests += 1
    return this.#requests
  }

  write(write: Write): void {
    if (this.#closed) return write.reject(this.fail('closed', 'the handle was closed'))
    this.#execute(write.action, { write })
  }

  writeMany(writes: readonly Write[]): void {
    for (const write of writes) this.write(write)
  }

  /** What was given to a master is done already. */
  cancel(_write: Write): boolean {
    return false
  }

  fail(code: StoreErrorCode, message: string): StoreError {
    return new StoreError(code, `store ${this.name}: ${message}`, { store: this.name })
  }

  /** A command on the topic of masters. */
  receive(command: Command): void {
    const { sender, body } = command
    if (this.#closed || sender === this.identity) return
    if (body.kind === 'cumulative-ack') this.#producer.onAck(sender, body.upTo)
    else if (body.kind === 'nack') this.#producer.onNack(sender, body.missing)
    else if (!this.#writers.receive(command)) this.#counters.invalidCommands += 1
  }

  tick(): void {
    if (this.#closed) return
    this.#producer.tick()
    this.#snapshots.tick()
    this.#writers.tick()
    const nowMs = this.#settings.clock.wallMs()
    for (let count = 0; count < EXPIRED_AT_ONCE; count += 1) {
      const key = this.#expiry.takeDue(nowMs)
      if (key === undefined) return
      this.#counters.expired += 1
      this.#end({ kind: 'expire', key, publisher: this.identity }, nowMs, OWN)
    }
  }

  /** The way to clones is free again. */
  onDrain(): void {
    this.#snapshots.resume()
  }

  /** Resolves when every write is safe and the backend closed. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    this.#snapshots.close()
    await this.#journal?.close()
  }

  #send(seq: number, body: Body, receiver: Entity, endpoint: string | undefined): boolean {
    return this.#settings.effects.send({ seq, sender: this.identity, receiver, body }, endpoint)
  }

  /** A stock Zeek's clone gets its first offset again, as its protocol wants it; ours the one of its snapshot. */
  #handshake(clone: Entity, offset: number): void {
    const isOurs = this.#settings.effects.isOurs(endpointOf(clone))
    this.#snapshots.start(clone, isOurs ? this.#producer.seq : offset, isOurs)
  }

  #execute(action: Action, origin: Origin): void {
    switch (action.kind) {
      case 'put':
      case 'put-unique': {
        if (action.kind === 'put-unique' && this.table.has(action.key)) {
          return this.#finish({ kind: 'nothing', origin, told: action, refusal: undefined })
        }
        const refusal = this.#makeRoom(action.key, action.value)
        if (refusal === undefined) return this.#put(action, action.expiry, origin)
        return this.#finish({ kind: 'nothing', origin, told: action, refusal })
      }
      case 'add':
      case 'subtract':
        return this.#combine(action, origin)
      case 'erase':
        if (this.table.has(action.key)) return this.#end(action, this.#expiry.timeOf(action.key), origin)
        return this.#finish({ kind: 'nothing', origin, told: action, refusal: undefined })
      case 'clear':
        return this.#clear(action, origin)
      case 'expire':
      case 'put-unique-result':
        // Only masters say these.
        this.#counters.invalidCommands += 1
        return this.#finish({ kind: 'nothing', origin, told: action, refusal: 'invalid-data' })
    }
  }

  #combine(action: Extract<Action, { kind: 'add' | 'subtract' }>, origin: Origin): void {
    const result = this.#result(action)
    const value = result.ok ? encode(any, result.value) : ''
    const refusal = result.ok ? this.#makeRoom(action.key, value) : result.error
    if (refusal !== undefined) return this.#finish({ kind: 'nothing', origin, told: action, refusal })
    // Broker tells clones the new value, without the expiry.
    const { key, publisher } = action
    this.#put({ kind: 'put', key, value, expiry: undefined, publisher }, action.expiry, origin)
  }

  #result(action: Extract<Action, { kind: 'add' | 'subtract' }>): OperationResult {
    const stored = this.table.get(action.key)
    try {
      if (action.kind === 'subtract') {
        if (stored === undefined) return { ok: false, error: 'no-such-key' }
        return subtract(decode(any, stored), decode(any, action.value))
      }
      const before = stored === undefined ? initialValue(action.initType) : decode(any, stored)
      if (before === undefined) return { ok: false, error: 'type-clash' }
      return add(before, decode(any, action.value))
    } catch {
      return { ok: false, error: 'invalid-data' }
    }
  }

  /** Puts what `told` says; `expiry` counts from now. */
  #put(told: Put, expiry: bigint | undefined, origin: Origin): void {
    const { key } = told
    const oldExpiryMs = this.#expiry.timeOf(key)
    const old = this.table.set(key, told.value)
    if (expiry !== undefined) {
      this.#expiry.set(key, this.#settings.clock.wallMs() + Number(expiry) * MS_PER_NS)
    } else if (oldExpiryMs !== undefined) {
      this.#expiry.delete(key)
    }
    this.#journal?.write(key, told.value)
    this.#finish({ kind: 'put', origin, told, old, oldExpiryMs })
  }

  /** Removes an entry that would have ended at `oldExpiryMs`. */
  #end(told: End, oldExpiryMs: number | undefined, origin: Origin): void {
    const { key } = told
    this.#expiry.delete(key)
    const old = this.table.delete(key)
    if (old === undefined) return
    this.#journal?.write(key, undefined)
    this.#finish({ kind: 'end', origin, told, old, oldExpiryMs })
  }

  #clear(told: Extract<Action, { kind: 'clear' }>, origin: Origin): void {
    const entries = [...this.table.entries()]
    const expiries = this.#journal === undefined ? [] : entries.map(([key]) => this.#expiry.timeOf(key))
    this.table.clear()
    this.#expiry.clear()
    this.#journal?.clear()
    this.#finish({ kind: 'clear', origin, told, entries, expiries })
  }

  /** Tells it: now, or when it and all that was executed before are safe. */
  #finish(executed: Executed): void {
    const journal = this.#journal
    if (journal === undefined || (executed.kind === 'nothing' && journal.waiting === 0)) {
      return this.#tell(executed)
    }
    this.#holdBack(executed.origin, 1)
    journal.add(executed)
  }

  /** What is not safe is not acknowledged to its writer. */
  #holdBack({ writer }: Origin, actions: 1 | -1): void {
    if (writer === undefined) return
    writer.unsafe += actions
    writer.consumer.holdBack(writer.unsafe)
  }

  #tell(executed: Executed): void {
    const { changed } = this.#settings.effects
    const { origin } = executed
    switch (executed.kind) {
      case 'put': {
        const { told, old } = executed
        const { key, value, expiry, publisher } = told
        this.#counters.writes += 1
        this.#producer.produce(told.kind === 'put' ? told : { kind: 'put', key, value, expiry, publisher })
        changed({ kind: old === undefined ? 'insert' : 'update', key, old, value, expiry, publisher })
        if (told.kind !== 'put-unique') return origin.write?.resolve()
        this.#answer(told, true)
        return origin.write?.resolve(true)
      }
      case 'end': {
        const { told, old } = executed
        const { kind, key, publisher } = told
        this.#counters.writes += 1
        this.#producer.produce(told)
        changed({ kind, key, old, value: undefined, expiry: undefined, publisher })
        return origin.write?.resolve()
      }
      case 'clear': {
        const { publisher } = executed.told
        this.#counters.writes += 1
        this.#producer.produce(executed.told)
        for (const [key, old] of executed.entries) {
          changed({ kind: 'erase', key, old, value: undefined, expiry: undefined, publisher })
        }
        return origin.write?.resolve()
      }
      case 'nothing': {
        const { told, refusal } = executed
        if (refusal !== undefined) this.#refuse(origin, refusal)
        else origin.write?.resolve(told.kind === 'put-unique' ? false : undefined)
        if (told.kind === 'put-unique') this.#answer(told, false)
        else if (refusal === undefined) this.#sayOutcome(origin, undefined)
        return
      }
    }
  }

  /** Takes back what was not made safe. */
  #undo(executed: Executed): void {
    this.#holdBack(executed.origin, -1)
    switch (executed.kind) {
      case 'put':
      case 'end':
        return this.#restore(executed.told.key, executed.old, executed.oldExpiryMs)
      case 'clear':
        for (const [index, [key, old]] of executed.entries.entries()) {
          this.#restore(key, old, executed.expiries[index])
        }
        return
      case 'nothing':
    }
  }

  #failed({ origin, told }: Executed, error: StoreError): void {
    this.#refuse(origin, error.code, error)
    if (told.kind === 'put-unique') this.#answer(told, false)
  }

  /** Also at clones, which may have got it in their snapshot. */
  #restore(key: Encoded, value: Encoded | undefined, expiryMs: number | undefined): void {
    const publisher = this.identity
    this.#expiry.set(key, expiryMs)
    if (value === undefined) {
      this.table.delete(key)
      this.#producer.produce({ kind: 'erase', key, publisher })
    } else {
      this.table.set(key, value)
      this.#producer.produce({ kind: 'put', key, value, expiry: undefined, publisher })
    }
  }

  #answer({ who, requestId }: Extract<Action, { kind: 'put-unique' }>, inserted: boolean): void {
    this.#producer.produce({ kind: 'put-unique-result', inserted, who, requestId, publisher: this.identity })
  }

  #refuse(origin: Origin, code: StoreErrorCode, cause?: StoreError): void {
    this.#counters.refused += 1
    origin.write?.reject(cause ?? this.fail(code, REFUSAL_REASONS[code] ?? code))
    this.#sayOutcome(origin, code)
  }

  /** Tells a writer of ours what nothing else tells. */
  #sayOutcome({ writer, seq }: Origin, code: StoreErrorCode | undefined): void {
    if (writer?.isOurs !== true || seq === undefined) return
    this.#send(0, { kind: 'outcome', seq, code }, writer.entity, endpointOf(writer.entity))
  }

  /** Why there is no room for the entry; undefined when there is, perhaps because others had to go. */
  #makeRoom(key: Encoded, value: Encoded): StoreErrorCode | undefined {
    const { keys, bytes, keyBytes, valueBytes, policy } = this.#settings.limits
    if (key.length > keyBytes) return 'key-too-large'
    if (value.length > valueBytes) return 'value-too-large'
    if (this.table.size < keys && this.table.bytes + key.length + value.length <= bytes) return undefined
    const old = this.table.get(key)
    const moreKeys = old === undefined ? 1 : 0
    const moreBytes = old === undefined ? key.length + value.length : value.length - old.length
    while (
      (moreKeys > 0 && this.table.size + moreKeys > keys) ||
      (moreBytes > 0 && this.table.bytes + moreBytes > bytes)
    ) {
      const victim = policy === 'evict-soonest' ? this.#expiry.first() : undefined
      if (victim === undefined || victim === key) return 'limit-reached'
      this.#counters.evicted += 1
      const told = { kind: 'expire', key: victim, publisher: this.identity } as const
      this.#end(told, this.#expiry.timeOf(victim), OWN)
    }
    return undefined
  }
}
