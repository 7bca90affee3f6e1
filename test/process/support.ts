/**
 * Clusters of real processes for tests: started with `./zeek-cluster` as users do, in a temporary directory, on
 * free ports of the loopback interface. `endAll` ends every process and removes every directory, whatever happened.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { errorCode } from '../../src/base/errors.js'
import { type AsciiLog, columnOf, parseAsciiLog } from '../../src/logging/log-reader.js'
import { requestControl } from '../../src/supervisor/control-socket.js'
import type { NodeStatus } from '../../src/supervisor/messages.js'
import { freePorts } from '../support/free-ports.js'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const QUICKSTART = join(ROOT, 'examples/quickstart')
const COMMAND = join(ROOT, 'zeek-cluster')

/** How long a condition may take on a busy machine; tests that claim a time measure it. */
const DEADLINE_MS = 20_000
const POLL_MS = 10

const directories: string[] = []
const running = new Set<Running>()

/** Waits for a condition; the value that makes it true is returned. */
export async function until<T>(
  condition: () => T | Promise<T>,
  what: string | (() => string),
  deadlineMs = DEADLINE_MS,
): Promise<Exclude<T, false | null | undefined>> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const value = await condition()
    if (value !== undefined && value !== null && value !== false) {
      return value as Exclude<T, false | null | undefined>
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${deadlineMs} ms: ${typeof what === 'string' ? what : what()}`)
    }
    await new Promise((wake) => setTimeout(wake, POLL_MS))
  }
}

export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'zeek-cluster-test-'))
  directories.push(directory)
  return directory
}

/** Writes a file into a directory and returns its path. */
export function write(directory: string, name: string, content: string | Uint8Array): string {
  const path = join(directory, name)
  writeFileSync(path, content)
  return path
}

const TYPES = { manager: 'MANAGER', logger: 'LOGGER', proxy: 'PROXY', worker: 'WORKER' } as const

/** A layout of nodes named by their type, `worker-1`, on free ports. */
export async function layoutOf(...names: readonly string[]): Promise<{ text: string; ports: number[] }> {
  const ports = await freePorts(names.length)
  const rows = names.map((name, index) => {
    const type = TYPES[name.replace(/-\d+$/, '') as keyof typeof TYPES]
    const manager = type === 'MANAGER' || !names.includes('manager') ? '' : ', $manager="manager"'
    return `["${name}"] = [$node_type=Cluster::${type}, $ip=127.0.0.1, $p=${ports[index]}/tcp${manager}],`
  })
  const hasLogger = names.some((name) => name.startsWith('logger'))
  const text = `redef Cluster::manager_is_logger = ${hasLogger ? 'F' : 'T'};
redef Cluster::nodes = {\n${rows.join('\n')}\n};\n`
  return { text, ports }
}

/** The layout of the quickstart on free ports. */
export async function quickstartLayout(): Promise<string> {
  const ports = await freePorts(6)
  const text = readFileSync(join(QUICKSTART, 'cluster-layout.zeek'), 'utf8')
  return text.replaceAll(/2776([1-6])\/tcp/g, (_, digit: string) => `${ports[Number(digit) - 1]}/tcp`)
}

/** Our environment without what would change a cluster. */
export function environment(extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(ZEEK|BRO|CLUSTER_NODE|NODE_OPTIONS)/.test(name),
  )
  return { ...Object.fromEntries(own), ...extra }
}

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Another program than `zeek-cluster`. */
  readonly command?: string
}

/** A command that runs: its output by line, with the time of arrival. */
export class Running {
  readonly process: ChildProcess
  readonly stdout: string[] = []
  readonly stderr: string[] = []
  /** Both, in order of arrival. */
  readonly output: { readonly line: string; readonly atMs: number }[] = []
  readonly exited: Promise<number | string>
  exit: number | string | undefined

  constructor(args: readonly string[], options: RunOptions) {
    this.process = spawn(options.command ?? COMMAND, args, {
      cwd: options.cwd,
      env: environment(options.env),
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#collect('stdout')
    this.#collect('stderr')
    running.add(this)
    this.exited = new Promise((resolve) => {
      this.process.once('close', (code, signal) => {
        this.exit = code ?? signal ?? 'unknown'
        resolve(this.exit)
      })
    })
  }

  get pid(): number {
    return this.process.pid!
  }

  get text(): string {
    return this.output.map(({ line }) => line).join('\n')
  }

  /** The first line behind line number `from` that matches, as soon as it is there. */
  line(
    pattern: RegExp,
    from = 0,
    deadlineMs = DEADLINE_MS,
  ): Promise<{ readonly line: string; readonly atMs: number }> {
    return until(
      () => {
        const found = this.output.slice(from).find(({ line }) => pattern.test(line))
        if (found === undefined && this.exit !== undefined)
          throw new Error(`ended before ${pattern}:\n${this.text}`)
        return found
      },
      () => `${pattern} in\n${this.text}`,
      deadlineMs,
    )
  }

  signal(signal: NodeJS.Signals): void {
    this.process.kill(signal)
  }

  /** The exit code, or the name of the signal that ended it. */
  async end(signal?: NodeJS.Signals, deadlineMs = DEADLINE_MS): Promise<number | string> {
    if (signal !== undefined) this.signal(signal)
    await until(
      () => this.exit !== undefined,
      () => `the end of the command; so far\n${this.text}`,
      deadlineMs,
    )
    return this.exit!
  }

  /** Process ids of the nodes that `up` started, those that ended included. */
  get nodePids(): number[] {
    return this.output.flatMap(({ line }) => {
      const match = /^\S+: starting, pid (\d+)$/.exec(line)
      return match === null ? [] : [Number(match[1])]
    })
  }

  #collect(name: 'stdout' | 'stderr'): void {
    createInterface({ input: this.process[name]! }).on('line', (line) => {
      this[name].push(line)
      this.output.push({ line, atMs: performance.now() })
    })
  }
}

/** Starts a command and leaves it running. */
export function start(args: readonly string[], options: RunOptions): Running {
  return new Running(args, options)
}

/** Runs a command to its end. */
export async function run(args: readonly string[], options: RunOptions): Promise<Running> {
  const command = new Running(args, options)
  await command.end()
  return command
}

/** Starts `up` and waits until every node sees all its peers. */
export async function startUp(args: readonly string[], options: RunOptions): Promise<Running> {
  const up = new Running(['up', ...args], options)
  await up.line(/^cluster is up: /)
  return up
}

/** The nodes by name, asked over the control socket. */
export async function statusOf(directory: string): Promise<ReadonlyMap<string, NodeStatus>> {
  const response = await requestControl(join(directory, '.zeek-cluster'), { command: 'status' })
  if (!('nodes' in response)) throw new Error(JSON.stringify(response))
  return new Map(response.nodes.map((node) => [node.name, node]))
}

/** Those of the processes that run; one that has ended and waits to be collected does not. */
export function alive(pids: readonly number[]): number[] {
  if (pids.length === 0) return []
  let text = ''
  try {
    text = execFileSync('ps', ['-o', 'pid=,stat=', '-p', pids.join(',')], { encoding: 'utf8' })
  } catch {
    // `ps` fails when there is none.
  }
  return text.split('\n').flatMap((line) => {
    const [pid, state] = line.trim().split(/\s+/)
    return pid === undefined || pid === '' || state?.startsWith('Z') === true ? [] : [Number(pid)]
  })
}

export interface ReadLogFile {
  /** Name of the node whose folder it is in, or `archive`. */
  readonly node: string
  readonly file: string
  readonly text: string
  readonly log: AsciiLog
}

/** Every file of a log that a run has: plain, rotated or archived, compressed or not. Not those of earlier runs. */
export function logFiles(directory: string, name: string): ReadLogFile[] {
  const state = join(directory, '.zeek-cluster')
  const written = foldersIn(join(state, 'logs')).flatMap((node) =>
    readLogs(join(state, 'logs', node), new RegExp(`^${name}(\\.[-0-9]+)?\\.log(\\.gz)?$`), node),
  )
  const days = foldersIn(join(state, 'archive')).filter((day) => /^\d{4}-\d{2}-\d{2}$/.test(day))
  const archived = days.flatMap((day) =>
    readLogs(
      join(state, 'archive', day),
      new RegExp(`^${name}\\.[0-9:]+-[0-9:]+(\\..+)?\\.log(\\.gz)?$`),
      'archive',
    ),
  )
  return [...archived, ...written]
}

function foldersIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : []
}

function readLogs(folder: string, pattern: RegExp, node: string): ReadLogFile[] {
  return readdirSync(folder).flatMap((file) => {
    if (!pattern.test(file)) return []
    const bytes = readIfThere(join(folder, file))
    if (bytes === undefined) return []
    const text = (file.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8')
    return [{ node, file, text, log: parseAsciiLog(text) }]
  })
}

/** A logger may rotate a file while it is looked for. */
function readIfThere(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** The records of a log over all its files: columns by name. */
export function logRecords(directory: string, name: string): Record<string, string>[] {
  return logFiles(directory, name).flatMap(({ log }) =>
    log.lines.map((line) =>
      Object.fromEntries(log.fields.map((field) => [field, columnOf(log, line, field) ?? ''])),
    ),
  )
}

/** Ends all processes that tests started and removes their directories. */
export async function endAll(): Promise<void> {
  for (const command of running) {
    for (const pid of [command.pid, ...command.nodePids]) {
      try {
        process.kill(-pid, 'SIGKILL')
      } catch {
        // It has ended.
      }
    }
    await command.exited
  }
  running.clear()
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true })
}
