/** Reads a layout with everything that it asks of the machine: other files, the environment, addresses of hosts. */
import { lookup } from 'node:dns/promises'
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import { Address } from '../data/address.js'
import { LAYOUT_BYTES_MAX, type ParsedLayout, parseLayout, type ScriptHost } from '../layout/index.js'
import type { Dialect } from '../options/dialect.js'

/** The layout is read again whenever it turns out to need the addresses of further hosts; so often at most. */
const ROUNDS_MAX = 10

export interface LoadLayoutOptions {
  readonly file: string
  readonly dialect: Dialect
  /** Name of the node that the layout is read for. Default: `CLUSTER_NODE` of the environment. */
  readonly node?: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * Reads and checks a layout; what is wrong with it comes back as diagnostics. `@load` looks beside the loading file,
 * then on `ZEEKPATH` and `BROPATH`, then in the working directory. Rejects with a `ClusterError` of code
 * `layout-unreadable` when there is no such file.
 */
export async function loadLayout(options: LoadLayoutOptions): Promise<ParsedLayout> {
  const { file, dialect, node, environment } = options
  const text = await readLayout(file)
  const addresses = new Map<string, readonly Address[]>()
  for (let round = 1; ; round += 1) {
    const isLast = round === ROUNDS_MAX
    const host: ScriptHost = {
      environment,
      hostName: hostname(),
      searchPath: searchPath(environment),
      readFile: readScript,
      lookUp: (name) => addresses.get(name) ?? (isLast ? [] : undefined),
    }
    const parsed = parseLayout(text, { file, dialect, host, ...(node !== undefined && { node }) })
    if (parsed.pendingHosts.length === 0) return parsed
    const found = await Promise.all(parsed.pendingHosts.map(lookUp))
    for (const [index, name] of parsed.pendingHosts.entries()) addresses.set(name, found[index] ?? [])
  }
}

/** Folders of `ZEEKPATH` and `BROPATH`, then the working directory. */
export function searchPath(environment: Readonly<Record<string, string | undefined>>): string[] {
  const folders = [environment['ZEEKPATH'], environment['BROPATH']].flatMap((path) => path?.split(':') ?? [])
  return [...folders.map((folder) => (folder === '' ? '.' : folder)), '.']
}

async function readLayout(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file)
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'no such file' : errorMessage(error)
    throw new ClusterError(
      'layout-unreadable',
      `cannot read layout ${file}: ${reason}`,
      { path: file },
      error,
    )
  }
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
