/**
 * Declarations of a Zeek script as a module of TypeScript: what the scripts of both languages say to each other is
 * then declared once, in Zeek's.
 */
import {
  type Declarations,
  type EventDeclaration,
  parseScripts,
  type ScriptText,
  type TypeDeclaration,
} from './declarations.js'
import type { Diagnostic, SourceSpan } from './diagnostics.js'
import { Report, Source } from './source.js'
import { shorten } from './token-stream.js'
import { ExportNames, LIBRARY_NAMES, type LibraryName, moduleOf } from './typescript-names.js'
import {
  type Code,
  type CodePart,
  call,
  commentText,
  docComment,
  LINE_MAX,
  list,
  object,
  printCode,
} from './typescript-text.js'
import { type RecordField, typeText, type ZeekType } from './zeek-type.js'

export interface TypescriptOptions {
  /** Scripts from which only the types are taken that the others use. They are read first. */
  readonly context?: readonly ScriptText[]
  /** The command that is named in the first line. */
  readonly command: string
}

export interface TypescriptModule {
  /** The module; undefined when there is an error among the diagnostics. */
  readonly text: string | undefined
  /** In the order of the module: each behind those that it uses. */
  readonly types: readonly Exported<TypeDeclaration>[]
  readonly events: readonly Exported<EventDeclaration>[]
  readonly diagnostics: readonly Diagnostic[]
}

export interface Exported<Declaration> {
  readonly exportName: string
  readonly declaration: Declaration
}

/**
 * Types of Zeek's own scripts that are the same in every version and often travel. Names are added to the enums by
 * many scripts.
 */
const WELL_KNOWN: ScriptText = {
  file: "Zeek's well-known types",
  text: `
type transport_proto: enum { unknown_transport, tcp, udp, icmp };
type string_set: set[string];
type subnet_set: set[subnet];
type addr_set: set[addr];
type count_set: set[count];
type interval_set: set[interval];
type index_vec: vector of count;
type int_vec: vector of int;
type double_vec: vector of double;
type subnet_vec: vector of subnet;
type any_vec: vector of any;
type string_vec: vector of string;
type addr_vec: vector of addr;
type string_array: table[count] of string;
type table_string_of_string: table[string] of string;
type table_string_of_count: table[string] of count;
redef enum Log::ID += {};
redef enum Notice::Type += {};
redef enum Notice::Action += {};
redef enum Weird::Type += {};
redef enum Analyzer::Tag += {};
redef enum Files::Tag += {};
`,
}

/**
 * Makes a module of the events, records and enums that the scripts declare, and of the types that these use. Events
 * that a script only handles are among them when they are of a module of the scripts. A type that is not known is
 * `any`, with a warning; a type that contains itself is an error, because it cannot travel. It never throws.
 */
export function typescriptModule(
  scripts: readonly ScriptText[],
  { context = [], command }: TypescriptOptions,
): TypescriptModule {
  const files = new Set(scripts.map(({ file }) => file))
  const others = context.filter(({ file }) => !files.has(file))
  const declarations = parseScripts([WELL_KNOWN, ...others, ...scripts])
  const report = new Report(Source.decode(WELL_KNOWN.file, WELL_KNOWN.text))
  for (const { file, text } of [...others, ...scripts]) report.addSource(Source.decode(file, text))

  const generator = new Generator(declarations, files, report)
  const { types, events, imports, body } = generator.generate()
  const [first] = scripts
  if (types.length === 0 && events.length === 0 && first !== undefined) {
    const place = { file: first.file, line: 1, column: 1, length: 1 }
    report.warning('nothing-declared', 'no events, records or enums are declared here', place)
  }
  const diagnostics = [...declarations.diagnostics, ...report.finish()]
  const isBroken = diagnostics.some(({ severity }) => severity === 'error')
  const plural = scripts.length === 1 ? 'a Zeek script' : 'Zeek scripts'
  const head = `// Written by \`${commentText(command)}\`: event, record and enum declarations of ${plural}.\n`
  return { text: isBroken ? undefined : head + importLine(imports) + body, types, events, diagnostics }
}

function importLine(imports: ReadonlySet<LibraryName>): string {
  const names = LIBRARY_NAMES.filter((name) => imports.has(name)).map((name) =>
    name === 'Native' ? `type ${name}` : name,
  )
  if (names.length === 0) return 'export {}\n'
  const line = `import { ${names.join(', ')} } from 'zeek-cluster'\n`
  if (line.length <= LINE_MAX) return line
  return `import {\n${names.map((name) => `  ${name},\n`).join('')}} from 'zeek-cluster'\n`
}

class Generator {
  readonly #types: ReadonlyMap<string, TypeDeclaration>
  readonly #events: readonly EventDeclaration[]
  readonly #ownTypes: readonly TypeDeclaration[]
  readonly #report: Report
  readonly #names: ExportNames
  readonly #imports = new Set<LibraryName>()
  /** Unknown names that have been told. */
  readonly #told = new Set<string>()

  constructor(declarations: Declarations, files: ReadonlySet<string>, report: Report) {
    const isOwn = ({ span }: { readonly span: SourceSpan }): boolean => files.has(span.file)
    this.#types = new Map(declarations.types.map((type) => [type.name, type]))
    this.#ownTypes = declarations.types.filter(
      (type) => isOwn(type) && type.kind !== 'alias' && !type.isAddition,
    )
    this.#report = report
    const declared = declarations.events.filter((event) => isOwn(event) && !event.isHandledOnly)
    const modules = new Set(
      [...this.#ownTypes, ...declared].map(({ name }) => moduleOf(name)).filter((name) => name !== ''),
    )
    for (const { name, span } of declarations.modules) {
      if (files.has(span.file) && name !== 'GLOBAL') modules.add(name)
    }
    this.#events = declarations.events.filter(
      (event) => isOwn(event) && (!event.isHandledOnly || modules.has(moduleOf(event.name))),
    )
    const used = new Set(
      [...this.#ownTypes, ...this.#events].map(({ name }) => moduleOf(name)).filter((name) => name !== ''),
    )
    this.#names = new ExportNames(used.size === 1 ? [...used][0]! : '')
  }

  generate(): Pick<TypescriptModule, 'types' | 'events'> & {
    readonly imports: ReadonlySet<LibraryName>
    readonly body: string
  } {
    // In the order of the scripts, before types from elsewhere: another script read beside changes no name.
    for (const { name } of [...this.#ownTypes, ...this.#events]) this.#names.of(name)
    const exported = <D extends { readonly name: string }>(declaration: D): Exported<D> => ({
      exportName: this.#names.of(declaration.name),
      declaration,
    })
    const types = this.#inOrder().map(exported)
    const events = this.#events.map(exported)
    const texts = [
      ...types.map((type) => this.#typeText(type)),
      ...events.map((event) => this.#eventText(event)),
    ]
    return { types, events, imports: this.#imports, body: texts.map((text) => `\n${text}`).join('') }
  }

  /** The types to be written, each behind those that it uses. */
  #inOrder(): TypeDeclaration[] {
    const ordered = new Set<TypeDeclaration>()
    // A stack of its own: how long a chain of types is, is up to the script.
    const trail: { readonly type: TypeDeclaration; readonly uses: TypeDeclaration[] }[] = []
    const active = new Set<TypeDeclaration>()
    const enter = (type: TypeDeclaration): void => {
      active.add(type)
      trail.push({ type, uses: this.#uses(type).reverse() })
    }
    const wanted = [...this.#ownTypes, ...this.#events.flatMap((event) => this.#uses(event))]
    for (const root of wanted) {
      if (!ordered.has(root)) enter(root)
      for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
        const next = top.uses.pop()
        if (next === undefined) {
          ordered.add(top.type)
          active.delete(top.type)
          trail.pop()
        } else if (active.has(next)) {
          this.#refuseCycle(trail.map(({ type }) => type).slice(trail.findIndex(({ type }) => type === next)))
        } else if (!ordered.has(next)) enter(next)
      }
    }
    return [...ordered]
  }

  #refuseCycle(cycle: readonly TypeDeclaration[]): void {
    const [first] = cycle
    if (first === undefined) return
    const names = [...cycle, first].map(({ name }) => shorten(name)).join(' -> ')
    this.#report.error('recursive-type', `a type that contains itself cannot travel: ${names}`, first.span)
  }

  /** The declared types that a declaration names. */
  #uses(declaration: TypeDeclaration | EventDeclaration): TypeDeclaration[] {
    return partsOf(declaration)
      .flatMap(namesIn)
      .flatMap(({ name }) => {
        const type = this.#find(name, declaration)
        return type === undefined || !isExported(type) ? [] : [type]
      })
  }

  /** A type by its name; one of the user's module may have been declared behind its use. */
  #find(name: string, user: { readonly name: string }): TypeDeclaration | undefined {
    const module = moduleOf(user.name)
    const isBare = module !== '' && !name.includes('::')
    return (isBare ? this.#types.get(`${module}::${name}`) : undefined) ?? this.#types.get(name)
  }

  #typeText({ exportName, declaration }: Exported<TypeDeclaration>): string {
    const code = this.#declaredCode(declaration)
    const isOpen = declaration.kind === 'enum' && declaration.isRedefinable
    const known = isOpen ? declaration.names.map(({ name }) => `\`${name}\``).join(', ') : ''
    const docs = isOpen
      ? [...declaration.docs, '', `Scripts may add names to ${known || 'it'}.`]
      : declaration.docs
    return (
      docComment(docs) +
      `${printCode(code, `export const ${exportName} = `)}\n` +
      `export type ${exportName} = ${this.#library('Native')}<typeof ${exportName}>\n`
    )
  }

  #declaredCode(declaration: TypeDeclaration): Code {
    switch (declaration.kind) {
      case 'record':
        return this.#record(declaration.fields, declaration)
      case 'alias':
        return this.#code(declaration.type, declaration)
      case 'enum': {
        if (declaration.isRedefinable) return this.#library('enumeration')
        const names = declaration.names.map(({ name, docs }) => ({ label: '', code: `'${name}'`, docs }))
        return call(this.#library('enumOf'), `'${declaration.name}'`, list(names))
      }
    }
  }

  #eventText({ exportName, declaration }: Exported<EventDeclaration>): string {
    const { name, parameters, docs, isHandledOnly } = declaration
    const signature = parameters
      .map((parameter) => `${parameter.name}: ${typeText(parameter.type)}`)
      .join(', ')
    const origin = isHandledOnly ? ', which the script handles and does not declare.' : ''
    const types = parameters.map(({ type }) => ({ label: '', code: this.#code(type, declaration), docs: [] }))
    const code = call(this.#library('event'), `'${name}'`, list(types))
    return (
      docComment([...docs, '', `\`event ${name}(${signature})\`${origin}`]) +
      `${printCode(code, `export const ${exportName} = `)}\n`
    )
  }

  #record(fields: readonly RecordField[], user: TypeDeclaration | EventDeclaration): Code {
    const parts = fields.map((field): CodePart => {
      const code = this.#code(field.type, user)
      // A field with a default and no `&optional` is always set when it travels.
      return {
        label: `${field.name}: `,
        code: field.isOptional ? call(this.#library('optional'), code) : code,
        docs: field.docs,
      }
    })
    return call(this.#library('record'), object(parts, true))
  }

  #code(type: ZeekType, user: TypeDeclaration | EventDeclaration): Code {
    switch (type.kind) {
      case 'named':
        return this.#named(type, user)
      case 'record':
        return this.#record(type.fields, user)
      case 'enum':
        return this.#library('enumeration')
      case 'table':
        return call(this.#library('table'), this.#index(type.index, user), this.#code(type.element, user))
      case 'set':
        return call(this.#library('set'), this.#index(type.index, user))
      case 'vector':
        return call(this.#library('vector'), this.#code(type.element, user))
      case 'function':
        return this.#library('func')
      case 'void':
        this.#report.warning('no-value', `\`void\` is no type of a value: it becomes \`any\``, user.span)
        return this.#library('any')
      default:
        return this.#library(type.kind)
    }
  }

  #index(types: readonly ZeekType[], user: TypeDeclaration | EventDeclaration): Code {
    const codes = types.map((type) => this.#code(type, user))
    return codes.length === 1 ? codes[0]! : call(this.#library('tuple'), ...codes)
  }

  #named(
    { name, span }: Extract<ZeekType, { kind: 'named' }>,
    user: TypeDeclaration | EventDeclaration,
  ): Code {
    const type = this.#find(name, user)
    if (type !== undefined && isExported(type)) return this.#names.of(type.name)
    // Names are added to it, so that much is known.
    if (type?.kind === 'enum') return this.#library('enumeration')
    if (!this.#told.has(name)) {
      this.#told.add(name)
      const message = `the type \`${shorten(name)}\` is not declared here: it becomes \`any\`; --with reads the script that does`
      this.#report.warning('unknown-type', message, span)
    }
    return this.#library('any')
  }

  #library(name: LibraryName): LibraryName {
    this.#imports.add(name)
    return name
  }
}

/** Of a type that is declared elsewhere only what is added to it is known. */
function isExported(type: TypeDeclaration): boolean {
  return type.kind === 'alias' || !type.isAddition
}

function partsOf(declaration: TypeDeclaration | EventDeclaration): ZeekType[] {
  if (!('kind' in declaration)) return declaration.parameters.map(({ type }) => type)
  if (declaration.kind === 'alias') return [declaration.type]
  return declaration.kind === 'record' ? declaration.fields.map(({ type }) => type) : []
}

/** The named types in a type of which something travels: a function travels as its name. */
function namesIn(type: ZeekType): Extract<ZeekType, { kind: 'named' }>[] {
  switch (type.kind) {
    case 'named':
      return [type]
    case 'record':
      return type.fields.flatMap((field) => namesIn(field.type))
    case 'table':
      return [...type.index, type.element].flatMap(namesIn)
    case 'set':
      return type.index.flatMap(namesIn)
    case 'vector':
      return namesIn(type.element)
    default:
      return []
  }
}
