/**
 * What the readers of other programs' files have in common: nodes that are made in order, each with the next port,
 * and host names that somebody else looks up.
 */
import { type Address, Port } from '../../data/address.js'
import type { Dialect } from '../../options/dialect.js'
import { OPTIONS, type Redef } from '../../options/registry.js'
import type { SourceSpan } from '../../zeek-script/diagnostics.js'
import type { Report } from '../../zeek-script/source.js'
import { quoteString } from '../../zeek-script/strings.js'
import type { Layout, LayoutNode } from '../layout.js'
import type { ParsedLayout } from '../parse-layout.js'

/** Nodes of one layout; more is taken for a slip of the hand. */
export const NODES_MAX = 10_000

/** Letters of a node's name, as far as a file gives it, and of an interface's. */
export const NAME_LENGTH_MAX = 255

export const PORT_MAX = 65_535
/** Of a host name (RFC 1035). */
const HOST_NAME_LENGTH_MAX = 253

export interface ImportOptions {
  readonly dialect: Dialect
  /**
   * The addresses of a host, IPv4 and IPv6, in the order of the resolver. Undefined when they are not known yet: the
   * host is one of `pendingHosts` then, and the file is to be read again when they are. Empty when it has none.
   */
  readonly lookUp: (hostName: string) => readonly Address[] | undefined
}

export interface ImportedLayout extends ParsedLayout {
  /** Host names whose addresses are needed. Not empty: the layout lacks the nodes of these hosts. */
  readonly pendingHosts: readonly string[]
}

/** Asks for addresses, each name once, and remembers what is not known yet. */
export class HostNames {
  readonly #lookUp: ImportOptions['lookUp']
  readonly #answers = new Map<string, readonly Address[] | undefined>()

  constructor(lookUp: ImportOptions['lookUp']) {
    this.#lookUp = lookUp
  }

  get pending(): string[] {
    return [...this.#answers].filter(([, addresses]) => addresses === undefined).map(([name]) => name)
  }

  /** The addresses of a host; undefined when they are unknown, or when an error was reported instead. */
  addresses(hostName: string, report: Report, span: SourceSpan): readonly Address[] | undefined {
    if (hostName.length > HOST_NAME_LENGTH_MAX || !/^[A-Za-z0-9_][A-Za-z0-9_.-]*$/.test(hostName)) {
      const message = `${quoteString(hostName)} is neither an address nor a host name${commentHint(hostName)}`
      report.error('bad-host', message, span)
      return undefined
    }
    if (!this.#answers.has(hostName)) this.#answers.set(hostName, this.#lookUp(hostName))
    const addresses = this.#answers.get(hostName)
    if (addresses?.length !== 0) return addresses
    report.error('unknown-host', `host ${quoteString(hostName)} has no address: is the name right?`, span)
    return undefined
  }
}

/** Ports one after the other. */
export class PortCounter {
  #next: number

  /** `first` is 0 to 65535. */
  constructor(first: number) {
    this.#next = first
  }

  /** The next TCP port; undefined, with an error, when there is none any more. */
  take(report: Report, span: SourceSpan): Port | undefined {
    const number = this.#next
    this.#next += 1
    if (number <= PORT_MAX) return new Port(number, 'tcp')
    if (number === PORT_MAX + 1) {
      const message = `ports are given out one after the other, and from here on they are beyond ${PORT_MAX}: begin with a lower one`
      report.error('bad-port', message, span)
    }
    return undefined
  }
}

/** In both programs' files a comment behind a value is part of it. */
export function commentHint(value: string): string {
  return value.includes('#') ? ' (a comment needs a line of its own)' : ''
}

/** A layout with the redef that both programs write. */
export function importedLayout(
  nodes: ReadonlyMap<string, LayoutNode>,
  managerIsLogger: boolean | undefined,
): Layout {
  if (managerIsLogger === undefined) return { nodes, redefs: [] }
  const redef: Redef = {
    name: OPTIONS.managerIsLogger.name,
    value: { type: 'bool', value: managerIsLogger },
  }
  return { nodes, redefs: [redef] }
}
