/** The typed face of a master or a clone. */
import type { Timers } from '../base/time.js'
import type { DataType } from '../data/data-type.js'
import { string } from '../data/types.js'
import type { Action } from './command.js'
import { decode, type Encoded, encode } from './encoded.js'
import type { Engine, Readiness, StoreCounters, StoredChange, Write } from './engine.js'
import { valueAt } from './operations.js'
import type { Store, StoreChange, StoreEntry, WaitOptions, WatchOptions, WriteOptions } from './store.js'
import { fromValue, type StoreData, storeData, toValue } from './store-data.js'
import type { StoreError } from './store-error.js'
import { Watcher } from './watcher.js'

const READ_TIMEOUT_MS = 5000
const NS_PER_MS = 1e6

/** Tags of what a missing key starts with (spec/broker-protocol.md 7.9). */
const TAG_OF = { string: 5, timestamp: 9, set: 12, table: 13, vector: 14 } as const
const NUMBER_TAGS: Readonly<Record<string, number>> = {
  count: 2,
  integer: 3,
  real: 4,
  timespan: TAG_OF.timestamp,
}

export interface HandleSettings<Key, Value> {
  readonly engine: Engine
  readonly timers: Timers
  readonly key: DataType<Key>
  readonly value: DataType<Value>
}

export class Handle<Key, Value> implements Store<Key, Value> {
  readonly #engine: Engine
  readonly #timers: Timers
  readonly #key: DataType<Key>
  readonly #value: DataType<Value>
  readonly #readers = new Set<() => void>()
  readonly #watchers = new Set<Watcher<StoreChange<Key, Value>>>()

  constructor({ engine, timers, key, value }: HandleSettings<Key, Value>) {
    this.#engine = engine
    this.#timers = timers
    this.#key = key
    this.#value = value
  }

  get name(): string {
    return this.#engine.name
  }

  get isMaster(): boolean {
    return this.#engine.isMaster
  }

  get readiness(): Readiness {
    return this.#engine.readiness
  }

  counters(): StoreCounters {
    return this.#engine.counters()
  }

  /** Whether somebody watches. */
  get isWatched(): boolean {
    return this.#watchers.size > 0
  }

  /** What happened to the store, as the master or clone applied it. */
  onChange(change: StoredChange): void {
    if (this.#watchers.size === 0) return
    let told: StoreChange<Key, Value>
    try {
      told = this.#describe(change)
    } catch {
      // Data of other types than this handle was made for.
      told = { kind: 'missed', changes: 1 }
    }
    for (const watcher of this.#watchers) watcher.push(told)
  }

  /** Reads may be answered now, or never will. */
  onReadiness(): void {
    for (const wake of [...this.#readers]) wake()
    if (this.#engine.readiness === 'closed') for (const watcher of this.#watchers) watcher.end()
  }

  ready({ signal, timeoutMs = READ_TIMEOUT_MS }: WaitOptions = {}): Promise<void> {
    const engine = this.#engine
    if (engine.readiness === 'ready') return Promise.resolve()
    return new Promise((resolve, reject) => {
      const check = (): void => {
        const { readiness } = engine
        if (readiness === 'ready') finish()
        else if (readiness === 'closed') finish(engine.fail('closed', 'the handle was closed'))
        // Nothing is waited for: the caller said how long old answers are good enough, by the stale interval.
        else if (readiness === 'stale') finish(this.#stale())
      }
      const onAbort = (): void => finish(engine.fail('aborted', 'the read was aborted'))
      const timer =
        timeoutMs === Number.POSITIVE_INFINITY
          ? undefined
          : this.#timers.after(timeoutMs, () => finish(this.#stale()))
      const finish = (error?: StoreError): void => {
        this.#readers.delete(check)
        timer?.cancel()
        signal?.removeEventListener('abort', onAbort)
        if (error === undefined) resolve()
        else reject(error)
      }
      this.#readers.add(check)
      signal?.addEventListener('abort', onAbort)
      if (signal?.aborted === true) onAbort()
      else check()
    })
  }

  get(key: Key, options?: WaitOptions): Promise<Value | undefined> {
    // The path of every packet: nothing is allocated but the promise.
    if (this.#engine.readiness !== 'ready' || options !== undefined)
      return this.#read(options, () => this.#find(key))
    try {
      return Promise.resolve(this.#find(key))
    } catch (error) {
      return Promise.reject(error)
    }
  }

  getIndexFromValue(key: Key, index: StoreData, options?: WaitOptions): Promise<StoreData | undefined> {
    return this.#read(options, () => {
      const stored = this.#engine.table.get(encode(this.#key, key))
      if (stored === undefined) return undefined
      const result = valueAt(toValue(decode(storeData, stored)), toValue(index))
      if (result.ok) return fromValue(result.value)
      if (result.error === 'no-such-key') return undefined
      throw this.#engine.fail(result.error, 'the index is not of the type that the value there needs')
    })
  }

  exists(key: Key, options?: WaitOptions): Promise<boolean> {
    return this.#read(options, () => this.#engine.table.has(encode(this.#key, key)))
  }

  keys(options?: WaitOptions): Promise<readonly Key[]> {
    return this.#read(options, () => Array.from(this.#engine.table.keys(), (key) => decode(this.#key, key)))
  }

  entries(options?: WaitOptions): Promise<readonly (readonly [Key, Value])[]> {
    return this.#read(options, () =>
      Array.from(
        this.#engine.table.entries(),
        ([key, value]) => [decode(this.#key, key), decode(this.#value, value)] as const,
      ),
    )
  }

  size(options?: WaitOptions): Promise<number> {
    return this.#read(options, () => this.#engine.table.size)
  }

  put(key: Key, value: Value, options?: WriteOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      const action = this.#putAction(key, value, options?.expiryMs)
      this.#start(action, resolve as Write['resolve'], reject, options)
    })
  }

  putUnique(key: Key, value: Value, options?: WriteOptions): Promise<boolean> {
    return new Promise((resolve, reject) => {
      const action = this.#putUniqueAction(key, value, options?.expiryMs)
      this.#start(action, resolve as Write['resolve'], reject, options)
    })
  }

  async putMany(entries: Iterable<StoreEntry<Key, Value>>, options: WaitOptions = {}): Promise<void> {
    await this.#writeMany(
      Array.from(entries, ([key, value, { expiryMs } = {}]) => this.#putAction(key, value, expiryMs)),
      options,
    )
  }

  async putUniqueMany(
    entries: Iterable<StoreEntry<Key, Value>>,
    options: WaitOptions = {},
  ): Promise<boolean[]> {
    return this.#writeMany(
      Array.from(entries, ([key, value, { expiryMs } = {}]) => this.#putUniqueAction(key, value, expiryMs)),
      options,
    )
  }

  async erase(key: Key, options: WaitOptions = {}): Promise<void> {
    const publisher = this.#engine.identity
    await this.#write(() => ({ kind: 'erase', key: encode(this.#key, key), publisher }), options)
  }

  async clear(options: WaitOptions = {}): Promise<void> {
    await this.#write(() => ({ kind: 'clear', publisher: this.#engine.identity }), options)
  }

  async increment(key: Key, by: StoreData = 1n, options: WriteOptions = {}): Promise<void> {
    const initType = NUMBER_TAGS[toValue(by).type]
    if (initType === undefined)
      throw this.#engine.fail('type-clash', 'only numbers and intervals can be added')
    await this.#write(() => this.#addAction(key, encode(storeData, by), initType, options), options)
  }

  async decrement(key: Key, by: StoreData = 1n, options: WriteOptions = {}): Promise<void> {
    await this.#write(() => this.#subtractAction(key, encode(storeData, by), options), options)
  }

  async append(key: Key, text: string, options: WriteOptions = {}): Promise<void> {
    await this.#write(() => this.#addAction(key, encode(string, text), TAG_OF.string, options), options)
  }

  async insertIntoSet(key: Key, element: StoreData, options: WriteOptions = {}): Promise<void> {
    await this.#write(() => this.#addAction(key, encode(storeData, element), TAG_OF.set, options), options)
  }

  async insertIntoTable(
    key: Key,
    index: StoreData,
    value: StoreData,
    options: WriteOptions = {},
  ): Promise<void> {
    const entry = encode(storeData, [index, value])
    await this.#write(() => this.#addAction(key, entry, TAG_OF.table, options), options)
  }

  async removeFrom(key: Key, index: StoreData, options: WriteOptions = {}): Promise<void> {
    await this.#write(() => this.#subtractAction(key, encode(storeData, index), options), options)
  }

  async push(key: Key, element: StoreData, options: WriteOptions = {}): Promise<void> {
    await this.#write(() => this.#addAction(key, encode(storeData, element), TAG_OF.vector, options), options)
  }

  async pop(key: Key, options: WriteOptions = {}): Promise<void> {
    // The operand does not matter to a vector; Broker's own pop sends the key.
    await this.#write(() => this.#subtractAction(key, encode(this.#key, key), options), options)
  }

  watch({ signal, limit }: WatchOptions = {}): AsyncIterableIterator<StoreChange<Key, Value>> {
    const watcher = new Watcher<StoreChange<Key, Value>>({
      limit,
      signal,
      missed: (changes) => ({ kind: 'missed', changes }),
      onEnd: () => this.#watchers.delete(watcher),
    })
    if (this.#engine.readiness === 'closed') watcher.end()
    else if (signal?.aborted !== true) this.#watchers.add(watcher)
    return watcher
  }

  #stale(): StoreError {
    const { name, readiness } = this.#engine
    const why =
      readiness === 'stale'
        ? 'the master has been away for longer than the stale interval'
        : 'no copy of the master has come yet'
    return this.#engine.fail('stale', `${why}; is the node with the master of ${name} up and connected?`)
  }

  #find(key: Key): Value | undefined {
    const stored = this.#engine.table.get(encode(this.#key, key))
    return stored === undefined ? undefined : decode(this.#value, stored)
  }

  #read<Result>(options: WaitOptions | undefined, answer: () => Result): Promise<Result> {
    if (this.#engine.readiness === 'ready' && options?.signal?.aborted !== true) {
      try {
        return Promise.resolve(answer())
      } catch (error) {
        return Promise.reject(error)
      }
    }
    return this.ready(options).then(answer)
  }

  #putAction(key: Key, value: Value, expiryMs: number | undefined): Action {
    return {
      kind: 'put',
      key: encode(this.#key, key),
      value: encode(this.#value, value),
      expiry: this.#expiry(expiryMs),
      publisher: this.#engine.identity,
    }
  }

  #putUniqueAction(key: Key, value: Value, expiryMs: number | undefined): Action {
    return {
      kind: 'put-unique',
      key: encode(this.#key, key),
      value: encode(this.#value, value),
      expiry: this.#expiry(expiryMs),
      who: this.#engine.frontEnd,
      requestId: this.#engine.nextRequestId(),
      publisher: this.#engine.identity,
    }
  }

  #addAction(key: Key, operand: Encoded, initType: number, { expiryMs }: WriteOptions): Action {
    return {
      kind: 'add',
      key: encode(this.#key, key),
      value: operand,
      initType,
      expiry: this.#expiry(expiryMs),
      publisher: this.#engine.identity,
    }
  }

  #subtractAction(key: Key, operand: Encoded, { expiryMs }: WriteOptions): Action {
    return {
      kind: 'subtract',
      key: encode(this.#key, key),
      value: operand,
      expiry: this.#expiry(expiryMs),
      publisher: this.#engine.identity,
    }
  }

  #expiry(expiryMs: number | undefined): bigint | undefined {
    if (expiryMs === undefined) return undefined
    if (expiryMs > 0 && Number.isFinite(expiryMs)) return BigInt(Math.round(expiryMs * NS_PER_MS))
    throw this.#engine.fail('invalid-data', `an expiry of ${expiryMs} ms; it has to be above 0`)
  }

  #write(makeAction: () => Action, options: WaitOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#start(makeAction(), resolve as Write['resolve'], reject, options)
    })
  }

  #start(
    action: Action,
    resolve: Write['resolve'],
    reject: Write['reject'],
    options: WaitOptions | undefined,
  ): void {
    const write = this.#writeOf(action, resolve, reject, options)
    if (write !== undefined) this.#engine.write(write)
  }

  #writeMany(actions: readonly Action[], options: WaitOptions): Promise<boolean[]> {
    const writes: Write[] = []
    const outcomes = actions.map(
      (action) =>
        new Promise<boolean>((resolve, reject) => {
          const write = this.#writeOf(action, resolve as Write['resolve'], reject, options)
          if (write !== undefined) writes.push(write)
        }),
    )
    this.#engine.writeMany(writes)
    return Promise.all(outcomes)
  }

  /** Undefined for a write that its caller has given up already. */
  #writeOf(
    action: Action,
    resolve: Write['resolve'],
    reject: Write['reject'],
    options: WaitOptions | undefined,
  ): Write | undefined {
    if (options?.signal === undefined && options?.timeoutMs === undefined) {
      return { action, resolve, reject, seq: 0, isSettled: false }
    }
    return this.#limited(action, resolve, reject, options)
  }

  /** A write that ends when its caller does not want to wait any longer; undefined when that is so already. */
  #limited(
    action: Action,
    resolve: Write['resolve'],
    reject: Write['reject'],
    { signal, timeoutMs }: WaitOptions,
  ): Write | undefined {
    const engine = this.#engine
    if (signal?.aborted === true) {
      reject(engine.fail('aborted', 'the write was aborted before it was sent; it was not applied'))
      return undefined
    }
    const giveUp = (code: 'timeout' | 'aborted', what: string): void => {
      const fate = engine.cancel(write) ? 'it was not sent' : 'it may still be applied'
      finish()
      reject(engine.fail(code, `${what}; ${fate}`))
    }
    const onAbort = (): void => giveUp('aborted', 'the write was aborted')
    const timer =
      timeoutMs === undefined
        ? undefined
        : this.#timers.after(timeoutMs, () =>
            giveUp('timeout', `no answer to the write within ${timeoutMs} ms`),
          )
    signal?.addEventListener('abort', onAbort)
    const finish = (): void => {
      timer?.cancel()
      signal?.removeEventListener('abort', onAbort)
    }
    const write: Write = {
      action,
      seq: 0,
      isSettled: false,
      resolve: (inserted) => {
        finish()
        resolve(inserted)
      },
      reject: (error) => {
        finish()
        reject(error)
      },
    }
    return write
  }

  #describe(change: StoredChange): StoreChange<Key, Value> {
    const key = decode(this.#key, change.key)
    const value = (data: Encoded | undefined): Value => decode(this.#value, data!)
    switch (change.kind) {
      case 'insert':
        return { kind: 'insert', key, value: value(change.value) }
      case 'update':
        return { kind: 'update', key, oldValue: value(change.old), value: value(change.value) }
      case 'erase':
      case 'expire':
        return { kind: change.kind, key, oldValue: value(change.old) }
    }
  }
}
