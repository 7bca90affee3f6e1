/**
 * What is known of a run: the same transitions make it from the calls of a live node and from the entries of a journal,
 * so that what is read after a crash is what was there before it.
 */
import type { LogWriterDescription } from '../../data/log-messages.js'
import { Batch, type BatchState, Channel, type Place, Segment, SequenceState } from './batch.js'
import type { DropReason, LogPriority, LossLimit } from './delivery-settings.js'
import { Fifo } from './fifo.js'
import type { Assignment, JournalEntry, JournalEntryOf } from './journal.js'

export const PRIORITIES: readonly LogPriority[] = ['high', 'normal', 'low']

export const DROP_REASONS: readonly DropReason[] = [
  'spool-full',
  'spool-unwritable',
  'spool-damaged',
  'queue-full',
  'logger-gone',
]

/** Ids of a generation come from a range of their own: which ones an earlier one used may be unknown. */
const IDS_PER_GENERATION = 2 ** 32

export type WaitingLists = Readonly<Record<LogPriority, Fifo<Batch>>>

function emptyLists(): WaitingLists {
  return { high: new Fifo(), normal: new Fifo(), low: new Fifo() }
}

export class RunState {
  readonly name: string
  readonly sequences = new Map<number, SequenceState>()
  readonly segments = new Map<number, Segment>()
  /** Every batch that is not finished. */
  readonly batches = new Map<number, Batch>()
  /** Batches in the spool for any logger, oldest first. */
  readonly waiting: WaitingLists = emptyLists()
  /** The same of batches that are in memory only: younger than those in the spool. */
  readonly waitingInMemory: WaitingLists = emptyLists()
  /** By logger and wire number, earlier ones included as long as something of theirs is unfinished. */
  readonly #channels = new Map<string, Map<number, Channel>>()
  /** Sequences of batches whose entries stand behind a damage. */
  readonly #damaged = new Map<number, SequenceState>()
  life: 'running' | 'ended' | 'crashed' = 'running'
  startedMs = 0
  /** Of a run that was read: what its process may have taken with it. */
  lostAtMost: LossLimit = 'unknown'
  /** Records that left the buffers, are in no journal and were confirmed by no logger: a kill takes these, too. */
  unnoted = 0
  #generation = 0
  #lastId = 0
  #lastBatch = 0

  constructor(name: string) {
    this.name = name
  }

  get isFinished(): boolean {
    return this.batches.size === 0
  }

  /** Ids and numbers from here on are none that were given before, known or not. */
  startGeneration(): void {
    this.#generation += 1
    this.#lastId = Math.max(this.#lastId, this.#generation * IDS_PER_GENERATION)
    this.renewChannels()
  }

  /** No channel gets another number: what was given last may not be what the journal says. */
  renewChannels(): void {
    for (const sequence of this.sequences.values()) {
      sequence.isRenewed = true
      sequence.channels.clear()
    }
    for (const channels of this.#channels.values()) {
      for (const channel of channels.values()) this.#forgetChannel(channel)
    }
  }

  declare(description: LogWriterDescription, priority: LogPriority): SequenceState {
    this.#lastId += 1
    return this.#addSequence(this.#lastId, description, priority)
  }

  /** A new batch, in nobody's list: `wait` or `assign` come next. */
  add(sequence: SequenceState, records: number, bytes: number, checksum: number, place?: Place): Batch {
    this.#lastBatch += 1
    return this.#addBatch(new Batch(this.#lastBatch, sequence, records, bytes, checksum), place)
  }

  /** More records for a batch that waits in the spool. */
  extend(batch: Batch, records: number, offset: number, length: number, checksum: number): void {
    const { pieces } = batch.place!
    const end = pieces.length === 0 ? -1 : pieces.at(-2)! + pieces.at(-1)!
    if (end === offset) pieces[pieces.length - 1]! += length
    else pieces.push(offset, length)
    batch.records += records
    batch.bytes += length
    batch.checksum = checksum
    batch.sequence.tally.spooled += records
  }

  /** A batch that was in memory only is in the spool now. */
  settle(batch: Batch, place: Place): void {
    const { tally } = batch.sequence
    const wasWaiting = batch.state === 'waiting'
    this.#leaveList(batch)
    if (batch.state !== 'assigned') {
      tally.inMemory -= batch.records
      tally.spooled += batch.records
    }
    batch.place = place
    batch.payload = undefined
    place.segment.unfinished += 1
    if (wasWaiting) this.wait(batch)
  }

  /** Puts a batch behind all others that wait. */
  wait(batch: Batch): void {
    this.#become(batch, 'waiting')
    batch.sequence.youngest = batch
    this.#listOf(batch).push(batch)
  }

  /** Takes the oldest batch that waits. */
  claim(priority: LogPriority, from: WaitingLists): Batch | undefined {
    const batch = from[priority].shift()
    if (batch !== undefined) this.#become(batch, 'claimed')
    return batch
  }

  /** Claimed batches, in order, are for any logger again. */
  unclaim(batches: readonly Batch[]): void {
    for (const priority of PRIORITIES) {
      for (const lists of [this.waiting, this.waitingInMemory]) {
        const own = batches.filter(
          (batch) => batch.sequence.priority === priority && this.#listOf(batch) === lists[priority],
        )
        if (own.length === 0) continue
        for (const batch of own) this.#become(batch, 'waiting')
        // Claims of several loggers may come back in any order.
        const older = lists[priority].take((batch) => batch.id < own.at(-1)!.id)
        const all = [...older, ...own].sort((a, b) => a.id - b.id)
        lists[priority].unshift(all)
      }
    }
  }

  channelOf(sequence: SequenceState, logger: string): Channel {
    const known = sequence.channels.get(logger)
    if (known !== undefined) return known
    if (sequence.isRenewed) this.#lastId += 1
    return this.#addChannel(new Channel(sequence, logger, sequence.isRenewed ? this.#lastId : sequence.id))
  }

  /** The channel gives no more numbers; batches that it has are confirmed through it. */
  renewChannel(channel: Channel): void {
    const { sequence, logger } = channel
    sequence.isRenewed = true
    if (sequence.channels.get(logger) === channel) sequence.channels.delete(logger)
    this.#forgetChannel(channel)
  }

  channel(logger: string, wire: number): Channel | undefined {
    return this.#channels.get(logger)?.get(wire)
  }

  channelsTo(logger: string): Iterable<Channel> {
    return this.#channels.get(logger)?.values() ?? []
  }

  /** Gives a batch to a logger; one that has been given before moves. */
  assign(batch: Batch, channel: Channel, first = channel.assigned + 1): void {
    const { tally } = batch.sequence
    if (batch.state === 'assigned') {
      batch.channel?.batches.take((other) => other === batch)
    } else {
      tally[batch.place === undefined ? 'inMemory' : 'spooled'] -= batch.records
      tally.inFlight += batch.records
      this.#become(batch, 'assigned')
    }
    batch.channel = channel
    batch.first = first
    channel.assigned = Math.max(channel.assigned, batch.last)
    channel.batches.push(batch)
  }

  /** Takes an assignment back that nobody has learned of. The channel gives no numbers from then on. */
  unassign(batch: Batch): void {
    const { tally } = batch.sequence
    batch.channel?.batches.take((other) => other === batch)
    batch.channel = undefined
    tally.inFlight -= batch.records
    tally[batch.place === undefined ? 'inMemory' : 'spooled'] += batch.records
    this.#become(batch, 'claimed')
  }

  /** The logger has everything up to `number`. Returns the batches that are finished by it. */
  confirm(channel: Channel, number: number): readonly Batch[] {
    const upTo = Math.min(number, channel.assigned)
    if (upTo <= channel.confirmed) return []
    const finished: Batch[] = []
    const { tally } = channel.sequence
    for (let batch = channel.batches.first; batch !== undefined; batch = channel.batches.first) {
      const stored = Math.min(upTo, batch.last) - Math.max(channel.confirmed, batch.first - 1)
      if (stored > 0) {
        tally.inFlight -= stored
        tally.stored += stored
      }
      if (batch.last > upTo) break
      channel.batches.shift()
      if (batch.place === undefined) this.unnoted -= batch.records
      this.#become(batch, 'finished')
      finished.push(batch)
    }
    channel.confirmed = upTo
    this.#forgetChannel(channel)
    return finished
  }

  /** Sent to a logger that confirms nothing. */
  finishUnconfirmed(batch: Batch): void {
    const { tally } = batch.sequence
    tally[batch.place === undefined ? 'inMemory' : 'spooled'] -= batch.records
    tally.unconfirmed += batch.records
    this.#become(batch, 'finished')
  }

  drop(batch: Batch, reason: DropReason): void {
    const { tally } = batch.sequence
    const { channel } = batch
    if (channel === undefined) {
      tally[batch.place === undefined ? 'inMemory' : 'spooled'] -= batch.records
      tally.dropped[reason] += batch.records
    } else {
      const left = batch.unconfirmed
      tally.inFlight -= left
      tally.dropped[reason] += left
      channel.batches.remove(batch)
    }
    this.#leaveList(batch)
    this.#become(batch, 'finished')
  }

  /** Drops all that waits in a segment, oldest first. */
  shed(segment: Segment, reason: DropReason): readonly Batch[] {
    const batches = this.waiting[segment.priority].take((batch) => batch.place?.segment === segment)
    for (const batch of batches) {
      batch.sequence.tally.spooled -= batch.records
      batch.sequence.tally.dropped[reason] += batch.records
      this.#become(batch, 'finished')
    }
    return batches
  }

  /** Gives up what belongs to a logger. Returns the batches that are finished by it. */
  forget(logger: string): readonly Batch[] {
    const finished: Batch[] = []
    for (const channel of [...this.channelsTo(logger)]) {
      // Numbers that nobody gets are missing in this channel: it gives no more.
      for (let batch = channel.batches.first; batch !== undefined; batch = channel.batches.first) {
        this.drop(batch, 'logger-gone')
        finished.push(batch)
      }
      this.renewChannel(channel)
    }
    return finished
  }

  /** Those that something was given to. */
  loggers(): readonly string[] {
    return [...this.#channels.keys()]
  }

  /** Replays one entry of a journal. */
  apply(entry: JournalEntry): void {
    switch (entry.kind) {
      case 'start':
        this.life = entry.life
        this.startedMs = entry.startedMs
        this.#generation = entry.generation
        return
      case 'sequence':
        this.#addSequence(entry.id, entry.description, entry.priority)
        return
      case 'totals':
        return this.#applyTotals(entry)
      case 'channel': {
        const sequence = this.sequences.get(entry.sequence)
        if (sequence === undefined) return
        const channel = new Channel(sequence, entry.logger, entry.wire)
        channel.assigned = entry.confirmed
        channel.confirmed = entry.confirmed
        this.#addChannel(channel)
        return
      }
      case 'spooled':
        return this.#applySpooled(entry)
      case 'extended': {
        const batch = this.batches.get(entry.batch)
        if (batch === undefined) return
        batch.sequence.tally.produced += entry.records
        this.extend(batch, entry.records, entry.offset, entry.length, entry.checksum)
        return this.#growSegment(batch.place!.segment, entry.offset + entry.length)
      }
      case 'assigned': {
        const batch = this.batches.get(entry.batch)
        if (batch !== undefined) this.#applyAssignment(batch, entry.assignment)
        return
      }
      case 'confirmed': {
        const channel = this.channel(entry.logger, entry.wire)
        if (channel !== undefined) this.confirm(channel, entry.number)
        return
      }
      case 'unconfirmed': {
        const batch = this.batches.get(entry.batch)
        if (batch === undefined) return
        this.#leaveList(batch)
        return this.finishUnconfirmed(batch)
      }
      case 'dropped': {
        const batch = this.batches.get(entry.batch)
        if (batch !== undefined) this.drop(batch, entry.reason)
        return
      }
      case 'refused': {
        const tally = this.sequences.get(entry.sequence)?.tally
        if (tally === undefined) return
        tally.produced += entry.records
        tally.dropped[entry.reason] += entry.records
        return
      }
      case 'ended':
        this.life = 'ended'
        return
      case 'complete':
        return
    }
  }

  /** Entries behind a damage: their records are known and can no longer be delivered. */
  applyBehindDamage(entry: JournalEntry): void {
    if (entry.kind === 'sequence' && !this.sequences.has(entry.id)) this.apply(entry)
    if (entry.kind !== 'spooled' && entry.kind !== 'extended') return
    if (entry.kind === 'spooled') {
      const sequence = this.sequences.get(entry.sequence)
      if (sequence !== undefined) this.#damaged.set(entry.batch, sequence)
    }
    const tally = (this.#damaged.get(entry.batch) ?? this.batches.get(entry.batch)?.sequence)?.tally
    if (tally === undefined) return
    tally.produced += entry.records
    tally.dropped['spool-damaged'] += entry.records
  }

  /** Of all loggers. */
  *allChannels(): Iterable<Channel> {
    for (const channels of this.#channels.values()) yield* channels.values()
  }

  get generation(): number {
    return this.#generation
  }

  #addSequence(id: number, description: LogWriterDescription, priority: LogPriority): SequenceState {
    const sequence = new SequenceState(id, description, priority)
    this.#lastId = Math.max(this.#lastId, id)
    this.sequences.set(id, sequence)
    return sequence
  }

  #addBatch(batch: Batch, place: Place | undefined): Batch {
    this.batches.set(batch.id, batch)
    const { tally } = batch.sequence
    tally[place === undefined ? 'inMemory' : 'spooled'] += batch.records
    if (place === undefined) this.unnoted += batch.records
    else {
      batch.place = place
      place.segment.unfinished += 1
    }
    return batch
  }

  #addChannel(channel: Channel): Channel {
    const channels = this.#channels.get(channel.logger) ?? new Map<number, Channel>()
    this.#channels.set(channel.logger, channels)
    channels.set(channel.wire, channel)
    channel.sequence.channels.set(channel.logger, channel)
    this.#lastId = Math.max(this.#lastId, channel.wire)
    return channel
  }

  #forgetChannel(channel: Channel): void {
    const { logger, wire, sequence } = channel
    if (channel.batches.length > 0 || sequence.channels.get(logger) === channel) return
    this.#channels.get(logger)?.delete(wire)
  }

  #listOf(batch: Batch): Fifo<Batch> {
    const lists = batch.place === undefined ? this.waitingInMemory : this.waiting
    return lists[batch.sequence.priority]
  }

  #leaveList(batch: Batch): void {
    if (batch.state !== 'waiting') return
    this.#listOf(batch).remove(batch)
    this.#become(batch, 'claimed')
  }

  /** The one place where the state of a batch changes. */
  #become(batch: Batch, state: BatchState): void {
    const { sequence, place } = batch
    if (batch.state === state) return
    if (batch.state === 'waiting') {
      sequence.waiting -= 1
      if (sequence.youngest === batch) sequence.youngest = undefined
      if (place !== undefined) place.segment.waiting -= 1
    }
    batch.state = state
    if (state === 'waiting') {
      sequence.waiting += 1
      if (place !== undefined) place.segment.waiting += 1
    }
    if (state === 'finished') {
      if (place !== undefined) place.segment.unfinished -= 1
      this.batches.delete(batch.id)
    }
  }

  #applyTotals(entry: JournalEntryOf<'totals'>): void {
    const tally = this.sequences.get(entry.sequence)?.tally
    if (tally === undefined) return
    tally.produced += entry.produced
    tally.stored += entry.stored
    tally.unconfirmed += entry.unconfirmed
    for (const reason of DROP_REASONS) tally.dropped[reason] += entry.dropped[reason]
  }

  #applySpooled({
    batch: id,
    sequence: sequenceId,
    records,
    place,
    assignment,
  }: JournalEntryOf<'spooled'>): void {
    const sequence = this.sequences.get(sequenceId)
    if (sequence === undefined) return
    let segment = this.segments.get(place.segment)
    if (segment === undefined) {
      segment = new Segment(place.segment, sequence.priority)
      this.segments.set(segment.number, segment)
    }
    let bytes = 0
    for (let index = 0; index < place.pieces.length; index += 2) {
      bytes += place.pieces[index + 1]!
      this.#growSegment(segment, place.pieces[index]! + place.pieces[index + 1]!)
    }
    sequence.tally.produced += records
    this.#lastBatch = Math.max(this.#lastBatch, id)
    const batch = new Batch(id, sequence, records, bytes, place.checksum)
    this.#addBatch(batch, { segment, pieces: [...place.pieces] })
    if (assignment === undefined) this.wait(batch)
    else this.#applyAssignment(batch, assignment)
  }

  #applyAssignment(batch: Batch, { logger, wire, first }: Assignment): void {
    this.#leaveList(batch)
    const channel = this.channel(logger, wire) ?? this.#addChannel(new Channel(batch.sequence, logger, wire))
    this.assign(batch, channel, first)
  }

  #growSegment(segment: Segment, end: number): void {
    segment.sizeBytes = Math.max(segment.sizeBytes, end)
  }
}
