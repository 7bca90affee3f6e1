/**
 * What one `zeek.conf` says about its host: how many nodes of each type, from which ports on, at which interfaces
 * (spec/zeek-zeromq-websocket.md 7.5). The many keys that only matter to systemd units are known and left alone.
 */
import { Address } from '../../data/address.js'
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import { DIAGNOSTICS_MAX, type Report } from '../../zeek-script/source.js'
import { quoteString } from '../../zeek-script/strings.js'
import { didYouMean } from '../../zeek-script/suggest.js'
import { commentHint, NAME_LENGTH_MAX, NODES_MAX, PORT_MAX } from './import-nodes.js'
import { type IniEntry, type IniFile, type IniRules, type IniSection, type IniText, readIni } from './ini.js'
import { type CpuList, parseCpuList, substituteVariables } from './interface-template.js'

const RULES: IniRules = {
  kind: '`zeek.conf`',
  delimiters: '=',
  commentSigns: '#',
  indents: false,
  sectionHint: undefined,
}

const NODE_TYPES_WITH_KEYS = ['manager', 'logger', 'proxy', 'archiver']

/** Keys of the whole host: of `[zeek]`, or of a file without sections. */
const HOST_KEYS: readonly string[] = [
  ...['manager', 'loggers', 'proxies', 'port', 'address', 'metrics_port', 'cluster_node_prefix'],
  ...[
    'cluster_port',
    'cluster_address',
    'cluster_layout',
    'cluster_backend_args',
    'args',
    'env',
    'user',
    'group',
  ],
  ...['base_dir', 'path', 'ext_path', 'ext_zeek_path', 'restart_interval_sec', 'archiver'],
  ...NODE_TYPES_WITH_KEYS.flatMap((type) =>
    ['args', 'env', 'nice', 'memory_max', 'cpu_set'].map((what) => `${type}_${what}`),
  ),
]

/** Keys of workers: of `[interface NAME]`, or of a file without sections. */
const WORKER_KEYS: readonly string[] = [
  ...['interface', 'workers', 'worker_args', 'worker_env', 'workers_cpu_list', 'worker_nice'],
  ...['worker_numa_policy', 'workers_numa_policy', 'worker_memory_max'],
]

/** How many nodes of a type, and where that stands. */
export interface NodeCount {
  readonly count: number
  readonly span: SourceSpan
}

/** The workers of one interface. */
export interface WorkerGroup {
  /** The name in `[interface NAME]`; undefined without sections. */
  readonly sectionName: string | undefined
  readonly workers: NodeCount
  /** With its variables. */
  readonly interface: string
  readonly cpus: CpuList
}

/** What is given in a file; what is not has a default that depends on the file's name. */
export interface HostSettings {
  readonly report: Report
  readonly start: SourceSpan
  /** Nothing in it was refused: what is missing was left out on purpose. */
  readonly isComplete: boolean
  readonly manager: NodeCount | undefined
  readonly loggers: NodeCount | undefined
  readonly proxies: NodeCount | undefined
  readonly workerGroups: readonly WorkerGroup[]
  readonly address: Address | undefined
  readonly port: number | undefined
  readonly metricsPort: number | undefined
  /** Of the nodes' names. Empty is none, and not the default. */
  readonly prefix: string | undefined
}

/** Reads one file. It never throws: what is wrong is in the report. */
export function readHost(path: string, text: string | Uint8Array): HostSettings {
  return new HostReader(readIni(path, text, RULES)).read()
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

class HostReader {
  readonly #ini: IniFile
  readonly #settings: Mutable<HostSettings> & { workerGroups: WorkerGroup[] }
  #unknownKeys = 0

  constructor(ini: IniFile) {
    this.#ini = ini
    this.#settings = {
      report: ini.report,
      start: ini.start,
      isComplete: ini.isComplete,
      manager: undefined,
      loggers: undefined,
      proxies: undefined,
      workerGroups: [],
      address: undefined,
      port: undefined,
      metricsPort: undefined,
      prefix: undefined,
    }
  }

  read(): HostSettings {
    const { sections } = this.#ini
    const [first, ...others] = sections
    if (first?.name === '' && others.length === 0) {
      this.#checkKeys(first, [...HOST_KEYS, ...WORKER_KEYS])
      this.#readHostKeys(first)
      this.#readWorkers(first, undefined)
      return this.#settings
    }
    for (const section of sections) this.#readSection(section)
    return this.#settings
  }

  #readSection(section: IniSection): void {
    const { name, span } = section
    if (name === '') {
      const message = 'keys come before the first section: a file with sections has them in `[zeek]`'
      this.#error('no-section', message, span)
    } else if (name === 'zeek') {
      this.#checkKeys(section, HOST_KEYS)
      this.#readHostKeys(section)
    } else if (name.startsWith('interface')) {
      this.#readInterface(section)
    } else {
      const near = didYouMean(name, ['zeek', 'interface'])
      const message = `section \`[${name}]\` is ignored: the sections are \`[zeek]\` and \`[interface NAME]\`${near}`
      this.#ini.report.warning('unknown-section', message, span)
    }
  }

  #readInterface(section: IniSection): void {
    const { name, span } = section
    const sectionName = /^interface ([-_a-z0-9]+)$/.exec(name)?.[1]
    if (sectionName === undefined || sectionName.length > NAME_LENGTH_MAX) {
      const message = `an interface section is \`[interface NAME]\`, and the name has small letters, digits, \`-\` and \`_\`, ${NAME_LENGTH_MAX} at most: it becomes part of the workers' names`
      this.#error('bad-section', message, span)
    }
    if (section.entries.size === 0) {
      this.#error('empty-section', 'the section is empty: it needs `interface` and `workers`', span)
      return
    }
    this.#checkKeys(section, WORKER_KEYS)
    this.#readWorkers(section, sectionName ?? '')
  }

  #checkKeys(section: IniSection, known: readonly string[]): void {
    for (const { key, keySpan, continuations } of section.entries.values()) {
      const second = continuations[0]
      if (second !== undefined && !key.endsWith('env') && !key.endsWith('args')) {
        const message = `this line is indented and so continues \`${key}\`, which has one value: remove the blanks in front`
        this.#error('continuation', message, second.span)
      }
      if (known.includes(key)) continue
      this.#unknownKeys += 1
      // To look for near names takes its time, and nobody would see them.
      if (this.#unknownKeys > DIAGNOSTICS_MAX) return
      if (section.name === '') {
        const message = `\`${key}\` is not a key of \`zeek.conf\`, and Zeek ignores it without a word${didYouMean(key, known)}`
        this.#ini.report.warning('unknown-key', message, keySpan)
        continue
      }
      const elsewhere = section.name === 'zeek' ? WORKER_KEYS : HOST_KEYS
      const place = section.name === 'zeek' ? '[interface NAME]' : '[zeek]'
      const hint = elsewhere.includes(key) ? `: it belongs into \`${place}\`` : didYouMean(key, known)
      this.#error('unknown-key', `\`${key}\` is not a key of \`[${section.name}]\`${hint}`, keySpan)
    }
  }

  #readHostKeys({ entries }: IniSection): void {
    const settings = this.#settings
    settings.manager = this.#count(entries.get('manager'), 1)
    settings.loggers = this.#count(entries.get('loggers'), NODES_MAX)
    settings.proxies = this.#count(entries.get('proxies'), NODES_MAX)
    settings.metricsPort = this.#port(entries.get('metrics_port'), 0)
    for (const entry of entries.values()) {
      switch (entry.key) {
        case 'port':
        case 'cluster_port':
          settings.port = this.#port(entry, 1)
          break
        case 'address':
        case 'cluster_address':
          settings.address = this.#address(entry.value)
          break
        case 'cluster_node_prefix':
          settings.prefix = this.#prefix(entry.value)
          break
        case 'cluster_layout': {
          const message =
            '`cluster_layout` names a layout that is used as it is: give that file instead of this one'
          this.#ini.report.warning('other-layout', message, entry.keySpan)
          break
        }
      }
    }
  }

  /** The name is undefined without sections, and empty when it was refused. */
  #readWorkers(section: IniSection, sectionName: string | undefined): void {
    const interfaceEntry = section.entries.get('interface')
    const workersEntry = section.entries.get('workers')
    const text = interfaceEntry?.value.text ?? ''
    const workers = this.#count(workersEntry, NODES_MAX)
    const cpuEntry = section.entries.get('workers_cpu_list')
    const cpus = parseCpuList(cpuEntry?.value.text ?? '')
    if (cpuEntry !== undefined && cpus === undefined) {
      const message = `${quoteString(cpuEntry.value.text)} is no list of processors: write numbers and ranges with commas between, as in \`0,4-7,8-20:2\``
      this.#error('bad-cpu-list', message, cpuEntry.value.span)
    }
    if (workersEntry !== undefined && interfaceEntry === undefined) {
      const message = 'there are workers and no interface: add `interface = NAME`'
      this.#error('no-interface', message, workersEntry.keySpan)
    } else if (interfaceEntry !== undefined && text === '' && sectionName !== undefined) {
      this.#error('no-interface', 'in a section `interface` must not be empty', interfaceEntry.keySpan)
    } else if (interfaceEntry !== undefined && workersEntry === undefined && text !== '') {
      const message = 'there is an interface and no number of workers: add `workers = 1`'
      this.#error('no-workers', message, interfaceEntry.keySpan)
    }
    if (workers === undefined || workers.count === 0 || sectionName === '') return
    if (interfaceEntry !== undefined) this.#checkTemplate(interfaceEntry.value, cpus, sectionName)
    const group = { sectionName, workers, interface: text, cpus: cpus ?? { ranges: [], count: 0 } }
    this.#settings.workerGroups.push(group)
  }

  /** The generator of layouts does not care, but the one of units refuses the file. */
  #checkTemplate({ text, span }: IniText, cpus: CpuList | undefined, sectionName: string | undefined): void {
    if (text.length > NAME_LENGTH_MAX) {
      const message = `an interface has ${NAME_LENGTH_MAX} letters at most, not ${text.length}`
      this.#error('bad-interface', message, span)
      return
    }
    const cpu = cpus?.count === 0 ? undefined : 0
    const result = substituteVariables(text, { workerIndex: 0, hostWorkerIndex: 0, cpu, sectionName })
    if ('problem' in result) this.#error('bad-interface', result.problem, span)
  }

  #count(entry: IniEntry | undefined, max: number): NodeCount | undefined {
    if (entry === undefined) return undefined
    const { text, span } = entry.value
    const count = wholeNumber(text)
    if (count !== undefined && count <= max) return { count, span: entry.keySpan }
    const range = max === 1 ? '0 or 1' : `a whole number from 0 to ${max}`
    this.#error('bad-count', `\`${entry.key}\` is ${range}, not ${describe(text)}`, placeOf(entry, span))
    return undefined
  }

  #port(entry: IniEntry | undefined, min: 0 | 1): number | undefined {
    if (entry === undefined) return undefined
    const { text, span } = entry.value
    const number = wholeNumber(text)
    if (number !== undefined && number >= min && number <= PORT_MAX) return number
    const meaning = min === 0 ? '; 0 is no metrics' : ''
    const message = `\`${entry.key}\` is a number from ${min} to ${PORT_MAX}, not ${describe(text)}${meaning}`
    this.#error('bad-port', message, placeOf(entry, span))
    return undefined
  }

  #address({ text, span }: IniText): Address | undefined {
    const address = Address.tryParse(text)
    const isBracketed = text.startsWith('[')
    if (address !== undefined && isBracketed === text.includes(':')) return address
    const hint = address === undefined || isBracketed ? '' : `: write \`[${text}]\``
    const message = `\`address\` is an IPv4 address, or an IPv6 address in brackets, not ${describe(text)}${hint}`
    this.#error('bad-address', message, span)
    return undefined
  }

  #prefix({ text, span }: IniText): string | undefined {
    // The pattern of the generator: of the digits it lets only 0 be the first.
    if (text === '' || (/^[a-z0][-a-z0-9_]*$/.test(text) && text.length <= NAME_LENGTH_MAX)) return text
    const message = `\`cluster_node_prefix\` has small letters, digits, \`-\` and \`_\` and begins with a letter, not ${describe(text)}`
    this.#error('bad-prefix', message, span)
    return undefined
  }

  #error(code: string, message: string, span: SourceSpan): void {
    this.#settings.isComplete = false
    this.#ini.report.error(code, message, span)
  }
}

function wholeNumber(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) : undefined
}

function describe(text: string): string {
  if (text === '') return 'empty'
  return `${quoteString(text)}${commentHint(text)}`
}

/** An empty value has no place; its key has. */
function placeOf(entry: IniEntry, span: SourceSpan): SourceSpan {
  return entry.value.text === '' ? entry.keySpan : span
}
