/**
 * Typed events. An event type is a function: calling it with its arguments gives a message that can be published.
 *
 *     const seen = event('Demo::seen', [addr, count])
 *     bus.publish(topic, seen(host, 3n))
 *
 * Wire form: spec/broker-protocol.md 6.2.
 */
import { TAG } from './binary.js'
import type { ByteReader } from './byte-reader.js'
import { ByteWriter } from './byte-writer.js'
import { type DataType, locateFault, type Natives, type Part } from './data-type.js'
import { DecodeError, EncodeError } from './decode-error.js'
import { type Encodable, MESSAGE_TYPE, writeMessageStart } from './messages.js'
import { type ArgumentsWriter, compileArgumentsReader, compileArgumentsWriter } from './record-codec.js'
import { count, time } from './scalar-types.js'

/** Types of the parameters of an event. */
// biome-ignore lint/suspicious/noExplicitAny: a list of types of anything; `never` would refuse every element
export type ParameterTypes = readonly DataType<any>[]

export interface EventType<Types extends ParameterTypes = ParameterTypes> {
  /** Makes a message; nothing is encoded before it is published. */
  (...args: Natives<Types>): EventMessage
  /** Full name, for example `Demo::seen`. */
  readonly eventName: string
  readonly types: Types
  /**
   * Reads the arguments; the reader stands at the first one. Throws `DecodeError` for a wrong number or type.
   */
  readArguments(reader: ByteReader, size: number): Natives<Types>
}

const SCRATCH_BYTES = 4096
const SCRATCH_LIMIT_BYTES = 1 << 20

/** What `check` writes into; nothing reads it. */
const scratch = new ByteWriter(SCRATCH_BYTES)

/** An event with its arguments, ready to be published. */
export class EventMessage implements Encodable {
  readonly #eventName: string
  readonly #prefix: Uint8Array
  readonly #types: ParameterTypes
  readonly #write: ArgumentsWriter
  readonly args: readonly unknown[]
  /** Network time in seconds that travels as metadata; see `at`. */
  readonly timestamp: number | undefined

  constructor(
    eventName: string,
    prefix: Uint8Array,
    types: ParameterTypes,
    write: ArgumentsWriter,
    args: readonly unknown[],
    timestamp?: number,
  ) {
    this.#eventName = eventName
    this.#prefix = prefix
    this.#write = write
    this.#types = types
    this.args = args
    this.timestamp = timestamp
  }

  /** The same event with a network timestamp, in seconds since the epoch (spec/broker-protocol.md 6.2). */
  at(timestamp: number): EventMessage {
    return new EventMessage(this.#eventName, this.#prefix, this.#types, this.#write, this.args, timestamp)
  }

  writeTo(writer: ByteWriter): void {
    const start = writer.length
    writer.raw(this.#prefix)
    try {
      this.#write(writer, this.args)
    } catch (error) {
      if (!(error instanceof EncodeError)) throw error
      const { path, reason } = locateFault(error, this.#parts()).data
      throw new EncodeError(reason, `event ${this.#eventName}, ${path}`)
    }
    if (this.timestamp === undefined) return
    writer.bytes[start + CONTENT_SIZE_OFFSET] = 3
    writer.u8(TAG.vector)
    writer.varbyte(1)
    writer.u8(TAG.vector)
    writer.varbyte(2)
    count.write(writer, 1n)
    time.write(writer, this.timestamp)
  }

  /** Throws the `EncodeError` that sending would: a fault of the publisher shows also when nobody listens. */
  check(): void {
    scratch.length = 0
    this.writeTo(scratch)
    if (scratch.bytes.length > SCRATCH_LIMIT_BYTES) {
      scratch.replaceBuffer(Buffer.allocUnsafeSlow(SCRATCH_BYTES))
    }
  }

  *#parts(): Iterable<Part> {
    for (const [index, type] of this.#types.entries()) yield [`argument ${index + 1}`, type, this.args[index]]
  }
}

/** Declares an event. The name is Zeek's full name; the types are those of its parameters, in order. */
export function event<const Types extends ParameterTypes>(name: string, types: Types): EventType<Types> {
  const prefix = encodePrefix(name, types.length)
  const write = compileArgumentsWriter(types)
  const read = compileArgumentsReader(types)
  const signature = types.map((type) => type.name).join(', ')
  const make = (...args: unknown[]): EventMessage => {
    if (args.length !== types.length) {
      const reason = `expected ${types.length} arguments (${signature}), found ${args.length}`
      throw new EncodeError(reason, `event ${name}`)
    }
    return new EventMessage(name, prefix, types, write, args)
  }
  return Object.assign(make, {
    eventName: name,
    types,
    readArguments(reader: ByteReader, size: number): Natives<Types> {
      if (size !== types.length) {
        throw new DecodeError(
          'type-mismatch',
          `expected ${types.length} arguments (${signature}), found ${size}`,
          reader.offset,
        )
      }
      const start = reader.offset
      try {
        return read(reader) as Natives<Types>
      } catch (error) {
        if (!(error instanceof DecodeError) || error.code !== 'type-mismatch') throw error
        reader.offset = start
        throw locateArgument(error, reader, types)
      }
    },
  }) as EventType<Types>
}

/** The error with the number of the argument in front: looked for only now, by reading them one by one. */
function locateArgument(error: DecodeError, reader: ByteReader, types: ParameterTypes): DecodeError {
  for (const [index, type] of types.entries()) {
    try {
      type.read(reader)
    } catch (fault) {
      if (!(fault instanceof DecodeError)) throw fault
      return new DecodeError(fault.code, `argument ${index + 1}: ${fault.reason}`, fault.data.offset)
    }
  }
  return error
}

/** Where the size of the content stands: behind vector, two counts and the tag. */
const CONTENT_SIZE_OFFSET = 2 + 9 + 9 + 1

/** Everything in front of the arguments: it is the same for every message of an event. */
function encodePrefix(name: string, parameterCount: number): Uint8Array {
  const writer = new ByteWriter()
  writeMessageStart(writer, MESSAGE_TYPE.event, 2)
  writer.u8(TAG.string)
  writer.str(name)
  writer.u8(TAG.vector)
  writer.varbyte(parameterCount)
  return writer.toBytes()
}
