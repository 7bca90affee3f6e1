/** From the columns of a stream, as scripts declare them, to those of a log: records inside are flattened. */
import { ClusterError } from '../../base/errors.js'
import type { DataType } from '../../data/data-type.js'
import type { LogField } from '../../data/log-messages.js'

/** Column names and types, in order. A type may be a record, whose fields become columns of their own. */
// biome-ignore lint/suspicious/noExplicitAny: columns of any type; `never` would refuse every element
export type Columns = Readonly<Record<string, DataType<any>>>

/** One column of a log and where its value comes from. */
export interface LogColumn {
  /** Names of the field, from the outside in. */
  readonly access: readonly string[]
  readonly type: DataType<unknown>
  /** The names joined by the separator of scopes: `id.orig_h`. */
  readonly field: LogField
}

/**
 * The columns of a log (spec/cluster-framework.md 6.1). Throws `ClusterError` code `not-loggable` for a type that logs
 * do not have.
 */
export function flattenColumns(id: string, columns: Columns, scopeSeparator: string): LogColumn[] {
  const flat: LogColumn[] = []
  const add = (access: readonly string[], type: DataType<unknown>, isOptional: boolean): void => {
    const optional = isOptional || type.optional
    if (type.structure?.kind === 'record') {
      for (const [name, inner] of type.structure.fields) add([...access, name], inner, optional)
      return
    }
    const name = access.join(scopeSeparator)
    if (type.log === undefined) {
      const message = `column ${name} of log stream ${id}: type ${type.name} cannot be logged`
      throw new ClusterError('not-loggable', message, { id, name })
    }
    const { tag, elementTag } = type.log
    flat.push({ access, type, field: { name, tag, elementTag, optional } })
  }
  for (const [name, type] of Object.entries(columns)) add([name], type, false)
  return flat
}

/** Zeek's rule: `Foo::LOG` is `foo`, `HTTPThing::BAR_LOG` is `http_thing_bar` (spec/cluster-framework.md 6.2). */
export function defaultPath(id: string): string {
  const [module, rest] = id.includes('::') ? id.split('::', 2) : ['', id]
  if (module === '' || module === undefined || rest === undefined) return id.toLowerCase()
  const snake = module.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/([A-Z]+)([A-Z][a-z])/g, '$1_$2')
  const suffix = rest === 'LOG' ? '' : `_${rest.replace(/_LOG$/, '')}`
  return (snake + suffix).toLowerCase()
}
