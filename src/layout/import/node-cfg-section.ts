/**
 * The sections of zeekctl's `node.cfg`, one for each node or for several workers that share the load of an interface
 * (spec/zeek-zeromq-websocket.md 7.3). Values are read as Python's `ConfigParser` does, with which zeekctl reads them.
 */
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import { DIAGNOSTICS_MAX, type Report } from '../../zeek-script/source.js'
import { quoteString } from '../../zeek-script/strings.js'
import { didYouMean } from '../../zeek-script/suggest.js'
import { commentHint, NAME_LENGTH_MAX, NODES_MAX } from './import-nodes.js'
import {
  type IniEntry,
  type IniFile,
  type IniRules,
  type IniSection,
  type IniText,
  readIni,
  splitAtCommas,
} from './ini.js'
import { interpolatedValue, type Scope } from './interpolation.js'

const RULES: IniRules = {
  kind: '`node.cfg`',
  delimiters: '=:',
  commentSigns: '#;',
  indents: true,
  sectionHint: '`node.cfg` has a `[name]` for every node, and the keys of the node below it',
}

/** Node types of `node.cfg`, in the order in which zeekctl starts them. */
export const CFG_NODE_TYPES = ['standalone', 'logger', 'manager', 'proxy', 'worker'] as const

export type CfgNodeType = (typeof CFG_NODE_TYPES)[number]

const LOAD_BALANCING_METHODS = ['af_packet', 'pf_ring', 'myricom', 'custom', 'interfaces'] as const

type LoadBalancingMethod = (typeof LOAD_BALANCING_METHODS)[number]

const AF_PACKET = 'af_packet::'

/** Its keys are those of every section that does not have them itself. */
const DEFAULT_SECTION = 'DEFAULT'

/** Keys that say how zeekctl starts a node; values of several lines are possible. */
const START_KEYS: readonly string[] = [
  ...['aux_scripts', 'env_vars', 'pin_cpus', 'zeekbase', 'ether'],
  ...['block_size', 'block_timeout', 'buffer_size', 'checksum_validation_mode', 'enable_defrag'].map(
    afPacketKey,
  ),
  ...['enable_fanout', 'enable_hw_timestamping', 'fanout_id', 'fanout_mode', 'link_type'].map(afPacketKey),
]

const LAYOUT_KEYS: readonly string[] = [
  ...['type', 'host', 'interface', 'zone_id', 'lb_procs', 'lb_method', 'lb_interfaces', 'count'],
]

/** A value, which is not what stands at its place when it refers to other keys or has several lines. */
interface CfgValue extends IniText {
  readonly isLiteral: boolean
}

interface SectionValues {
  readonly values: Map<string, CfgValue>
  readonly broken: Set<string>
}

/** A section: one node, or the workers that it stands for. */
export interface CfgSection {
  readonly span: SourceSpan
  readonly type: { readonly name: CfgNodeType; readonly span: SourceSpan }
  /** Undefined when it is missing, which was reported. */
  readonly host: IniText | undefined
  readonly zoneId: string
  readonly nodes: readonly { readonly name: string; readonly interface: string | undefined }[]
}

export interface CfgFile {
  readonly report: Report
  readonly start: SourceSpan
  /** In the order of the file, without those whose type is not known. */
  readonly sections: readonly CfgSection[]
  /** Beyond `NODES_MAX` the sections do not have their nodes. */
  readonly nodeCount: number
  /** The types of all nodes are known. */
  readonly isComplete: boolean
}

export interface CustomInterface {
  /** `lb_custom.InterfacePrefix` of `zeekctl.cfg`. */
  readonly prefix: string
  /** `lb_custom.InterfaceSuffix` of `zeekctl.cfg`. */
  readonly suffix: string
}

/** Reads the file and checks each section for itself. It never throws: what is wrong is in the report. */
export function readCfgFile(path: string, text: string | Uint8Array, custom: CustomInterface): CfgFile {
  return new CfgReader(readIni(path, text, RULES), custom).read()
}

class CfgReader {
  readonly #ini: IniFile
  readonly #custom: CustomInterface
  readonly #ignored = new Map<string, { readonly span: SourceSpan; count: number }>()
  /** Nodes so far by PF_RING interface: each is one application of it, counted from 0. */
  readonly #pfRingInstances = new Map<string, number>()
  /** Place and kind of errors: one in `[DEFAULT]` would come again with every section. */
  readonly #errors = new Set<string>()
  /** All keys of `[DEFAULT]`, to be referred to, and those that mean something to zeekctl. */
  readonly #allDefaults: IniSection['entries']
  readonly #defaults: IniSection['entries']
  #isComplete: boolean
  #unknownKeys = 0
  #nodeCount = 0

  constructor(ini: IniFile, custom: CustomInterface) {
    this.#ini = ini
    this.#custom = custom
    this.#isComplete = ini.isComplete
    const defaults = ini.sections.find(({ name }) => name === DEFAULT_SECTION)?.entries
    this.#allDefaults = defaults ?? new Map()
    this.#defaults = new Map([...this.#allDefaults].filter(([, entry]) => this.#isKnown(entry)))
  }

  read(): CfgFile {
    const { report, start, sections } = this.#ini
    const nodes = sections
      .filter(({ name }) => name !== DEFAULT_SECTION)
      .map((section) => this.#readSection(section))
      .filter((section) => section !== undefined)
    this.#reportIgnored()
    return { report, start, sections: nodes, nodeCount: this.#nodeCount, isComplete: this.#isComplete }
  }

  #readSection({ name, span, entries }: IniSection): CfgSection | undefined {
    if (name.length > NAME_LENGTH_MAX) {
      this.#error('bad-name', `a name has ${NAME_LENGTH_MAX} letters at most, not ${name.length}`, span)
      this.#isComplete = false
      return undefined
    }
    const { values, broken } = this.#valuesOf(entries)
    const type = broken.has('type') ? undefined : this.#typeOf(values.get('type'), span)
    const host = values.get('host')
    if (host === undefined && !broken.has('host')) {
      const message = 'the node has no host: add `host = NAME`, or an address'
      this.#error('missing-host', message, span)
    }
    this.#checkLists(values)
    const zoneId = values.get('zone_id')?.text ?? ''
    if (type === undefined) {
      this.#isComplete = false
      return undefined
    }
    const nodes = this.#expand(name, span, type.name, values)
    return { span, type, host, zoneId, nodes }
  }

  /** The keys that have a value, by the names that zeekctl gives them, and those whose value was refused. */
  #valuesOf(entries: IniSection['entries']): SectionValues {
    const scope: Scope = { own: entries, defaults: this.#allDefaults, known: new Map() }
    const found: SectionValues = { values: new Map(), broken: new Set() }
    for (const entry of this.#defaults.values()) {
      if (!entries.has(entry.key)) this.#readValue(entry, scope, found)
    }
    for (const entry of entries.values()) {
      if (this.#isKnown(entry)) this.#readValue(entry, scope, found)
    }
    return found
  }

  #readValue(entry: IniEntry, scope: Scope, { values, broken }: SectionValues): void {
    const key = nameOf(entry)
    const second = entry.continuations[0]
    if (second !== undefined && LAYOUT_KEYS.includes(key)) {
      const message = `this line has more blanks in front than \`${entry.key}\` and so continues its value: give both the same`
      this.#error('continuation', message, second.span)
      broken.add(key)
      return
    }
    const result = interpolatedValue(entry, scope)
    if ('problem' in result) {
      this.#error('bad-value', result.problem, entry.value.span)
      broken.add(key)
      return
    }
    if (result.text === '') return
    const isLiteral = result.text === entry.value.text
    values.set(key, { text: result.text, span: entry.value.span, isLiteral })
    if (START_KEYS.includes(key)) this.#ignore(entry)
  }

  /** Whether the layout or zeekctl has a use for a key; says so when neither has. */
  #isKnown(entry: IniEntry): boolean {
    const name = nameOf(entry)
    if (LAYOUT_KEYS.includes(name) || START_KEYS.includes(name)) return true
    this.#reportUnknown(entry)
    return false
  }

  #reportUnknown({ key, keySpan }: IniEntry): void {
    this.#unknownKeys += 1
    // To look for near names takes its time, and nobody would see them.
    if (this.#unknownKeys > DIAGNOSTICS_MAX) return
    if (key.includes('.') && !key.startsWith('af_packet.')) {
      const message = `\`${key}\` is for a plugin of zeekctl: the layout does not have it`
      this.#ini.report.note('ignored-key', message, keySpan)
      return
    }
    const known = [...LAYOUT_KEYS, ...START_KEYS.map((name) => name.replace('af_packet_', 'af_packet.'))]
    const message = `\`${key}\` is not a key of \`node.cfg\`, and zeekctl ignores it${didYouMean(key, known)}`
    this.#ini.report.warning('unknown-key', message, keySpan)
  }

  #ignore({ key, keySpan }: IniEntry): void {
    const before = this.#ignored.get(key)
    if (before === undefined) this.#ignored.set(key, { span: keySpan, count: 1 })
    else before.count += 1
  }

  #reportIgnored(): void {
    for (const [key, { span, count }] of this.#ignored) {
      const sections = count === 1 ? '' : ` (in ${count} sections)`
      const message = `\`${key}\`${sections} says how zeekctl starts a node: the layout does not have it`
      this.#ini.report.note('ignored-key', message, span)
    }
  }

  #typeOf(value: IniText | undefined, section: SourceSpan): CfgSection['type'] | undefined {
    const types = CFG_NODE_TYPES.filter((type) => type !== 'standalone')
    if (value === undefined) {
      this.#error(
        'missing-type',
        `the node has no type: add \`type = \` and one of ${types.join(', ')}`,
        section,
      )
      return undefined
    }
    const name = CFG_NODE_TYPES.find((type) => type === value.text)
    if (name !== undefined) return { name, span: value.span }
    const near = didYouMean(value.text, CFG_NODE_TYPES)
    const message = `there is no node type ${quoteString(value.text)}${commentHint(value.text)}: the types are ${types.join(', ')}${near}`
    this.#error('unknown-node-type', message, value.span)
    return undefined
  }

  #checkLists(values: ReadonlyMap<string, CfgValue>): void {
    const processors = values.get('pin_cpus')
    const pinned = processors === undefined ? [] : listOf(processors)
    for (const { text, span } of pinned) {
      if (/^\+?\d+$/.test(text)) continue
      const message = `\`pin_cpus\` is a list of processors, whole numbers from 0 on, and ${quoteString(text)} is none`
      this.#error('bad-cpu-list', message, span)
    }
    const variables = values.get('env_vars')
    const assignments = variables === undefined ? [] : listOf(variables)
    for (const { text, span } of assignments) {
      if (text.indexOf('=') > 0) continue
      const message = `\`env_vars\` is a list like \`A=1,B=2\`, and ${quoteString(text)} gives no variable a value`
      this.#error('bad-variable', message, span)
    }
  }

  #expand(
    name: string,
    span: SourceSpan,
    type: CfgNodeType,
    values: ReadonlyMap<string, CfgValue>,
  ): CfgSection['nodes'] {
    const processes = this.#processes(type, values)
    const method = this.#method(type, values)
    const base = values.get('interface')
    if (method !== 'interfaces' && values.has('lb_interfaces')) {
      const message = '`lb_interfaces` is ignored: it is for `lb_method = interfaces`'
      this.#ini.report.warning('ignored-key', message, values.get('lb_interfaces')!.span)
    }
    if (type !== 'worker') {
      this.#nodeCount += 1
      return [{ name, interface: undefined }]
    }
    if (base === undefined && method !== 'interfaces') {
      this.#ini.report.warning('no-interface', 'the worker has no interface, so it sees no traffic', span)
    }
    if (processes === undefined || method === undefined) {
      this.#nodeCount += 1
      return [{ name, interface: base?.text }]
    }
    this.#nodeCount += processes
    // The file is refused then: a few lines could stand for more nodes than memory holds.
    if (this.#nodeCount > NODES_MAX) return []
    const interfaces = this.#interfaces(method, processes, values)
    return Array.from({ length: processes }, (_, index) => ({
      name: `${name}-${index + 1}`,
      interface: interfaces[index],
    }))
  }

  #processes(type: CfgNodeType, values: ReadonlyMap<string, CfgValue>): number | undefined {
    const value = values.get('lb_procs')
    if (value === undefined) {
      const method = values.get('lb_method')
      const message = '`lb_method` needs the number of processes too: add `lb_procs = 2`'
      if (method !== undefined) this.#error('bad-load-balancing', message, method.span)
      return undefined
    }
    if (type !== 'worker') {
      this.#error('bad-load-balancing', '`lb_procs` is for workers only', value.span)
      return undefined
    }
    const count = /^\+?\d{1,9}$/.test(value.text) ? Number(value.text) : undefined
    if (count !== undefined && count >= 1 && count <= NODES_MAX) return count
    const message = `\`lb_procs\` is a whole number from 1 to ${NODES_MAX}, not ${quoteString(value.text)}`
    this.#error('bad-count', message, value.span)
    return undefined
  }

  #method(type: CfgNodeType, values: ReadonlyMap<string, CfgValue>): LoadBalancingMethod | undefined {
    const value = values.get('lb_method')
    const processes = values.get('lb_procs')
    if (processes === undefined || type !== 'worker') return undefined
    const methods = LOAD_BALANCING_METHODS.join(', ')
    if (value === undefined) {
      const message = `\`lb_procs\` needs a method too: add \`lb_method = \` and one of ${methods}`
      this.#error('bad-load-balancing', message, processes.span)
      return undefined
    }
    const method = LOAD_BALANCING_METHODS.find((name) => name === value.text)
    if (method !== undefined) return method
    const near = didYouMean(value.text, LOAD_BALANCING_METHODS)
    const message = `there is no method ${quoteString(value.text)}: the methods are ${methods}${near}`
    this.#error('bad-load-balancing', message, value.span)
    return undefined
  }

  /** The interface of each process of a worker. */
  #interfaces(
    method: LoadBalancingMethod,
    processes: number,
    values: ReadonlyMap<string, CfgValue>,
  ): (string | undefined)[] {
    const base = values.get('interface')
    if (base !== undefined && base.text.length > NAME_LENGTH_MAX) {
      const message = `an interface has ${NAME_LENGTH_MAX} letters at most, not ${base.text.length}`
      this.#error('bad-interface', message, base.span)
      return []
    }
    const each = (interfaceOf: (name: string) => string): (string | undefined)[] =>
      Array.from({ length: processes }, () => (base === undefined ? undefined : interfaceOf(base.text)))
    switch (method) {
      case 'af_packet':
        if (base?.text.startsWith(AF_PACKET) === true) {
          const message = `\`lb_method = af_packet\` puts \`${AF_PACKET}\` in front of the interface: leave it out here`
          this.#error('bad-interface', message, base.span)
        }
        return each((name) => `${AF_PACKET}${name}`)
      case 'custom':
        return each((name) => `${this.#custom.prefix}${name}${this.#custom.suffix}`)
      case 'myricom':
        return each((name) => name)
      case 'pf_ring':
        return each((name) => this.#pfRingInterface(name, values.get('host')?.text))
      case 'interfaces':
        return this.#interfaceList(processes, values)
    }
  }

  /** Interfaces of ZC and DNA drivers have one queue for each process, which must be named. */
  #pfRingInterface(name: string, host = ''): string {
    if (!/^(?:pf_ring::)?zc:|^dna/.test(name)) return name
    const key = `${host} ${name}`
    const instance = this.#pfRingInstances.get(key) ?? 0
    this.#pfRingInstances.set(key, instance + 1)
    return `${name}@${instance}`
  }

  #interfaceList(processes: number, values: ReadonlyMap<string, CfgValue>): string[] {
    const list = values.get('lb_interfaces')
    if (list === undefined) {
      const message = '`lb_method = interfaces` needs a list: add `lb_interfaces = eth0,eth1`'
      this.#error('bad-load-balancing', message, values.get('lb_method')!.span)
      return []
    }
    const interfaces = listOf(list)
    if (interfaces.length !== processes) {
      const message = `\`lb_interfaces\` has ${interfaces.length} interfaces, and \`lb_procs\` is ${processes}: each process has one`
      this.#error('bad-load-balancing', message, list.span)
    }
    // zeekctl takes them from the end.
    return interfaces.map(({ text }) => text).reverse()
  }

  #error(code: string, message: string, span: SourceSpan): void {
    const place = `${span.line}:${span.column} ${code}`
    if (this.#errors.has(place)) return
    this.#errors.add(place)
    this.#ini.report.error(code, message, span)
  }
}

function afPacketKey(name: string): string {
  return `af_packet_${name}`
}

function nameOf({ key }: IniEntry): string {
  return key.replaceAll('.', '_')
}

/** The parts of a list; what is no list of the file's own has its place as a whole. */
function listOf(value: CfgValue): IniText[] {
  const parts = splitAtCommas(value, NODES_MAX + 1)
  return value.isLiteral ? parts : parts.map(({ text }) => ({ text, span: value.span }))
}
