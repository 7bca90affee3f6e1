/** Names that declarations of Zeek get in a module of TypeScript. */

/** What a generated module may import. None of it is the name of a declaration, whether it is imported or not. */
export const LIBRARY_NAMES = [
  'addr',
  'any',
  'bool',
  'count',
  'double',
  'enumeration',
  'enumOf',
  'event',
  'file',
  'func',
  'int',
  'interval',
  'Native',
  'opaque',
  'optional',
  'pattern',
  'port',
  'record',
  'set',
  'string',
  'subnet',
  'table',
  'time',
  'tuple',
  'vector',
] as const

export type LibraryName = (typeof LIBRARY_NAMES)[number]

/** What neither a constant nor a type of a module can be called. */
const RESERVED_WORDS =
  'arguments as await bigint boolean break case catch class const continue debugger default delete do else enum eval ' +
  'export extends false finally for function globalThis if implements import in instanceof interface let never new ' +
  'null number object package private protected public return static super switch symbol this throw true try typeof ' +
  'undefined unknown var void while with yield __esModule'

const UNUSABLE: ReadonlySet<string> = new Set([...LIBRARY_NAMES, ...RESERVED_WORDS.split(' ')])

/** The module of a full name; empty when it belongs to none. */
export function moduleOf(name: string): string {
  const end = name.lastIndexOf('::')
  return end < 0 ? '' : name.slice(0, end)
}

/**
 * Gives each name of Zeek one of TypeScript. Names of `plainModule`, and those of no module, lose their module;
 * `Other::seen` becomes `Other_seen`. A word that cannot be used gets `_` behind it, a name that is taken a number:
 * whoever comes first has the plain one.
 */
export class ExportNames {
  readonly #plainModule: string
  readonly #taken = new Set<string>()
  readonly #given = new Map<string, string>()

  constructor(plainModule: string) {
    this.#plainModule = plainModule
  }

  /** The same for the same name. */
  of(name: string): string {
    const known = this.#given.get(name)
    if (known !== undefined) return known
    const module = moduleOf(name)
    const isPlain = module === '' || module === this.#plainModule
    const plain = isPlain && module !== '' ? name.slice(module.length + 2) : name.replaceAll('::', '_')
    const usable = UNUSABLE.has(plain) ? `${plain}_` : plain
    let free = usable
    for (let number = 2; this.#taken.has(free); number += 1) free = `${usable}_${number}`
    this.#taken.add(free)
    this.#given.set(name, free)
    return free
  }
}
