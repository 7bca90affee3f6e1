/**
 * The stores of one process: which masters and clones it has, what of the bus concerns them, and their ticks. The
 * face is a `Store`; what decides is a `Master` or a `Clone`.
 */
import { type Clock, every, type Timer, type Timers } from '../base/time.js'
import type { Bus } from '../bus/bus.js'
import { writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import type { ByteWriter } from '../data/byte-writer.js'
import type { DataType } from '../data/data-type.js'
import { DecodeError } from '../data/decode-error.js'
import type { Encodable } from '../data/messages.js'
import type { Backend } from './backends/backend.js'
import { BROKER_TIMING, type ChannelTiming, TICK_MS } from './channel/timing.js'
import { Clone } from './clone.js'
import type { CloneIntervals } from './clone-settings.js'
import { type Command, readCommand, writeCommand } from './command.js'
import { Digests } from './digest.js'
import { encodedOf } from './encoded.js'
import type { Engine, StoredChange } from './engine.js'
import { type Entity, entityOf } from './entity.js'
import { ExpiryQueue } from './expiry-queue.js'
import { Handle } from './handle.js'
import { milliseconds } from './journal.js'
import { DEFAULT_STORE_LIMITS, type StoreLimits } from './limits.js'
import { Master } from './master.js'
import type { Store } from './store.js'
import { StoreError, type StoreErrorCode } from './store-error.js'
import { storeEvent } from './store-event.js'
import { Table } from './table.js'
import { cloneTopic, masterTopic, ownCloneTopic, ownMasterTopic, storeEventsTopic } from './topics.js'

/** What stores need of a bus. */
export type StoreBus = Pick<
  Bus,
  'id' | 'peers' | 'subscribe' | 'unsubscribe' | 'sendCommand' | 'publishLocally' | 'isHeardLocally'
>

export interface LocalStoresSettings {
  readonly bus: StoreBus
  readonly clock: Clock
  readonly timers: Timers
  /** Default: Broker's. */
  readonly timing?: ChannelTiming
  readonly report: (severity: 'info' | 'warning' | 'error', code: string, message: string) => void
}

export interface MasterOptions<Key, Value> {
  readonly key: DataType<Key>
  readonly value: DataType<Value>
  /** Opens what keeps the entries; undefined: nothing does. Rejects with a `StoreError`. */
  readonly openBackend: (() => Promise<Backend>) | undefined
  readonly limits?: Partial<StoreLimits>
}

export interface CloneOptions<Key, Value> {
  readonly key: DataType<Key>
  readonly value: DataType<Value>
  readonly intervals: CloneIntervals
  /** Most bytes of writes that wait for the master. Default 64 MiB. */
  readonly mutationBufferBytes?: number
}

/** One store of this process. */
interface LocalStore {
  readonly engine: Master | Clone
  readonly handle: Handle<never, never>
  readonly topics: readonly string[]
  /** Of its changes, for participants in this process. */
  readonly eventsTopic: string
}

/** For how long masters send to a clone that says nothing, and so for how long a peer that is gone has to be known. */
const GONE_MS = 120_000

/** The command being sent, written at once and not kept: one object for all of them. */
class Outgoing implements Encodable {
  command: Command | undefined

  writeTo(writer: ByteWriter): void {
    if (this.command !== undefined) writeCommand(writer, this.command)
  }
}

export class LocalStores {
  readonly #settings: LocalStoresSettings
  readonly #stores = new Map<string, LocalStore>()
  readonly #byTopic = new Map<string, LocalStore>()
  readonly #reader = new ByteReader()
  readonly #outgoing = new Outgoing()
  /** Peers that were told to have a second master, by store. */
  readonly #rivals = new Set<string>()
  #peerIds: ReadonlySet<string> = new Set()
  /** Endpoints that were peers, and until when that is kept in mind: nobody passes on what is meant for them. */
  readonly #gone = new Map<string, number>()
  #objects = 0n
  #ticker: Timer | undefined
  #isClosed = false
  /** Commands that could not be read. */
  invalidCommands = 0
  /** What others hold, to be compared. */
  readonly digests: Digests

  constructor(settings: LocalStoresSettings) {
    this.#settings = settings
    this.digests = new Digests({
      timers: settings.timers,
      send: (topic, command, endpoint) => this.#send(topic, command, endpoint),
    })
  }

  /** The master or clone of a name, for who looks at all that it holds. */
  engine(name: string): Engine | undefined {
    return this.#stores.get(name)?.engine
  }

  /** Handles by their names. */
  get(name: string): Store<never, never> | undefined {
    return this.#stores.get(name)?.handle
  }

  /**
   * Opens a master. Rejects with a `StoreError`: `master-exists` when a peer has one of this name, `closed` when all
   * stores were closed meanwhile, and what the backend has to say.
   */
  async openMaster<Key, Value>(
    name: string,
    { key, value, openBackend, limits }: MasterOptions<Key, Value>,
  ): Promise<Store<Key, Value>> {
    const { clock, timers, timing = BROKER_TIMING, report } = this.#settings
    const rival = this.#masterEndpoints(name)[0]
    if (rival !== undefined) throw fail(name, 'master-exists', `the master is on the endpoint ${rival}`)
    const table = new Table()
    const expiry = new ExpiryQueue()
    const backend = await openBackend?.()
    if (backend !== undefined) await load(backend, table, expiry)
    if (this.#isClosed) {
      await backend?.close()
      throw fail(name, 'closed', 'the process ends')
    }
    const master = new Master({
      name,
      self: this.#newEntity(),
      frontEnd: this.#newEntity(),
      clock,
      timers,
      timing,
      limits: { ...DEFAULT_STORE_LIMITS, ...limits },
      table,
      expiry,
      backend,
      effects: {
        send: (command, endpoint) => this.#send(cloneTopic(name), command, endpoint),
        isOurs: (endpoint) => this.#subscribes(endpoint, ownCloneTopic(name)),
        isGone: (endpoint) => this.#gone.has(endpoint),
        changed: (change) => this.#changed(name, change),
        report,
      },
    })
    const handle = new Handle<Key, Value>({ engine: master, timers, key, value })
    this.#add(name, {
      engine: master,
      handle: handle as unknown as Handle<never, never>,
      topics: [masterTopic(name), ownMasterTopic(name)],
      eventsTopic: storeEventsTopic(name),
    })
    return handle
  }

  /** Makes a clone, which looks for its master. */
  openClone<Key, Value>(
    name: string,
    { key, value, intervals, mutationBufferBytes }: CloneOptions<Key, Value>,
  ): Store<Key, Value> {
    const { clock, timers, timing = BROKER_TIMING, report } = this.#settings
    const clone = new Clone({
      name,
      clock,
      timing,
      intervals,
      ...(mutationBufferBytes === undefined ? {} : { mutationBufferBytes }),
      effects: {
        send: (command, endpoint) => this.#send(masterTopic(name), command, endpoint),
        isOurs: (endpoint) => this.#subscribes(endpoint, ownMasterTopic(name)),
        newEntity: () => this.#newEntity(),
        changed: (change) => this.#changed(name, change),
        isWatched: () => this.#isWatched(name),
        readinessChanged: () => handle.onReadiness(),
        report,
      },
    })
    const handle: Handle<Key, Value> = new Handle<Key, Value>({ engine: clone, timers, key, value })
    this.#add(name, {
      engine: clone,
      handle: handle as unknown as Handle<never, never>,
      topics: [cloneTopic(name), ownCloneTopic(name)],
      eventsTopic: storeEventsTopic(name),
    })
    clone.start(this.#masterEndpoints(name))
    return handle
  }

  /** A command of the bus, on any topic. */
  receive(topic: string, bytes: Uint8Array, start: number, end: number): void {
    const store = this.#byTopic.get(topic)
    if (store === undefined) return
    let command: Command
    try {
      this.#reader.reset(bytes, start, end)
      command = readCommand(this.#reader)
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error
      this.invalidCommands += 1
      return
    }
    if (!this.digests.receive(store.engine, command)) store.engine.receive(command)
  }

  /** Peers came, went or changed their subscriptions. */
  peersChanged(): void {
    this.#noteGone()
    for (const [name, { engine }] of this.#stores) {
      const endpoints = this.#masterEndpoints(name)
      if (engine instanceof Clone) engine.peersChanged(endpoints)
      else for (const endpoint of endpoints) this.#secondMaster(name, endpoint)
    }
  }

  /** The way to peers is free again. */
  onDrain(): void {
    for (const { engine } of this.#stores.values()) engine.onDrain()
  }

  /** Ends all stores; resolves when what was written is safe. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#ticker?.cancel()
    const stores = [...this.#stores.values()]
    await Promise.all(
      stores.map(async ({ engine, handle }) => {
        await engine.close()
        handle.onReadiness()
      }),
    )
  }

  #add(name: string, store: LocalStore): void {
    this.#stores.set(name, store)
    for (const topic of store.topics) {
      this.#byTopic.set(topic, store)
      this.#settings.bus.subscribe(topic)
    }
    this.#ticker ??= every(this.#settings.timers, TICK_MS, () => {
      for (const { engine } of this.#stores.values()) engine.tick()
    })
  }

  #newEntity(): Entity {
    this.#objects += 1n
    return entityOf(this.#settings.bus.id, this.#objects)
  }

  #send(topic: string, command: Command, endpoint: string | undefined): boolean {
    if (endpoint !== undefined && this.#gone.has(endpoint)) return true
    this.#outgoing.command = command
    const outcome = this.#settings.bus.sendCommand(topic, this.#outgoing, endpoint)
    return outcome !== 'queued' && outcome !== 'dropped'
  }

  #noteGone(): void {
    const nowMs = this.#settings.clock.monotonicMs()
    const before = this.#peerIds
    this.#peerIds = new Set(this.#settings.bus.peers().map(({ id }) => id))
    for (const id of before) if (!this.#peerIds.has(id)) this.#gone.set(id, nowMs + GONE_MS)
    for (const [id, untilMs] of this.#gone) {
      if (this.#peerIds.has(id) || untilMs < nowMs) this.#gone.delete(id)
    }
  }

  #subscribes(endpoint: string, topic: string): boolean {
    const peer = this.#settings.bus.peers().find(({ id }) => id === endpoint)
    return peer?.subscriptions.includes(topic) === true
  }

  /** Peers whose subscriptions say that they have the master. */
  #masterEndpoints(name: string): string[] {
    const topic = masterTopic(name)
    const covers = (prefix: string): boolean => prefix.startsWith(name) && topic.startsWith(prefix)
    return this.#settings.bus
      .peers()
      .filter(({ subscriptions }) => subscriptions.some(covers))
      .map(({ id }) => id)
  }

  #secondMaster(name: string, endpoint: string): void {
    const rival = `${name} ${endpoint}`
    if (this.#rivals.has(rival)) return
    this.#rivals.add(rival)
    const message = `store ${name}: the peer ${endpoint} has a master of this name too; name one node in Cluster::stores or Cluster::default_master_node`
    this.#settings.report('error', 'master-exists', message)
  }

  #isWatched(name: string): boolean {
    const store = this.#stores.get(name)
    if (store === undefined) return false
    return store.handle.isWatched || this.#settings.bus.isHeardLocally(store.eventsTopic)
  }

  #changed(name: string, change: StoredChange): void {
    const store = this.#stores.get(name)
    if (store === undefined) return
    store.handle.onChange(change)
    if (!this.#settings.bus.isHeardLocally(store.eventsTopic)) return
    this.#settings.bus.publishLocally(store.eventsTopic, {
      writeTo: (writer) => writeValue(writer, storeEvent(name, change)),
    })
  }
}

function fail(store: string, code: StoreErrorCode, message: string): StoreError {
  return new StoreError(code, `store ${store}: ${message}`, { store })
}

async function load(backend: Backend, table: Table, expiry: ExpiryQueue): Promise<void> {
  try {
    for await (const chunk of backend.load()) {
      for (const { key, value, expiryNs } of chunk) {
        const text = encodedOf(key)
        table.set(text, encodedOf(value))
        if (expiryNs !== undefined) expiry.set(text, milliseconds(expiryNs))
      }
    }
  } catch (error) {
    await backend.close()
    throw error
  }
}
