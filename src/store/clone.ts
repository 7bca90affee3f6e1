/**
 * A clone of a store: a copy of the master's entries that answers reads here and hands writes on to the master
 * (spec/broker-protocol.md 7). Pure: commands and ticks in, commands and changes out.
 *
 * Each attachment to a master is a new participant on the wire, with an object number of its own: the copy starts
 * from a fresh snapshot, and nothing of an old stream can get in. After a short loss of the connection the old
 * attachment goes on; after a long one, when the master is another one, or when events are lost for good, the clone
 * attaches anew.
 */
import { sizeOfAction } from './action-size.js'
import { Consumer } from './channel/consumer.js'
import { Producer } from './channel/producer.js'
import { TICK_MS } from './channel/timing.js'
import type { CloneSettings } from './clone-settings.js'
import type { Attached, Attaching, CloneState } from './clone-state.js'
import { type Action, type Body, type Command, isAction } from './command.js'
import { type Engine, emptyStoreCounters, type Readiness, type StoreCounters, type Write } from './engine.js'
import { type Entity, endpointOf, NOBODY } from './entity.js'
import { IncomingSnapshot } from './incoming-snapshot.js'
import { isRepeatable, PendingWrites } from './pending-writes.js'
import { Replica } from './replica.js'
import { REFUSAL_REASONS, StoreError, type StoreErrorCode } from './store-error.js'
import type { Table } from './table.js'

const DEFAULT_BUFFER_BYTES = 64 * 1024 * 1024
/** Of one message with several writes. */
const BATCH_ACTIONS = 16_384
const BATCH_BYTES = 4 * 1024 * 1024
/**
 * Masters acknowledge every writer at each heartbeat. One that has said nothing to this clone for so long has forgotten
 * it, whatever it tells all clones.
 */
const SILENT_TICKS = 150
/** Another master speaks and the own one has been silent for this long: it was replaced. */
const REPLACED_TICKS = 10

export class Clone implements Engine {
  readonly isMaster = false
  readonly name: string
  readonly identity: Entity
  readonly frontEnd: Entity
  readonly #settings: CloneSettings
  readonly #pending = new PendingWrites(sizeOfAction)
  readonly #counters = emptyStoreCounters()
  readonly #replica: Replica
  #state: CloneState
  #hasSnapshot = false
  /** Since when there is no contact with the master; undefined: there is. */
  #lostAtMs: number | undefined
  #masterEndpoints: readonly string[] = []
  #requests = 0
  #ticks = 0
  #lastHeardTick = 0
  #nextResyncTick = 0
  #isCongested = false
  #wasReady = false

  constructor(settings: CloneSettings) {
    this.#settings = settings
    this.name = settings.name
    this.#replica = new Replica(settings.effects)
    this.identity = settings.effects.newEntity()
    this.frontEnd = settings.effects.newEntity()
    this.#lostAtMs = settings.clock.monotonicMs()
    this.#state = this.#newAttachment(this.identity)
    this.#nextResyncTick = this.#resyncTicks
  }

  get table(): Table {
    return this.#replica.table
  }

  get position(): number {
    return this.#state.kind === 'attached' ? this.#state.consumer.position : 0
  }

  get readiness(): Readiness {
    if (this.#state.kind === 'closed') return 'closed'
    if (!this.#hasSnapshot) return 'waiting'
    const { staleMs } = this.#settings.intervals
    const isStale = this.#lostAtMs !== undefined && staleMs >= 0 && this.#awayMs() >= staleMs
    return isStale ? 'stale' : 'ready'
  }

  /** Whether the master can be reached. */
  get isInContact(): boolean {
    return this.#lostAtMs === undefined
  }

  counters(): StoreCounters {
    const { table } = this
    return {
      ...this.#counters,
      keys: table.size,
      bytes: table.bytes,
      waitingWrites: this.#pending.size,
      channels: this.isInContact ? 1 : 0,
    }
  }

  /** Starts to look for the master. */
  start(masterEndpoints: readonly string[]): void {
    this.#masterEndpoints = masterEndpoints
    if (this.#state.kind === 'attaching') this.#askForSnapshot(this.#state)
  }

  nextRequestId(): number {
    this.#requests += 1
    return this.#requests
  }

  write(write: Write): void {
    const state = this.#state
    if (this.#admit(write)) return
    if (state.kind === 'attached' && this.#canSend(state)) this.#transmit(state, write)
    else this.#pending.hold(write)
  }

  writeMany(writes: readonly Write[]): void {
    const state = this.#state
    if (state.kind !== 'attached' || !state.isOurs || !this.#canSend(state) || writes.length < 2) {
      for (const write of writes) this.write(write)
      return
    }
    let actions: Action[] = []
    let bytes = 0
    let first = 0
    const send = (): void => {
      if (actions.length === 0) return
      this.#send(state.self, first, { kind: 'batch', actions }, state.master, undefined)
      actions = []
      bytes = 0
    }
    for (const write of writes) {
      // A full way holds the rest back.
      if (this.#isCongested) this.write(write)
      if (this.#isCongested || this.#admit(write)) continue
      const seq = state.producer.append(write.action)
      if (actions.length === 0) first = seq
      this.#pending.sent(write, seq)
      actions.push(write.action)
      bytes += sizeOfAction(write.action)
      if (actions.length >= BATCH_ACTIONS || bytes >= BATCH_BYTES) send()
    }
    send()
  }

  cancel(write: Write): boolean {
    return this.#pending.cancel(write)
  }

  fail(code: StoreErrorCode, message: string): StoreError {
    return new StoreError(code, `store ${this.name}: ${message}`, { store: this.name })
  }

  /** A command on the topic of clones. */
  receive({ seq, sender, receiver, body }: Command): void {
    const state = this.#state
    if (state.kind === 'closed') return
    const isForMe = receiver === state.self
    if (state.kind === 'attaching') {
      if (!state.snapshot.isFrom(sender)) return
      if (isForMe) this.#receiveSnapshot(state, sender, seq, body)
      else if (isAction(body)) state.consumer.onEvent(seq, body)
      return
    }
    if (sender !== state.master) {
      if (body.kind === 'keepalive') this.#otherMaster(state)
      return
    }
    if (isForMe) this.#heard(state)
    if (isAction(body)) return state.consumer.onEvent(seq, body)
    switch (body.kind) {
      case 'keepalive':
        state.consumer.onKeepalive(body.last)
        if (state.consumer.position >= body.last) this.#pending.passed(state.acked, this.#passedOver)
        return
      case 'cumulative-ack':
        if (!isForMe) return
        state.isWriterKnown = true
        state.acked = Math.max(state.acked, body.upTo)
        state.producer.onAck(state.master, body.upTo)
        return this.#flush(state)
      case 'nack':
        if (isForMe) state.producer.onNack(state.master, body.missing)
        return
      case 'retransmit-failed':
        if (isForMe) state.consumer.onRetransmitFailed(body.lost)
        return
      case 'outcome':
        if (isForMe) this.#outcome(body.seq, body.code)
        return
      default:
    }
  }

  /** The endpoints that are peers of ours and say that they have the master. */
  peersChanged(masterEndpoints: readonly string[]): void {
    const known = this.#masterEndpoints
    this.#masterEndpoints = masterEndpoints
    const state = this.#state
    if (state.kind === 'closed') return
    if (state.kind === 'attaching') {
      if (masterEndpoints.some((endpoint) => !known.includes(endpoint))) this.#askForSnapshot(state)
      return
    }
    if (!state.isDirect) return
    if (masterEndpoints.includes(endpointOf(state.master))) {
      if (!state.isAway) return
      state.isAway = false
      // As long as the master must still know this clone, the streams go on where they stopped.
      if (this.#awayMs() < this.#settings.timing.connectionTimeoutTicks * TICK_MS * 0.8) this.#resume(state)
      else this.#reattach('the master was away for too long')
      return
    }
    if (!state.isAway) {
      state.isAway = true
      this.#lost()
    }
    if (masterEndpoints.length > 0) this.#reattach('another node has the master now')
  }

  tick(): void {
    const state = this.#state
    if (state.kind === 'closed') return
    this.#ticks += 1
    if (state.kind === 'attaching') {
      if (this.#masterEndpoints.length > 0 || this.#ticks >= this.#nextResyncTick) {
        if (this.#ticks >= this.#nextResyncTick) this.#nextResyncTick = this.#ticks + this.#resyncTicks
        if (this.#masterEndpoints.length === 0) this.#askForSnapshot(state)
        else state.consumer.tick()
      }
    } else if (!state.isAway) {
      state.consumer.tick()
      state.producer.tick()
      if (this.#ticks - this.#lastHeardTick >= SILENT_TICKS) this.#reattach('the master is silent')
    }
    this.#expireHeld()
    this.#checkReadiness()
  }

  onDrain(): void {
    this.#isCongested = false
    if (this.#state.kind === 'attached') this.#flush(this.#state)
  }

  close(): void {
    const state = this.#state
    if (state.kind === 'closed') return
    state.consumer.stop()
    this.#state = { kind: 'closed' }
    this.#failAll('closed', 'the handle was closed')
    this.#settings.effects.readinessChanged()
  }

  get #resyncTicks(): number {
    return Math.max(1, Math.ceil(this.#settings.intervals.resyncMs / TICK_MS))
  }

  #awayMs(): number {
    return this.#lostAtMs === undefined ? 0 : this.#settings.clock.monotonicMs() - this.#lostAtMs
  }

  /** Whether a write must not even wait; then it has been told. */
  #admit(write: Write): boolean {
    const { mutationBufferMs } = this.#settings.intervals
    let error: StoreError | undefined
    if (this.#state.kind === 'closed') error = this.fail('closed', 'the handle was closed')
    else if (this.#lostAtMs !== undefined && this.#awayMs() >= Math.max(0, mutationBufferMs)) {
      error = this.fail('no-master', 'there is no contact with the master; the write was not sent')
    } else if (this.#pending.bytes >= (this.#settings.mutationBufferBytes ?? DEFAULT_BUFFER_BYTES)) {
      error = this.fail('buffer-full', 'too many writes wait for the master; await them before further ones')
    }
    if (error === undefined) return false
    this.#counters.refused += 1
    write.reject(error)
    return true
  }

  #canSend(state: Attached): boolean {
    return !state.isAway && !this.#isCongested && !this.#pending.hasHeld
  }

  #transmit(state: Attached, write: Write): void {
    this.#pending.sent(write, state.producer.seq + 1)
    state.producer.produce(write.action)
  }

  /** Sends what is held, as long as there is a way. */
  #flush(state: Attached): void {
    while (!state.isAway && !this.#isCongested) {
      const write = this.#pending.takeHeld()
      if (write === undefined) return
      this.#transmit(state, write)
    }
  }

  #send(self: Entity, seq: number, body: Body, receiver: Entity, endpoint: string | undefined): void {
    const isFree = this.#settings.effects.send({ seq, sender: self, receiver, body }, endpoint)
    if (!isFree) this.#isCongested = true
  }

  #newAttachment(self: Entity): Attaching {
    const { timing } = this.#settings
    const consumer: Consumer<Action> = new Consumer<Action>({
      timing,
      effects: {
        consume: (action) => this.#apply(action),
        lost: () => this.#reattach('events of the master are lost for good'),
        acknowledge: (upTo) => this.#toMaster(self, { kind: 'cumulative-ack', upTo }),
        nack: (missing) => this.#toMaster(self, { kind: 'nack', missing }),
      },
    })
    return { kind: 'attaching', self, consumer, snapshot: new IncomingSnapshot() }
  }

  #toMaster(self: Entity, body: Body): void {
    const state = this.#state
    if (state.kind === 'attached' && state.self === self) {
      this.#send(self, 0, body, state.master, endpointOf(state.master))
    } else {
      this.#send(self, 0, body, NOBODY, undefined)
    }
  }

  #askForSnapshot({ self }: Attaching): void {
    this.#send(self, 0, { kind: 'nack', missing: [0] }, NOBODY, undefined)
  }

  #receiveSnapshot(state: Attaching, sender: Entity, generation: number, body: Body): void {
    const offset = state.snapshot.receive(sender, generation, body)
    if (offset !== undefined) this.#attach(state, sender, offset)
  }

  #attach({ self, consumer, snapshot }: Attaching, master: Entity, offset: number): void {
    const { timing, effects } = this.#settings
    const endpoint = endpointOf(master)
    const toAnyone = (body: Body, receiver: Entity, seq = 0): void =>
      this.#send(self, seq, body, receiver, undefined)
    const attachWriter = (): void =>
      toAnyone({ kind: 'attach-writer', offset: 1, heartbeatTicks: timing.heartbeatTicks }, master)
    const producer = new Producer<Action>({
      timing,
      sizeOf: sizeOfAction,
      limitBytes: Number.POSITIVE_INFINITY,
      effects: {
        broadcast: (seq, action) => toAnyone(action, master, seq),
        resend: (_master, seq, action) => toAnyone(action, master, seq),
        handshake: attachWriter,
        keepalive: (last) => {
          if (!attached.isWriterKnown) attachWriter()
          toAnyone({ kind: 'keepalive', last }, NOBODY)
        },
        retransmitFailed: (_master, lost) => toAnyone({ kind: 'retransmit-failed', lost }, master),
        acknowledged: () => {},
        dropped: (_master, reason) => this.#reattach(`the master does not acknowledge writes: ${reason}`),
      },
    })
    const attached: Attached = {
      kind: 'attached',
      self,
      master,
      consumer,
      producer,
      isOurs: effects.isOurs(endpoint),
      isDirect: this.#masterEndpoints.includes(endpoint),
      isWriterKnown: false,
      acked: 0,
      isAway: false,
    }
    this.#state = attached
    this.#counters.snapshots += 1
    this.#lastHeardTick = this.#ticks
    this.#lostAtMs = undefined
    this.#replica.replace(snapshot.table, master)
    this.#hasSnapshot = true
    consumer.onHandshake(offset)
    if (this.#state !== attached) return
    producer.add(master)
    this.#flush(attached)
    this.#checkReadiness()
  }

  /** The connection to the master is back after a short time. */
  #resume(state: Attached): void {
    this.#lostAtMs = undefined
    this.#isCongested = false
    this.#lastHeardTick = this.#ticks
    state.consumer.acknowledge()
    this.#send(state.self, 0, { kind: 'keepalive', last: state.producer.seq }, NOBODY, undefined)
    this.#flush(state)
    this.#checkReadiness()
  }

  #heard(state: Attached): void {
    this.#lastHeardTick = this.#ticks
    if (this.#lostAtMs !== undefined && !state.isAway) {
      this.#lostAtMs = undefined
      this.#checkReadiness()
    }
  }

  #otherMaster(state: Attached): void {
    if (this.#ticks - this.#lastHeardTick >= REPLACED_TICKS) {
      this.#reattach(`the master on ${endpointOf(state.master)} is silent, and another one speaks`)
    }
  }

  #lost(): void {
    this.#lostAtMs ??= this.#settings.clock.monotonicMs()
  }

  /** Starts over with a new snapshot. What was on its way may have been applied or not. */
  #reattach(reason: string): void {
    const state = this.#state
    if (state.kind === 'closed') return
    const { effects } = this.#settings
    state.consumer.stop()
    this.#lost()
    const before = this.#pending.takeFlight()
    this.#state = this.#newAttachment(effects.newEntity())
    this.#isCongested = false
    this.#nextResyncTick = this.#ticks + this.#resyncTicks
    effects.report('info', 'store-resync', `store ${this.name}: the clone is copied anew: ${reason}`)
    this.#pending.holdAgain(before.filter(({ action }) => isRepeatable(action)))
    for (const write of before) {
      if (isRepeatable(write.action)) continue
      this.#counters.refused += 1
      write.reject(
        this.fail('outcome-unknown', `the master was lost while the write was on its way: ${reason}`),
      )
    }
    this.#askForSnapshot(this.#state)
  }

  #apply(action: Action): void {
    if (this.#replica.apply(action)) {
      this.#counters.writes += 1
      if (action.publisher === this.identity) this.#pending.echoed(action, this.#passedOver)
    } else if (action.kind !== 'put-unique-result') {
      // Masters tell what came of these as puts.
      this.#counters.invalidCommands += 1
    } else if (action.who === this.frontEnd) {
      this.#pending.answered(action.requestId, action.inserted, this.#passedOver)
    }
  }

  #outcome(seq: number, code: StoreErrorCode | undefined): void {
    this.#pending.outcome(seq, (write) => {
      if (code === undefined) return write.resolve()
      this.#counters.refused += 1
      write.reject(this.fail(code, REFUSAL_REASONS[code] ?? 'the master refused the write'))
    })
  }

  /** The master went on to later writes and said nothing of this one. */
  readonly #passedOver = (write: Write): void => {
    const { kind } = write.action
    if (kind === 'erase' || kind === 'clear') return write.resolve()
    this.#counters.refused += 1
    write.reject(this.fail('refused', 'the master did not apply the write, and does not say why'))
  }

  /** Writes that have waited for a master for too long. */
  #expireHeld(): void {
    const { mutationBufferMs } = this.#settings.intervals
    if (this.#lostAtMs === undefined || this.#pending.size === 0) return
    if (this.#awayMs() < Math.max(0, mutationBufferMs)) return
    this.#failAll('no-master', 'there was no contact with the master in time; the write was not sent')
  }

  #failAll(code: 'no-master' | 'closed', message: string): void {
    const unknown = 'there is no contact with the master; the write was on its way'
    this.#pending.holdAgain(this.#pending.takeFlight())
    for (let write = this.#pending.takeHeld(); write !== undefined; write = this.#pending.takeHeld()) {
      this.#counters.refused += 1
      const wasSent = this.#pending.wasSent(write)
      write.reject(wasSent ? this.fail('outcome-unknown', unknown) : this.fail(code, message))
    }
  }

  #checkReadiness(): void {
    const isReady = this.readiness === 'ready'
    if (isReady === this.#wasReady) return
    this.#wasReady = isReady
    this.#settings.effects.readinessChanged()
  }
}
