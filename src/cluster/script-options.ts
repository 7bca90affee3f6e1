/**
 * Options that scripts declare: Zeek's `option` and `const &redef`. They get their first value like the options of
 * the framework (layout, command line, code); those that are declared changeable can change later.
 */
import { ClusterError } from '../base/errors.js'
import { writeValue } from '../data/binary.js'
import { ByteReader } from '../data/byte-reader.js'
import { ByteWriter } from '../data/byte-writer.js'
import type { DataType } from '../data/data-type.js'
import { DecodeError } from '../data/decode-error.js'
import type { Value } from '../data/value.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import type { Redef, RedefValue } from '../options/redef-value.js'
import { fromNative, toNative } from '../options/typed-value.js'
import type { UpdateOutcome } from './cluster-events.js'

/** An option of a script; see `Cluster.option`. */
export interface ScriptOption<T> {
  /** Full name, for example `Demo::threshold`. */
  readonly name: string
  readonly changeable: boolean
  readonly value: T
  /** Calls when the value has changed; returns the function that ends it. */
  onChange(handler: (value: T, previous: T) => void): () => void
  /**
   * Changes the value at this node. Throws a `ClusterError`, code `not-changeable`, for an option that is not declared
   * so.
   */
  set(value: T): void
}

interface Declared {
  readonly option: ScriptOption<unknown>
  readonly type: DataType<unknown>
  readonly assign: (value: unknown) => void
}

export class ScriptOptions {
  readonly #redefs: readonly Redef[]
  readonly #onHandlerError: (error: unknown, where: string) => void
  readonly #declared = new Map<string, Declared>()

  constructor(redefs: readonly Redef[], onHandlerError: (error: unknown, where: string) => void) {
    this.#redefs = redefs
    this.#onHandlerError = onHandlerError
  }

  /**
   * Throws a `ClusterError`: code `duplicate-option` when it is declared already, `invalid-option` when a redef does
   * not fit its type.
   */
  declare<T>(name: string, type: DataType<T>, initial: T, changeable: boolean): ScriptOption<T> {
    if (this.#declared.has(name)) {
      throw new ClusterError('duplicate-option', `the option ${name} is declared twice`, { name })
    }
    let value = this.#redefined(name, type, initial)
    const handlers = new Set<(value: T, previous: T) => void>()
    const assign = (next: T): void => {
      const previous = value
      value = next
      for (const handler of handlers) {
        try {
          handler(next, previous)
        } catch (error) {
          this.#onHandlerError(error, `handler of option ${name}`)
        }
      }
    }
    const option: ScriptOption<T> = {
      name,
      changeable,
      get value() {
        return value
      },
      onChange(handler) {
        handlers.add(handler)
        return () => void handlers.delete(handler)
      },
      set(next) {
        if (!changeable) {
          const message = `the option ${name} cannot be changed after the start: declare it changeable`
          throw new ClusterError('not-changeable', message, { name })
        }
        assign(next)
      },
    }
    this.#declared.set(name, {
      option: option as ScriptOption<unknown>,
      type: type as DataType<unknown>,
      assign: assign as (value: unknown) => void,
    })
    return option
  }

  /** The value of an option as Zeek prints it; undefined when no option has this name. */
  print(name: string): string | undefined {
    const declared = this.#declared.get(name)
    if (declared === undefined) return undefined
    const value = fromNative(declared.type, declared.option.value)
    return value === undefined ? `<${declared.type.name}>` : printAsZeek(value)
  }

  /** Gives an option a value that a peer sent. */
  update(name: string, value: Value): Exclude<UpdateOutcome, 'not-allowed'> {
    const declared = this.#declared.get(name)
    if (declared === undefined) return 'unknown'
    if (!declared.option.changeable) return 'not-changeable'
    for (const candidate of widened(value)) {
      try {
        declared.assign(fromData(declared.type, candidate))
        return 'accepted'
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }
    return 'wrong-type'
  }

  #redefined<T>(name: string, type: DataType<T>, initial: T): T {
    let value = initial
    for (const redef of this.#redefs) {
      if (redef.name !== name) continue
      const changed = applyOperator(redef, fromNative(type, value))
      const native = changed === undefined ? undefined : toNative(type, changed)
      if (native === undefined) {
        const message = `the option ${name} is of type ${type.name}: a redef with ${redef.operator ?? '='} and a ${redef.value.type} does not fit`
        throw new ClusterError('invalid-option', message, { name })
      }
      value = native
    }
    return value
  }
}

/** What `=`, `+=` or `-=` make of a value; undefined when the operator does not fit. */
function applyOperator({ operator, value }: Redef, previous: RedefValue | undefined): RedefValue | undefined {
  if (operator === undefined || operator === '=') return value
  const items = (of: RedefValue | undefined): readonly unknown[] | undefined =>
    of?.type === 'set' || of?.type === 'vector' || of?.type === 'table' ? of.value : undefined
  const [before, given] = [items(previous), items(value)]
  if (previous === undefined || before === undefined || given === undefined) return undefined
  if (operator === '+=') return { ...previous, value: [...before, ...given] } as RedefValue
  const texts = new Set(given.map((item) => printAsZeek(item as RedefValue)))
  const rest = before.filter((item) => !texts.has(printAsZeek(item as RedefValue)))
  return previous.type === 'set' ? { type: 'set', value: rest as readonly RedefValue[] } : undefined
}

/** A number without sign and point is a count to whoever sends it, and may be meant for an int or a double. */
function* widened(value: Value): Iterable<Value> {
  yield value
  if (value.type !== 'count') return
  if (value.value < 2n ** 63n) yield { type: 'integer', value: value.value }
  yield { type: 'real', value: Number(value.value) }
}

function fromData<T>(type: DataType<T>, value: Value): T {
  const writer = new ByteWriter()
  writeValue(writer, value)
  const reader = new ByteReader(writer.toBytes())
  const result = type.read(reader)
  reader.expectEnd()
  return result
}
