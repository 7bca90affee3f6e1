/** One redef as the command line gives it: `Module::option=value`. */
import { DIALECTS } from '../options/dialect.js'
import { findOption, OPTIONS, type Redef } from '../options/registry.js'
import { nearest } from '../zeek-script/index.js'
import { hasErrors, parseLayout } from './parse-layout.js'

export type ParsedRedef =
  | { readonly kind: 'redef'; readonly redef: Redef }
  /** `Cluster::nodes`: only together with the layout. */
  | { readonly kind: 'nodes'; readonly statement: string }
  | { readonly kind: 'invalid'; readonly message: string }

const NODES = 'Cluster::nodes'

/** Modules whose options this library knows: a name in them that is none is a slip of the pen. */
const OWN_MODULES: ReadonlySet<string> = new Set(Object.values(OPTIONS).map(({ name }) => moduleOf(name)))

/**
 * Reads a value as Zeek's command line does: strings need no quotes, everything else is an expression of Zeek's
 * language. Names of other modules are those of options that scripts declare; what is no expression is a string then.
 */
export function parseRedef(name: string, operator: '=' | '+=', text: string): ParsedRedef {
  const option = findOption(name)
  if (name === NODES) return { kind: 'nodes', statement: `redef ${NODES} ${operator} ${text};` }
  if (option === undefined && OWN_MODULES.has(moduleOf(name))) {
    const near = nearest(name, [...Object.values(OPTIONS).map((known) => known.name), NODES])
    const hint = near === undefined ? '' : `; did you mean ${near}?`
    return { kind: 'invalid', message: `unknown option ${name}${hint}` }
  }
  const asText: ParsedRedef = { kind: 'redef', redef: { name, value: { type: 'string', value: text } } }
  if (option?.type === 'string' && !text.startsWith('"')) return asText
  const { layout, diagnostics } = parseLayout(`redef ${name} = ${text};`, {
    file: 'command line',
    dialect: DIALECTS.reference,
  })
  const [redef, ...others] = layout.redefs
  if (redef !== undefined && others.length === 0 && layout.nodes.size === 0 && !hasErrors(diagnostics)) {
    return { kind: 'redef', redef: operator === '=' ? redef : { ...redef, operator } }
  }
  if (option === undefined) return asText
  return {
    kind: 'invalid',
    message: `'${text}' is not a value for ${name}, which is of type ${option.type}`,
  }
}

function moduleOf(name: string): string {
  return name.slice(0, name.lastIndexOf('::'))
}
