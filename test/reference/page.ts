/** Reads the reference page: every identifier with its type, default and members, as the page's own text has them. */

export type PageSection = 'Redefinable Options' | 'State Variables' | 'Types' | 'Events' | 'Functions'

export interface PageMember {
  readonly name: string
  /** As the page writes it, without markup: `string`, `Cluster::NodeType`. */
  readonly type: string
  readonly isOptional: boolean
}

export interface PageEntry {
  readonly section: PageSection
  /** Full name, for example `Cluster::retry_interval`. */
  readonly name: string
  readonly type: string
  /** As printed on the page; undefined when it has none. */
  readonly default: string | undefined
  /** Of a table: the default of its elements. */
  readonly elementDefault: string | undefined
  /** Fields of a record, parameters of an event or function. */
  readonly members: readonly PageMember[]
  /** Values of an enum, in order. */
  readonly values: readonly string[]
  /** Of a function. */
  readonly returns: string | undefined
}

const SECTIONS: readonly string[] = ['Redefinable Options', 'State Variables', 'Types', 'Events', 'Functions']

export function readPage(text: string): readonly PageEntry[] {
  const detailed = text.slice(text.indexOf('Detailed Interface'))
  const parts = detailed.split(/^(.+)\n#{3,}\n/m)
  const entries: PageEntry[] = []
  for (let index = 1; index < parts.length; index += 2) {
    const section = SECTIONS.find((name) => name === parts[index])
    if (section !== undefined) entries.push(...readEntries(section as PageSection, parts[index + 1] ?? ''))
  }
  return entries
}

/** Identifiers that the page adds to enums of other modules: `Log::ID`. */
export function readRedefinitions(text: string): readonly string[] {
  const section = /^Redefinitions\n#+\n([\s\S]*?)\n\nEvents\n/m.exec(text)?.[1] ?? ''
  return [...section.matchAll(/:zeek:type:`([\w:]+)`: :zeek:type:`enum`/g)].map((match) => match[1]!)
}

function readEntries(section: PageSection, text: string): PageEntry[] {
  return text
    .split(/^\.\. zeek:(?:id|type):: /m)
    .slice(1)
    .map((body): PageEntry => {
      const name = body.slice(0, body.indexOf('\n')).trim()
      const plain = withoutMarkup(body)
      const type = /^ {3}:Type: (.*)$/m.exec(plain)?.[1] ?? ''
      return {
        section,
        name,
        type,
        default: /^ {3}:Default: ``(.*)``$/m.exec(body)?.[1],
        elementDefault: /^ {3}:Attributes: .*&default` = ``(.*?)``/m.exec(body)?.[1],
        members: type.startsWith('record') ? readFields(plain) : readParameters(type),
        values: [...body.matchAll(/\.\. zeek:enum:: (\S+) \S+/g)].map((match) => match[1]!),
        returns: /\) : (\S+)$/.exec(type)?.[1],
      }
    })
}

/** `name: type &attributes`, at the depth of fields. */
function readFields(plain: string): PageMember[] {
  return [...plain.matchAll(/^ {6}(\w+): (.+)$/gm)].map((match) => memberOf(match[1]!, match[2]!))
}

/** `event (name: string, id: string)`. */
function readParameters(type: string): PageMember[] {
  const list = /^\w+ \((.*?)\)(?: : \S+)?$/.exec(type)?.[1] ?? ''
  return [...list.matchAll(/(\w+): ([^,]+)/g)].map((match) => memberOf(match[1]!, match[2]!))
}

function memberOf(name: string, rest: string): PageMember {
  return { name, type: rest.split(' &', 1)[0]!.trim(), isOptional: /&(optional|default)/.test(rest) }
}

function withoutMarkup(text: string): string {
  return text.replaceAll(/:zeek:(?:type|attr|id|see|enum):`([^`]+)`/g, '$1')
}
