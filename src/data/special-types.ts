/** Zeek's types that travel as a vector of texts and data: patterns, functions, opaque values. */
import { readValue, TAG, writeValue } from './binary.js'
import { type DataType, expectTag, ZEEK_TAG } from './data-type.js'
import { DecodeError, unexpected } from './decode-error.js'
import { string, writeLogText } from './scalar-types.js'
import type { Value } from './value.js'

/** A regular expression as Zeek compiles it. `/foo/` is `^?(foo)$?` and `^?(.|\n)*(foo)`. */
export interface Pattern {
  /** Matches the whole text. */
  readonly exact: string
  /** Matches somewhere in the text. */
  readonly anywhere: string
}

/** A function, event or hook by its name; a lambda also has what it captured. */
export interface Func {
  readonly name: string
  readonly captures?: Value
}

/** A value that only its own class in Zeek can read, for example `MD5Val`. */
export interface Opaque {
  readonly typeName: string
  readonly state: Value
}

/** A pattern, which travels as its two texts. */
export const pattern: DataType<Pattern> = {
  name: 'pattern',
  optional: false,
  tag: TAG.vector,
  isObject: true,
  write(writer, value) {
    expectObject('pattern', value)
    writer.u8(TAG.vector)
    writer.varbyte(2)
    string.write(writer, value.exact)
    string.write(writer, value.anywhere)
  },
  read(reader) {
    expectTag(reader, TAG.vector, 'pattern')
    const size = reader.elementCount(1)
    if (size !== 2)
      throw new DecodeError('type-mismatch', `a pattern has two texts, found ${size}`, reader.offset)
    return { exact: string.read(reader), anywhere: string.read(reader) }
  },
  log: undefined,
}

/** A function, event or hook. */
export const func: DataType<Func> = {
  name: 'func',
  optional: false,
  tag: TAG.vector,
  isObject: true,
  write(writer, value) {
    expectObject('func', value)
    writer.u8(TAG.vector)
    writer.varbyte(value.captures === undefined ? 1 : 2)
    string.write(writer, value.name)
    if (value.captures !== undefined) writeValue(writer, value.captures)
  },
  read(reader) {
    expectTag(reader, TAG.vector, 'func')
    const size = reader.elementCount(1)
    if (size !== 1 && size !== 2) {
      throw new DecodeError(
        'type-mismatch',
        `a function has a name and captures, found ${size}`,
        reader.offset,
      )
    }
    const name = string.read(reader)
    return size === 1 ? { name } : { name, captures: readValue(reader) }
  },
  log: {
    tag: ZEEK_TAG.func,
    elementTag: 0,
    writeBody(writer, value) {
      expectObject('func', value)
      writeLogText(writer, value.name)
    },
  },
}

/** A value of one of Zeek's opaque types. */
export const opaque: DataType<Opaque> = {
  name: 'opaque',
  optional: false,
  tag: TAG.vector,
  isObject: true,
  write(writer, value) {
    expectObject('opaque', value)
    writer.u8(TAG.vector)
    writer.varbyte(2)
    string.write(writer, value.typeName)
    writeValue(writer, value.state)
  },
  read(reader) {
    expectTag(reader, TAG.vector, 'opaque')
    const size = reader.elementCount(1)
    if (size !== 2) {
      throw new DecodeError(
        'type-mismatch',
        `an opaque value has name and state, found ${size}`,
        reader.offset,
      )
    }
    return { typeName: string.read(reader), state: readValue(reader) }
  },
  log: undefined,
}

function expectObject(name: string, value: unknown): void {
  if (typeof value !== 'object' || value === null) throw unexpected(`${name} (an object)`, value)
}
