/** Records of one writer that are in memory only, as the LogWrite messages that they will travel as. */
import { ByteWriter } from '../../data/byte-writer.js'
import { type LogWriterDescription, writeLogWriteStart } from '../../data/log-messages.js'
import type { SequenceState } from './batch.js'

/** Most records are so long that their length takes two bytes. */
const LENGTH_BYTES = 2
const LENGTH_LEAST = 0x80
const LENGTH_MOST = 0x3fff

export class RecordBuffer {
  readonly sequence: SequenceState
  /** Whose turn it was; undefined while no logger was up. */
  readonly logger: string | undefined
  writer = new ByteWriter(0)
  records = 0
  readonly #start: Uint8Array
  /** Where the message of the record that is begun starts. */
  #begunAt = 0

  constructor(sequence: SequenceState, logger: string | undefined) {
    this.sequence = sequence
    this.logger = logger
    this.#start = startOfMessage(sequence.description)
  }

  /** Appends a record: `bytes[start, end)`. */
  add(bytes: Buffer, start: number, end: number): void {
    const { writer } = this
    // The buffer may be another one once there is room.
    const at = writer.reserve(this.#start.length)
    writer.bytes.set(this.#start, at)
    writer.varbyte(end - start)
    const offset = writer.reserve(end - start)
    bytes.copy(writer.bytes, offset, start, end)
    this.records += 1
  }

  /** Begins a record; its bytes are appended to `writer`. */
  begin(): void {
    const { writer } = this
    const at = writer.reserve(this.#start.length + LENGTH_BYTES)
    writer.bytes.set(this.#start, at)
    this.#begunAt = at
  }

  /** What was appended since `begin` is a record. */
  commit(): void {
    const { writer } = this
    const { recordAt } = this
    const length = writer.length - recordAt
    if (length >= LENGTH_LEAST && length <= LENGTH_MOST) {
      writer.bytes[recordAt - 2] = (length & 0x7f) | 0x80
      writer.bytes[recordAt - 1] = length >>> 7
    } else {
      this.#moveRecord(length)
    }
    this.records += 1
  }

  /** Takes back what was appended since `begin`, and that. */
  rollback(): void {
    this.writer.length = this.#begunAt
  }

  /** Where the bytes of the record that is begun start. */
  get recordAt(): number {
    return this.#begunAt + this.#start.length + LENGTH_BYTES
  }

  /** Its length takes more or less room than there is. */
  #moveRecord(length: number): void {
    const { writer, recordAt } = this
    const lengthAt = recordAt - LENGTH_BYTES
    const to = lengthAt + varbyteBytes(length)
    if (to > recordAt) writer.ensure(to - recordAt)
    writer.bytes.copyWithin(to, recordAt, recordAt + length)
    writer.length = lengthAt
    writer.varbyte(length)
    writer.length = to + length
  }
}

function varbyteBytes(value: number): number {
  let count = 1
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) count += 1
  return count
}

/** What all messages of a writer begin with, up to the length of the record. */
function startOfMessage(description: LogWriterDescription): Uint8Array {
  const writer = new ByteWriter()
  writeLogWriteStart(writer, description, 0)
  writer.length -= 1
  return writer.toBytes()
}
