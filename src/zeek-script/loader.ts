/** Finds and reads the files that `@load` names (spec/cluster-framework.md 2.2). */
import { posix } from 'node:path'
import type { ScriptHost } from './host.js'
import { Source } from './source.js'

/** Of all files together. A layout of 1000 nodes has about 100 KiB. */
export const SCRIPT_BYTES_MAX = 4 * 1024 * 1024

/** Files that one script loads at most. */
const FILES_MAX = 100

/** First parts of the names of Zeek's own scripts. They configure nothing that is read here. */
const ZEEK_FOLDERS = new Set([
  'base',
  'policy',
  'frameworks',
  'misc',
  'protocols',
  'tuning',
  'integration',
  'files',
  'zeekctl',
])

/** Scripts of a site, which come with Zeek but may be anything. */
const SITE_NAMES = new Set(['site', 'local', 'packages'])

export type Loaded =
  | { readonly kind: 'source'; readonly source: Source }
  /** It has been read before. */
  | { readonly kind: 'again' }
  /** One of Zeek's own scripts. */
  | { readonly kind: 'of-zeek' }
  | { readonly kind: 'refused'; readonly message: string }

export class Loader {
  readonly #host: ScriptHost
  readonly #read = new Set<string>()
  #bytes: number

  /** `file` and `bytes` are the script that everything starts with. */
  constructor(host: ScriptHost, file: string, bytes: number) {
    this.#host = host
    this.#bytes = bytes
    this.#read.add(posix.normalize(file))
  }

  load(target: string, from: string): Loaded {
    const first = target.split('/')[0] ?? ''
    const isOfZeek = ZEEK_FOLDERS.has(first)
    const folders = this.#folders(target, from, isOfZeek)
    for (const folder of folders) {
      for (const path of candidates(posix.join(folder, target))) {
        if (this.#read.has(path)) return { kind: 'again' }
        const bytes = this.#host.readFile(path)
        if (bytes !== undefined) return this.#accept(path, bytes)
      }
    }
    if (isOfZeek || SITE_NAMES.has(first)) return { kind: 'of-zeek' }
    const where = folders.map((folder) => `\`${folder}\``).join(', ')
    return { kind: 'refused', message: `there is no such script in ${where}: check its name` }
  }

  /** Zeek's own scripts are looked for beside the script alone: the rest of the search path is where Zeek has them. */
  #folders(target: string, from: string, isOfZeek: boolean): string[] {
    if (target.startsWith('/')) return ['']
    const beside = posix.dirname(from)
    if (isOfZeek || target.startsWith('.')) return [beside]
    return [...new Set([beside, ...this.#host.searchPath.map((folder) => (folder === '' ? '.' : folder))])]
  }

  #accept(path: string, bytes: Uint8Array): Loaded {
    this.#read.add(path)
    this.#bytes += bytes.length
    if (this.#read.size > FILES_MAX) {
      return { kind: 'refused', message: `a script loads ${FILES_MAX} files at most, and this is one more` }
    }
    if (this.#bytes > SCRIPT_BYTES_MAX) {
      return { kind: 'refused', message: `with it there are more than ${SCRIPT_BYTES_MAX} bytes to read` }
    }
    return { kind: 'source', source: Source.decode(path, bytes) }
  }
}

/** The files that a name can mean, in Zeek's order. */
function candidates(path: string): string[] {
  if (path.endsWith('.zeek')) return [path]
  if (path.endsWith('.bro')) return [`${path.slice(0, -'.bro'.length)}.zeek`, path]
  const folder = posix.join(path, '__load__')
  return [`${path}.zeek`, `${path}.bro`, path, `${folder}.zeek`, `${folder}.bro`]
}
