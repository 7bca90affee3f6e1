/** Records of one writer that are in memory only, as the LogWrite messages that they will travel as. */
import { ByteWriter } from '../../data/byte-writer.js'
import { type LogWriterDescription, writeLogWriteStart } from '../../data/log-messages.js'
import type { SequenceState } from './batch.js'

export class RecordBuffer {
  readonly sequence: SequenceState
  /** Whose turn it was; undefined while no logger was up. */
  readonly logger: string | undefined
  writer = new ByteWriter(0)
  records = 0
  readonly #start: Uint8Array

  constructor(sequence: SequenceState, logger: string | undefined) {
    this.sequence = sequence
    this.logger = logger
    this.#start = startOfMessage(sequence.description)
  }

  /** Appends a record; `record` has its wire bytes. */
  add(record: ByteWriter): void {
    const { writer } = this
    const { length } = record
    const start = this.#start
    // The buffer may be another one once there is room.
    const at = writer.reserve(start.length)
    writer.bytes.set(start, at)
    writer.varbyte(length)
    const offset = writer.reserve(length)
    record.bytes.copy(writer.bytes, offset, 0, length)
    this.records += 1
  }
}

/** What all messages of a writer begin with, up to the length of the record. */
function startOfMessage(description: LogWriterDescription): Uint8Array {
  const writer = new ByteWriter()
  writeLogWriteStart(writer, description, 0)
  writer.length -= 1
  return writer.toBytes()
}
