/** The types and events that a script declares. Nothing is evaluated, and bodies of functions are skipped. */
import type { Diagnostic, SourceSpan } from './diagnostics.js'
import { Parser } from './parser.js'
import { Report, Source } from './source.js'
import type { NamePlace, Statement } from './syntax.js'
import { type EnumName, type RecordField, resolveNames, type ZeekType } from './zeek-type.js'

interface Declaration {
  /** Full name, with its module. */
  readonly name: string
  /** Its documenting comments, a line each. */
  readonly docs: readonly string[]
  readonly span: SourceSpan
}

export type TypeDeclaration =
  | (Declaration & {
      readonly kind: 'record'
      readonly fields: readonly RecordField[]
      /** The record is declared elsewhere; these are fields that the script adds to it. */
      readonly isAddition: boolean
    })
  | (Declaration & {
      readonly kind: 'enum'
      /** Full names. */
      readonly names: readonly EnumName[]
      /** Other scripts may add names: it has `&redef`, or is declared elsewhere. */
      readonly isRedefinable: boolean
      /** The enum is declared elsewhere; these are names that the script adds to it. */
      readonly isAddition: boolean
    })
  /** Another name for a type. */
  | (Declaration & { readonly kind: 'alias'; readonly type: ZeekType })

export interface EventDeclaration extends Declaration {
  readonly parameters: readonly RecordField[]
  /** The script only handles it: whether it is an event of its module or Zeek's is a guess. */
  readonly isHandledOnly: boolean
}

export interface Declarations {
  /** In the order of the script. */
  readonly types: readonly TypeDeclaration[]
  readonly events: readonly EventDeclaration[]
  /** What `module` statements say, in their order. */
  readonly modules: readonly NamePlace[]
  /** What could not be read; what the script does besides declaring is no problem. */
  readonly diagnostics: readonly Diagnostic[]
}

/** A script by its name in diagnostics. */
export interface ScriptText {
  readonly file: string
  readonly text: string | Uint8Array
}

/** Names of Zeek's own events begin like this; they belong to no module. */
const ZEEK_EVENTS =
  /^(?:zeek|bro|new|connection|conn|file|http|dns|ssl|ssh|ftp|smtp|dhcp|icmp|udp|tcp|mime|login|network|net|raw|packet|partial|scheduled|signature|software|tunnel|x509|ocsp|profiling|protocol|analyzer|get|finished|reporter|exhausted|event|content|arp|rpc|smb|smb1|smb2|krb|ldap|modbus|mqtt|mysql|ntp|ntlm|pop3|radius|rdp|rfb|sip|snmp|socks|syslog|gtpv1|imap|irc|dce|dnp3|gssapi|ssh1|ssh2|pe|stats|terminate|bit|unknown|anonymization|root|flow)_/

/** What is wrong with values and with statements that do something: a declaration does not depend on them. */
const OF_VALUES = new Set([
  'unsupported-syntax',
  'bad-encoding',
  'bad-number',
  'bad-address',
  'bad-subnet',
  'bad-port',
])

/**
 * Reads the declarations of a Zeek script: types of records and enums, `redef enum` and `redef record`, and events,
 * declared or handled. Both branches of an `@if` count. It never throws.
 */
export function parseDeclarations(text: string | Uint8Array, file: string): Declarations {
  return parseScripts([{ file, text }])
}

/**
 * Reads the declarations of several scripts as `parseDeclarations` does, as if each loaded those before it. A later
 * declaration of the same name replaces an earlier one.
 */
export function parseScripts(scripts: readonly ScriptText[]): Declarations {
  const collector = new Collector()
  const diagnostics: Diagnostic[] = []
  for (const { file, text } of scripts) {
    const source = Source.decode(file, text)
    const report = new Report(source)
    const parser = new Parser(source, report, { condition: () => 'both', load: () => {} })
    collector.begin()
    for (let statement = parser.next(); statement !== undefined; statement = parser.next()) {
      collector.add(statement)
    }
    diagnostics.push(...report.finish().filter(({ code }) => !OF_VALUES.has(code)))
  }
  return { ...collector.result(), diagnostics }
}

class Collector {
  #module = ''
  readonly #types = new Map<string, TypeDeclaration>()
  readonly #events = new Map<string, EventDeclaration>()
  readonly #modules: NamePlace[] = []

  result(): Omit<Declarations, 'diagnostics'> {
    return {
      types: [...this.#types.values()],
      events: [...this.#events.values()],
      modules: this.#modules,
    }
  }

  /** A further script begins: outside of any module. */
  begin(): void {
    this.#module = ''
  }

  add(statement: Statement): void {
    const { name, span } = statement.target
    switch (statement.kind) {
      case 'module':
        this.#module = name === 'GLOBAL' ? '' : name
        this.#modules.push(statement.target)
        return
      case 'type':
        this.#type(this.#full(name), statement)
        return
      case 'redef-enum':
        this.#addNames(this.#resolve(name), this.#names(statement.names), span)
        return
      case 'redef-record':
        this.#addFields(this.#resolve(name), this.#fields(statement.fields), span)
        return
      case 'variable': {
        const { type, docs } = statement
        if (type?.kind !== 'function' || type.flavour !== 'event') return
        const full = this.#full(name)
        const parameters = this.#fields(type.parameters)
        this.#events.set(full, { name: full, parameters, docs, span, isHandledOnly: false })
        return
      }
      case 'function': {
        if (statement.flavour !== 'event') return
        const own = this.#full(name)
        const full = !this.#events.has(own) && (this.#events.has(name) || ZEEK_EVENTS.test(name)) ? name : own
        if (this.#events.has(full)) return
        const parameters = this.#fields(statement.parameters)
        const { docs } = statement
        this.#events.set(full, { name: full, parameters, docs, span, isHandledOnly: true })
        return
      }
      case 'redef':
      case 'broken':
        return
    }
  }

  #full(name: string): string {
    if (name.startsWith('::')) return name.slice(2)
    return name.includes('::') || this.#module === '' ? name : `${this.#module}::${name}`
  }

  /** The full name of a type that is used: the module's own, or one that belongs to none. */
  #resolve(name: string): string {
    const full = this.#full(name)
    if (this.#types.has(full) || !full.endsWith(`::${name}`)) return full
    return name
  }

  #fields(fields: readonly RecordField[]): RecordField[] {
    return fields.map((field) => ({ ...field, type: this.#resolved(field.type) }))
  }

  #names(names: readonly EnumName[]): EnumName[] {
    return names.map((each) => ({ ...each, name: this.#full(each.name) }))
  }

  #resolved(type: ZeekType): ZeekType {
    return resolveNames(type, (name) => this.#resolve(name))
  }

  #type(name: string, { type, attributes, docs, target }: Extract<Statement, { kind: 'type' }>): void {
    const common = { name, docs, span: target.span }
    const old = this.#types.get(name)
    // What was added before the declaration came, by a script that was read before, stays added.
    if (type.kind === 'record') {
      const added = old?.kind === 'record' && old.isAddition ? old.fields : []
      const fields = [...this.#fields(type.fields), ...added]
      this.#types.set(name, { kind: 'record', fields, isAddition: false, ...common })
    } else if (type.kind === 'enum') {
      const added = old?.kind === 'enum' && old.isAddition ? old.names : []
      const names = [...this.#names(type.names), ...added]
      const isRedefinable = attributes.some((attribute) => attribute.name === '&redef')
      this.#types.set(name, { kind: 'enum', names, isRedefinable, isAddition: false, ...common })
    } else this.#types.set(name, { kind: 'alias', type: this.#resolved(type), ...common })
  }

  #addNames(name: string, names: readonly EnumName[], span: SourceSpan): void {
    const old = this.#types.get(name)
    const base =
      old?.kind === 'enum'
        ? old
        : {
            kind: 'enum' as const,
            name,
            names: [],
            isRedefinable: true,
            isAddition: true,
            docs: [],
            span,
          }
    this.#types.set(name, { ...base, names: [...base.names, ...names] })
  }

  #addFields(name: string, fields: readonly RecordField[], span: SourceSpan): void {
    if (fields.length === 0) return
    const old = this.#types.get(name)
    const base =
      old?.kind === 'record'
        ? old
        : { kind: 'record' as const, name, fields: [], isAddition: true, docs: [], span }
    this.#types.set(name, { ...base, fields: [...base.fields, ...fields] })
  }
}
