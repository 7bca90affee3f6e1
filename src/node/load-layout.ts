/**
 * Reads a layout with everything that it asks of the machine: other files, the environment, addresses of hosts. A
 * layout is a file in Zeek's language, zeekctl's `node.cfg`, or the `zeek.conf` of the systemd generator.
 */
import { lookup } from 'node:dns/promises'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { access, readdir, readFile, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import { Address } from '../data/address.js'
import {
  LAYOUT_BYTES_MAX,
  layoutFormat,
  type ParsedLayout,
  parseLayout,
  readNodeCfg,
  readZeekConf,
  type ScriptHost,
} from '../layout/index.js'
import type { Dialect } from '../options/dialect.js'

/** The layout is read again whenever it turns out to need the addresses of further hosts; so often at most. */
const ROUNDS_MAX = 10

/** Name of the layout on the search path. */
const LAYOUT_NAME = 'cluster-layout.zeek'

type Environment = Readonly<Record<string, string | undefined>>

/** Addresses of a host; undefined when it has to be asked for first. */
type LookUp = (name: string) => readonly Address[] | undefined

export interface LoadLayoutOptions {
  /**
   * A file, by the end of its name `node.cfg` (`.cfg`), `zeek.conf` (`.conf`) or Zeek's language; or a folder with the
   * `HOST.zeek.conf` of several hosts.
   */
  readonly file: string
  readonly dialect: Dialect
  /** Name of the node that the layout is read for. Default: `CLUSTER_NODE` of the environment. */
  readonly node?: string
  readonly environment: Environment
  /** Statements of Zeek's language behind those of the file. */
  readonly statements?: readonly string[]
}

/**
 * Reads and checks a layout; what is wrong with it comes back as diagnostics. `@load` looks beside the loading file,
 * then on `ZEEKPATH` and `BROPATH`, then in the working directory. Rejects with a `ClusterError` of code
 * `layout-unreadable` when there is no such file.
 */
export async function loadLayout(options: LoadLayoutOptions): Promise<ParsedLayout> {
  const read = await readerOf(options)
  const addresses = new Map<string, readonly Address[]>()
  for (let round = 1; ; round += 1) {
    const isLast = round === ROUNDS_MAX
    const parsed = read((name) => addresses.get(name) ?? (isLast ? [] : undefined))
    if (parsed.pendingHosts.length === 0) return parsed
    const found = await Promise.all(parsed.pendingHosts.map(lookUp))
    for (const [index, name] of parsed.pendingHosts.entries()) addresses.set(name, found[index] ?? [])
  }
}

/** Folders of `ZEEKPATH` and `BROPATH`, then the working directory. */
export function searchPath(environment: Environment): string[] {
  const folders = [environment['ZEEKPATH'], environment['BROPATH']].flatMap((path) => path?.split(':') ?? [])
  return [...folders.map((folder) => (folder === '' ? '.' : folder)), '.']
}

/** `cluster-layout.zeek` on the search path. Rejects with a `ClusterError` of code `layout-unreadable`. */
export async function findLayout(environment: Environment): Promise<string> {
  for (const folder of searchPath(environment)) {
    const file = join(folder, LAYOUT_NAME)
    try {
      await access(file)
      return file
    } catch (error) {
      if (errorCode(error) !== 'ENOENT') throw unreadable(file, error)
    }
  }
  const message = `no ${LAYOUT_NAME} on ZEEKPATH, BROPATH or in the working directory; name one`
  throw new ClusterError('layout-unreadable', message, { path: LAYOUT_NAME })
}

async function readerOf(options: LoadLayoutOptions): Promise<(lookUp: LookUp) => ParsedLayout> {
  const { file, dialect, node, environment, statements = [] } = options
  const folder = await filesOfFolder(file)
  const format = folder === undefined ? layoutFormat(file) : 'zeek-conf'
  if (format !== 'zeek' && statements.length > 0) {
    const message = `${file}: scripts and nodes are added to layouts in Zeek's language only: convert it with zeek-cluster layout`
    throw new ClusterError('layout-unreadable', message, { path: file })
  }
  switch (format) {
    case 'zeek-conf': {
      const paths = folder ?? [file]
      const files = await Promise.all(paths.map(async (path) => ({ path, text: await readLayout(path) })))
      return (lookUp) => readZeekConf(files, { dialect, lookUp })
    }
    case 'node-cfg': {
      const text = await readLayout(file)
      return (lookUp) => readNodeCfg({ path: file, text }, { dialect, lookUp })
    }
    case 'zeek': {
      const text = await readLayout(file)
      const whole =
        statements.length === 0 ? text : Buffer.concat([text, Buffer.from(`\n${statements.join('\n')}\n`)])
      const host: Omit<ScriptHost, 'lookUp'> = {
        environment,
        hostName: hostname(),
        searchPath: searchPath(environment),
        readFile: readScript,
      }
      return (lookUp) =>
        parseLayout(whole, { file, dialect, host: { ...host, lookUp }, ...(node !== undefined && { node }) })
    }
  }
}

/** The configuration files in a folder; undefined when it is none. */
async function filesOfFolder(path: string): Promise<readonly string[] | undefined> {
  const stats = await stat(path).catch(() => undefined)
  if (stats?.isDirectory() !== true) return undefined
  const names = (await readdir(path)).filter((name) => name.endsWith('.conf')).sort()
  if (names.length > 0) return names.map((name) => join(path, name))
  throw new ClusterError('layout-unreadable', `${path} is a folder without HOST.zeek.conf files`, { path })
}

async function readLayout(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    throw unreadable(file, error)
  }
}

function unreadable(file: string, error: unknown): ClusterError {
  const reason = errorCode(error) === 'ENOENT' ? 'no such file' : errorMessage(error)
  const message = `cannot read layout ${file}: ${reason}`
  return new ClusterError('layout-unreadable', message, { path: file }, error)
}

/** Evaluation does not wait, so this does not either. Of a larger file than can be used only the start is read. */
function readScript(path: string): Uint8Array | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const stats = fstatSync(descriptor)
    if (!stats.isFile()) return undefined
    const bytes = Buffer.alloc(Math.min(stats.size, LAYOUT_BYTES_MAX + 1))
    return bytes.subarray(0, readSync(descriptor, bytes))
  } catch {
    return undefined
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

async function lookUp(name: string): Promise<readonly Address[]> {
  try {
    const found = await lookup(name, { all: true, verbatim: true })
    return found.map(({ address }) => Address.tryParse(address)).filter((address) => address !== undefined)
  } catch {
    return []
  }
}
