/**
 * What a script says about a cluster: its nodes, and its redefs of options. What the checks across nodes need besides
 * the layout (where things stand, what could not be read) goes into the outline.
 */
import type { Dialect } from '../options/dialect.js'
import { optionAsRedef } from '../options/option-redef.js'
import {
  findOption,
  fitRedef,
  OPTIONS,
  type OptionType,
  type Redef,
  type RedefValue,
} from '../options/registry.js'
import {
  type BuiltIn,
  convert,
  describeTypeName,
  type EvaluatedRedef,
  type Evaluator,
  type Literal,
  nearest,
  type RecordField,
  type Report,
  redefined,
  runScript,
  type ScriptHost,
  type Source,
  type SourceSpan,
  shorten,
  typeOf,
  type World,
  type ZeekType,
} from '../zeek-script/index.js'
import type { Layout } from './layout.js'
import { nodeEnumType, nodeRecordType, nodeTypes } from './node-fields.js'
import { type FieldPlace, NodeTable } from './node-table.js'
import { describeOptionType, OPTION_ENUM_NAMES, OPTION_RECORDS, optionZeekType } from './option-types.js'
import { clusterFunctions } from './script-functions.js'

/** A layout with what the checks across nodes need to know. */
export interface Outline {
  readonly layout: Layout
  /** Where the last redef of each option stands. */
  readonly redefSpans: ReadonlyMap<string, SourceSpan>
  /** The fields that the script gives each node. */
  readonly fields: ReadonlyMap<string, ReadonlyMap<string, FieldPlace>>
  /** Nodes that are named in the script but could not be made. */
  readonly brokenNodes: ReadonlySet<string>
  /** False when parts of the script were not understood. */
  readonly complete: boolean
  /** Host names whose addresses have to be looked up first. */
  readonly pendingHosts: readonly string[]
}

export interface LayoutSurroundings {
  readonly dialect: Dialect
  /** Name of the node that the layout is read for. Default: the environment variable `CLUSTER_NODE`. */
  readonly node: string | undefined
  readonly host: ScriptHost
}

export function evaluateLayout(source: Source, surroundings: LayoutSurroundings, report: Report): Outline {
  let world: LayoutWorld | undefined
  const run = runScript(source, {
    host: surroundings.host,
    report,
    world(evaluator) {
      world = new LayoutWorld(surroundings, evaluator, report)
      return world
    },
  })
  return world!.outline(run.isComplete, run.pendingHosts)
}

const NODES = 'Cluster::nodes'

class LayoutWorld implements World {
  readonly #surroundings: LayoutSurroundings
  readonly #evaluator: Evaluator
  readonly #report: Report
  readonly #table: NodeTable
  readonly #redefs: Redef[] = []
  readonly #redefSpans = new Map<string, SourceSpan>()
  /** The values of what has been redefined; `unknown` when a redef could not be understood. */
  readonly #values = new Map<string, RedefValue | 'unknown'>()
  readonly #enums: ReadonlySet<string>
  readonly #functions: ReadonlyMap<string, BuiltIn>
  readonly #addedFields: RecordField[] = []
  #complete = true

  constructor(surroundings: LayoutSurroundings, evaluator: Evaluator, report: Report) {
    this.#surroundings = surroundings
    this.#evaluator = evaluator
    this.#report = report
    const { dialect } = surroundings
    this.#table = new NodeTable(dialect, report)
    this.#enums = new Set([...nodeTypes(dialect).map((type) => `Cluster::${type}`), ...OPTION_ENUM_NAMES])
    this.#functions = clusterFunctions(dialect, {
      localName: () => this.#text('Cluster::node'),
      option: (name) => this.#text(name),
      node: (name) => this.#table.nodes.get(name),
    })
  }

  outline(isComplete: boolean, pendingHosts: readonly string[]): Outline {
    return {
      layout: { nodes: this.#table.nodes, redefs: this.#redefs },
      redefSpans: this.#redefSpans,
      fields: this.#table.fields,
      brokenNodes: this.#table.broken,
      complete: isComplete && this.#complete && this.#table.isComplete,
      pendingHosts,
    }
  }

  value(name: string): RedefValue | 'unknown' | undefined {
    if (name === NODES) return this.#table.value
    if (this.#enums.has(name)) return { type: 'enum', value: name }
    if (name === 'Cluster::node') {
      const { node, host } = this.#surroundings
      const local = node ?? (host.environment['CLUSTER_NODE'] || undefined)
      if (local !== undefined) return { type: 'string', value: local }
    }
    const option = findOption(name)
    if (option === undefined) return this.#values.get(name)
    const fallback = option.default(this.#surroundings.dialect)
    return this.#values.get(name) ?? optionAsRedef(option.type, fallback)
  }

  type(name: string): ZeekType | undefined {
    const { dialect } = this.#surroundings
    if (name === 'Cluster::Node') return nodeRecordType(dialect, this.#addedFields)
    return name === 'Cluster::NodeType' ? nodeEnumType(dialect) : OPTION_RECORDS.get(name)
  }

  function(name: string): BuiltIn | undefined {
    return this.#functions.get(name)
  }

  *names(): Iterable<string> {
    yield NODES
    yield 'Cluster::Node'
    yield* this.#enums
    yield* this.#functions.keys()
    yield* optionNames()
  }

  addFields(record: string, fields: readonly RecordField[]): boolean {
    if (record !== 'Cluster::Node') return false
    this.#addedFields.push(...fields)
    this.#table.addFields(fields)
    return true
  }

  redef(redef: EvaluatedRedef): void {
    if (redef.name === NODES) {
      this.#table.redef(redef)
      this.#evaluator.isGuessing ||= !this.#table.isComplete
      return
    }
    const { name, nameSpan } = redef
    const value = this.#redefValue(redef)
    if (value === undefined) {
      this.#complete = false
      this.#values.set(name, 'unknown')
      return
    }
    this.#redefSpans.set(name, nameSpan)
  }

  #text(name: string): string {
    const value = this.value(name)
    return value !== 'unknown' && value?.type === 'string' ? value.value : ''
  }

  /** Keeps a redef; undefined when it is none. */
  #redefValue(redef: EvaluatedRedef): RedefValue | undefined {
    const { name, writtenName, nameSpan, value: literal } = redef
    if (literal.kind === 'unknown') return undefined
    if (literal.kind === 'table' && nearest(name, [NODES, 'nodes']) !== undefined) {
      const message = `\`${shorten(writtenName)}\` is not defined; did you mean \`${NODES}\`?`
      this.#report.error('unknown-variable', message, nameSpan)
      return undefined
    }
    return findOption(name) === undefined ? this.#redefUnknown(redef) : this.#redefOption(redef)
  }

  #redefOption({ name, nameSpan, operator, value: literal }: EvaluatedRedef): RedefValue | undefined {
    const { type } = findOption(name)!
    const zeekType = optionZeekType(type)
    let value: RedefValue | undefined
    if (operator !== '=') {
      const old = this.value(name) ?? 'unknown'
      const place = { name, span: nameSpan }
      value = redefined({ type: zeekType, value: old }, operator, literal, place, this.#evaluator)
    } else if (this.#fits(name, type, literal)) {
      value = convert(literal, zeekType, `\`${name}\``, this.#evaluator)
    }
    if (value === undefined || fitRedef(type, value) === undefined) return undefined
    // What the operator makes of the value before is what counts.
    this.#redefs.push({ name, value })
    this.#values.set(name, value)
    return value
  }

  /** Whether a value is one of the option's type; for the types without parts it says what to write instead. */
  #fits(name: string, type: OptionType, literal: Literal): boolean {
    if (optionZeekType(type).kind !== type) return true
    const given = this.#evaluator.valueOf(literal)
    if (given === undefined) return false
    if (given.type === type || (type === 'count' && given.type === 'int')) return true
    const message = `\`${name}\` is ${describeOptionType(type)}, not ${describeTypeName(given.type)}${redefHint(type, given)}`
    this.#report.error('wrong-type', message, literal.span)
    return false
  }

  /** Zeek knows many more options than this library, so an unknown one is no error. */
  #redefUnknown({ name, nameSpan, operator, value: literal }: EvaluatedRedef): RedefValue | undefined {
    const value = this.#evaluator.valueOf(literal)
    if (value === undefined) return undefined
    const old = this.#values.get(name)
    if (operator === '=') {
      this.#values.set(name, value)
    } else if (old !== undefined && old !== 'unknown') {
      const place = { name, span: nameSpan }
      const changed = redefined({ type: typeOf(old), value: old }, operator, literal, place, this.#evaluator)
      if (changed === undefined) return undefined
      this.#values.set(name, changed)
    }
    this.#redefs.push({ name, ...(operator !== '=' && { operator }), value })
    const suggestion = nearest(name, [...optionNames(), NODES])
    if (suggestion !== undefined) {
      const message = `\`${name}\` is not an option of this library; did you mean \`${suggestion}\`?`
      this.#report.warning('unknown-option', message, nameSpan)
    } else {
      const message = `\`${name}\` is kept, but no node of this library reads it`
      this.#report.note('unknown-option', message, nameSpan)
    }
    return value
  }
}

function optionNames(): string[] {
  return Object.values(OPTIONS).map((option) => option.name)
}

function redefHint(type: string, value: RedefValue): string {
  const isNumber = value.type === 'count' || value.type === 'int' || value.type === 'double'
  if (type === 'interval' && isNumber) return `: write a unit, as in \`${value.value} secs\``
  if (type === 'bool') return ': write `T` or `F`'
  if (type === 'string') return ': write it in quotes'
  return ''
}
