/** The state of a run as journal entries: what a new journal begins with, so that the one before is not needed. */
import type { ByteWriter } from '../../data/byte-writer.js'
import type { Batch, Channel, Place, SequenceState } from './batch.js'
import { type Assignment, type JournalEntryOf, writeJournalEntry } from './journal.js'
import { PRIORITIES, type RunState } from './run-state.js'

interface Unfinished {
  records: number
  /** Records of these that a logger has confirmed all the same: a part of a batch. */
  stored: number
}

/** Appends entries that make `state` anew, but for what is in memory only. */
export function writeSnapshot(writer: ByteWriter, state: RunState): void {
  const { life, startedMs, generation } = state
  writeJournalEntry(writer, { kind: 'start', life, generation, startedMs })
  const unfinished = sumUnfinished(state)
  for (const sequence of state.sequences.values()) writeSequence(writer, sequence, unfinished.get(sequence))
  for (const channel of state.allChannels()) writeChannel(writer, channel)
  for (const batch of state.batches.values()) if (batch.state === 'claimed') writeBatch(writer, batch)
  for (const priority of PRIORITIES) {
    for (const batch of state.waiting[priority]) writeBatch(writer, batch)
  }
  writeJournalEntry(writer, { kind: 'complete' })
}

function sumUnfinished(state: RunState): Map<SequenceState, Unfinished> {
  const sums = new Map<SequenceState, Unfinished>()
  for (const batch of state.batches.values()) {
    if (batch.place === undefined) continue
    const sum = sums.get(batch.sequence) ?? { records: 0, stored: 0 }
    sums.set(batch.sequence, sum)
    sum.records += batch.records
    if (batch.channel !== undefined) sum.stored += Math.max(0, batch.channel.confirmed - (batch.first - 1))
  }
  return sums
}

function writeSequence(writer: ByteWriter, sequence: SequenceState, unfinished?: Unfinished): void {
  const { id, priority, description, tally } = sequence
  writeJournalEntry(writer, { kind: 'sequence', id, priority, description })
  writeJournalEntry(writer, {
    kind: 'totals',
    sequence: id,
    produced: tally.produced - tally.inMemory - (unfinished?.records ?? 0),
    stored: tally.stored - (unfinished?.stored ?? 0),
    unconfirmed: tally.unconfirmed,
    dropped: tally.dropped,
  })
}

function writeChannel(writer: ByteWriter, channel: Channel): void {
  const { logger, wire } = channel
  const sequence = channel.sequence.id
  const oldest = channel.batches.first
  const confirmed = oldest === undefined ? channel.confirmed : Math.min(channel.confirmed, oldest.first - 1)
  writeJournalEntry(writer, { kind: 'channel', sequence, logger, wire, confirmed })
  for (const batch of channel.batches) writeBatch(writer, batch)
  if (channel.confirmed > confirmed) {
    writeJournalEntry(writer, { kind: 'confirmed', logger, wire, number: channel.confirmed })
  }
}

function writeBatch(writer: ByteWriter, batch: Batch): void {
  if (batch.place !== undefined) writeJournalEntry(writer, spooledEntry(batch, batch.place))
}

export function spooledEntry(batch: Batch, { segment, pieces }: Place): JournalEntryOf<'spooled'> {
  const { id, sequence, records, checksum } = batch
  return {
    kind: 'spooled',
    batch: id,
    sequence: sequence.id,
    records,
    place: { segment: segment.number, pieces, checksum },
    assignment: assignmentOf(batch),
  }
}

export function assignmentOf({ channel, first }: Batch): Assignment | undefined {
  return channel && { logger: channel.logger, wire: channel.wire, first }
}
