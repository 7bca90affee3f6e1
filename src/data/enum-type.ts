/** Enums with their values known: a misspelt or foreign value is an error at the sender and at the receiver. */
import { TAG } from './binary.js'
import type { DataType } from './data-type.js'
import { DecodeError, unexpected } from './decode-error.js'
import { enumeration } from './scalar-types.js'

/** An enum type; `enumName` is its name in Zeek. */
export interface EnumType<Name extends string> extends DataType<Name> {
  readonly enumName: string
  /** In the order of declaration. */
  readonly values: readonly Name[]
}

/**
 * Declares an enum by its Zeek name and its values in order, all with their module:
 *
 *     const Severity = enumOf('Demo::Severity', ['Demo::LOW', 'Demo::HIGH'])
 *     const found = event('Demo::found', [string, Severity])     // 'Demo::LOW' | 'Demo::HIGH'
 */
export function enumOf<const Name extends string>(enumName: string, values: readonly Name[]): EnumType<Name> {
  const known: ReadonlySet<string> = new Set(values)
  return {
    name: enumName,
    enumName,
    values,
    optional: false,
    tag: TAG.enumValue,
    isObject: false,
    write(writer, value) {
      if (!known.has(value)) throw unexpected(`${enumName} (${listed(values)})`, value)
      enumeration.write(writer, value)
    },
    read(reader) {
      const start = reader.offset
      const value = enumeration.read(reader)
      if (!known.has(value)) {
        throw new DecodeError('type-mismatch', `expected ${enumName}, found ${value}`, start)
      }
      return value as Name
    },
    log: enumeration.log,
  }
}

/** The first few: enums of Zeek can have hundreds of values. */
function listed(values: readonly string[]): string {
  return values.length > 5 ? `${values.slice(0, 5).join(', ')}, …` : values.join(', ')
}
