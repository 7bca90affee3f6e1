/** `zeek-cluster store NAME …`: the data stores of a cluster, read, written and compared. */
import { createReadStream } from 'node:fs'
import { DecodeError, EncodeError } from '../../data/decode-error.js'
import { valueFromParsedJson, valueToExactJson } from '../../data/json.js'
import { parseJson } from '../../data/json-document.js'
import { scalarFromText } from '../../data/scalar-text.js'
import { any } from '../../data/types.js'
import type { Value } from '../../data/value.js'
import { checkValue } from '../../data/value-check.js'
import { parseInterval } from '../../options/interval.js'
import type { BackendType } from '../../options/store-settings.js'
import type { Durability } from '../../store/backends/backend.js'
import { decode } from '../../store/encoded.js'
import type { StoreChange, StoreEntry } from '../../store/store.js'
import { type BusFlags, stopOnSignals } from '../bus-client.js'
import { asObject } from '../json-members.js'
import { type Line, readLines } from '../lines.js'
import { CommandError, fail, print, printLines, printRaw } from '../output.js'
import { type MasterSettings, StoreClient } from '../store-client.js'
import { compareStores } from '../store-comparison.js'
import { valueLine, valueText } from '../value-text.js'
import { parseArgument } from './publish.js'
import { parseCount } from './subscribe.js'
import { parseSeconds } from './up.js'

export interface StoreFlags extends BusFlags {
  readonly master?: boolean
  readonly backend?: string
  readonly path?: string
  readonly durability?: string
  readonly expiry?: string
  readonly count?: string
  readonly for?: string
  readonly timeout: string
  readonly json?: boolean
}

/** What an action needs beside its arguments. */
interface Context {
  readonly client: StoreClient
  readonly isJson: boolean
  readonly timeoutMs: number
  readonly expiryMs: number | undefined
  /** When the command is told to stop; of actions that go on until then. */
  readonly signal: AbortSignal
}

interface Action {
  /** Names of its arguments, as the usage has them; those that may be left out in brackets. */
  readonly usage?: readonly string[]
  /** Flags that only some actions have. */
  readonly flags?: readonly (keyof StoreFlags)[]
  /** Whether it goes on until it is stopped. */
  readonly isEndless?: boolean
  readonly isForClones?: boolean
  /** Reads the arguments, before anything is connected. Throws a `CommandError` with exit code 2. */
  prepare(args: readonly string[], flags: StoreFlags): (context: Context) => Promise<void>
}

const NANOSECONDS_PER_MS = 1e6

const ACTIONS: Readonly<Record<string, Action>> = {
  get: {
    usage: ['KEY'],
    prepare([text = '']) {
      const key = parseArgument(text)
      return async ({ client, isJson }) => {
        const value = await client.store.get(key)
        if (value === undefined) throw new CommandError(1, `store ${client.name} has no key ${text}`)
        print(isJson ? valueToExactJson(value) : valueText(value))
      }
    },
  },
  put: {
    usage: ['KEY', 'VALUE'],
    flags: ['expiry'],
    prepare(args) {
      const [key, value] = parseEntry(args)
      return ({ client, ...limits }) => client.store.put(key, value, writeOptions(limits))
    },
  },
  'put-unique': {
    usage: ['KEY', 'VALUE'],
    flags: ['expiry'],
    prepare(args) {
      const [key, value] = parseEntry(args)
      return async ({ client, isJson, ...limits }) => {
        const inserted = await client.store.putUnique(key, value, writeOptions(limits))
        print(isJson ? JSON.stringify({ inserted }) : inserted ? 'T' : 'F')
      }
    },
  },
  erase: {
    usage: ['KEY'],
    prepare([text = '']) {
      const key = parseArgument(text)
      return ({ client, timeoutMs }) => client.store.erase(key, { timeoutMs })
    },
  },
  keys: {
    prepare: () => (context) =>
      printEntries(context, (key) => (context.isJson ? valueToExactJson(key) : valueLine(key))),
  },
  dump: {
    prepare: () => (context) =>
      printEntries(
        context,
        (key, value) => `{"key":${valueToExactJson(key)},"value":${valueToExactJson(value)}}`,
      ),
  },
  load: {
    usage: ['[FILE]'],
    flags: ['expiry'],
    prepare:
      ([file = '-']) =>
      (context) =>
        load(file, context),
  },
  watch: {
    flags: ['count', 'for'],
    isEndless: true,
    prepare(_, flags) {
      const limit = flags.count === undefined ? Number.POSITIVE_INFINITY : parseCount(flags.count)
      const limitMs = flags.for === undefined ? undefined : parseSeconds(flags.for)
      return (context) => watch(context, limit, limitMs)
    },
  },
  verify: {
    isForClones: true,
    prepare:
      () =>
      ({ client, isJson, timeoutMs }) =>
        compareStores(client, { isJson, timeoutMs }),
  },
}

/** What a master does without an action. */
const SERVE: Action = {
  isEndless: true,
  prepare:
    () =>
    async ({ client, signal }) => {
      printRaw(`serving the master of store ${client.name}: ${await client.store.size()} keys`)
      await aborted(signal)
    },
}

export async function runStore(
  name: string,
  actionName: string | undefined,
  args: readonly string[],
  flags: StoreFlags,
): Promise<void> {
  if (flags.websocket !== undefined) {
    throw new CommandError(2, "Zeek's WebSocket API has no stores: connect to nodes, with --peer or --listen")
  }
  const action = findAction(actionName, flags)
  checkUsage(actionName ?? '--master', action, args, flags)
  const run = action.prepare(args, flags)
  const master = flags.master === true ? parseMaster(flags, action) : undefined
  const timeoutMs = parseSeconds(flags.timeout)
  const expiryMs = flags.expiry === undefined ? undefined : parseExpiry(flags.expiry)
  const stopping = new AbortController()
  const opening = StoreClient.open({ name, flags, master, timeoutMs })
  const client =
    action.isEndless === true ? await stopOnSignals(() => stopping.abort(), opening) : await opening
  try {
    await run({ client, isJson: flags.json === true, timeoutMs, expiryMs, signal: stopping.signal })
  } catch (error) {
    throw fail(error instanceof EncodeError ? 2 : 1, error)
  } finally {
    await client.close()
  }
}

function findAction(name: string | undefined, flags: StoreFlags): Action {
  if (name === undefined && flags.master === true) return SERVE
  if (name !== undefined && Object.hasOwn(ACTIONS, name)) return ACTIONS[name]!
  const actions = Object.keys(ACTIONS).join(', ')
  if (name === undefined)
    throw new CommandError(2, `say what to do with the store: ${actions}; or --master to serve it`)
  throw new CommandError(2, `unknown action '${name}': ${actions}`)
}

/** Flags that go with some actions only. */
const SPECIAL_FLAGS = ['expiry', 'count', 'for'] as const satisfies readonly (keyof StoreFlags)[]
/** Flags that go with `--master` only. */
const MASTER_FLAGS = ['backend', 'path', 'durability'] as const satisfies readonly (keyof StoreFlags)[]

function checkUsage(
  name: string,
  { usage = [], flags: known = [], isForClones }: Action,
  args: readonly string[],
  flags: StoreFlags,
): void {
  const required = usage.filter((argument) => !argument.startsWith('['))
  if (args.length < required.length || args.length > usage.length) {
    throw new CommandError(2, `usage: ${['zeek-cluster store NAME', name, ...usage].join(' ')}`)
  }
  const stray = SPECIAL_FLAGS.find((flag) => flags[flag] !== undefined && !known.includes(flag))
  if (stray !== undefined) throw new CommandError(2, `${name} has no --${stray}`)
  const lonely = MASTER_FLAGS.find((flag) => flags[flag] !== undefined)
  if (lonely !== undefined && flags.master !== true)
    throw new CommandError(2, `--${lonely} goes with --master only`)
  if (isForClones === true && flags.master === true)
    throw new CommandError(2, `${name} does not go with --master`)
}

const BACKENDS: ReadonlyMap<string, BackendType> = new Map([
  ['memory', 'Broker::MEMORY'],
  ['sqlite', 'Broker::SQLITE'],
  ['rocksdb', 'Broker::ROCKSDB'],
])
const DURABILITIES: readonly Durability[] = ['process', 'machine']

function parseMaster(flags: StoreFlags, action: Action): MasterSettings {
  const { backend: backendName = 'memory', path = '', durability: durabilityName = 'machine' } = flags
  const backend = BACKENDS.get(backendName)
  if (backend === undefined) {
    throw new CommandError(2, `unknown backend '${backendName}': ${[...BACKENDS.keys()].join(', ')}`)
  }
  const durability = DURABILITIES.find((known) => known === durabilityName)
  if (durability === undefined) {
    throw new CommandError(2, `unknown durability '${durabilityName}': ${DURABILITIES.join(', ')}`)
  }
  if (backend === 'Broker::MEMORY' && path !== '') {
    throw new CommandError(2, '--path needs a backend that has a file: --backend sqlite or rocksdb')
  }
  if (backend !== 'Broker::MEMORY' && path === '')
    throw new CommandError(2, `--backend ${backendName} needs a --path`)
  const isAlone = action !== SERVE && flags.peer.length === 0 && flags.listen === undefined
  return { backend, path, durability, isAlone }
}

function parseEntry([key = '', value = '']: readonly string[]): [key: Value, value: Value] {
  return [checked(parseArgument(key)), checked(parseArgument(value))]
}

function checked(value: Value): Value {
  try {
    checkValue(value)
    return value
  } catch (error) {
    throw fail(2, error)
  }
}

/** `30`, `1.5s`, `10min`, `1hr`, in milliseconds. */
function parseExpiry(text: string): number {
  const seconds = /^(\d+\.?|\d*\.\d+)$/.test(text) ? Number(text) : parseInterval(text)
  const ms = seconds === undefined ? parseTimespan(text) : seconds * 1000
  if (ms > 0 && Number.isFinite(ms)) return ms
  throw new CommandError(2, `'${text}' is not an expiry: write 30, 30s, 10min or 1hr`)
}

function parseTimespan(text: string): number {
  try {
    const { value } = scalarFromText('timespan', text) as Extract<Value, { type: 'timespan' }>
    return Number(value) / NANOSECONDS_PER_MS
  } catch (error) {
    if (error instanceof DecodeError) return Number.NaN
    throw error
  }
}

function writeOptions({ timeoutMs, expiryMs }: Pick<Context, 'timeoutMs' | 'expiryMs'>): {
  timeoutMs: number
  expiryMs?: number
} {
  return { timeoutMs, ...(expiryMs === undefined ? {} : { expiryMs }) }
}

/** All entries as they are now, however long the reader takes. */
async function printEntries({ client }: Context, line: (key: Value, value: Value) => string): Promise<void> {
  const snapshot = client.engine.table.snapshot()
  for (let part = snapshot.take(); part !== undefined; part = snapshot.take()) {
    await printLines(part.map(([key, value]) => line(decode(any, key), decode(any, value))))
  }
}

/** The entries of a chunk of the input are one batch: the master commits them together. */
async function load(file: string, { client, isJson, timeoutMs, expiryMs }: Context): Promise<void> {
  const expiry = expiryMs === undefined ? {} : { expiryMs }
  let loaded = 0
  for await (const lines of linesOf(file)) {
    const entries: StoreEntry<Value, Value>[] = []
    let problem: CommandError | undefined
    for (const line of lines) {
      const parsed = parseLine(line)
      if (parsed instanceof CommandError) {
        problem = parsed
        break
      }
      entries.push([...parsed, expiry])
    }
    await client.store.putMany(entries, { timeoutMs }).catch((error: unknown) => {
      const last = lines[entries.length - 1]?.number
      throw new CommandError(1, `lines ${lines[0]?.number} to ${last}: ${fail(1, error).message}`, error)
    })
    if (problem !== undefined) throw problem
    loaded += entries.length
  }
  if (isJson) print(JSON.stringify({ loaded }))
}

async function* linesOf(file: string): AsyncGenerator<readonly Line[]> {
  const input = file === '-' ? process.stdin : createReadStream(file)
  try {
    yield* readLines(input)
  } catch (error) {
    throw fail(2, error)
  }
}

/** The entry, or what is wrong with the line. */
function parseLine({ number, bytes }: Line): readonly [key: Value, value: Value] | CommandError {
  try {
    const object = asObject(parseJson(bytes, { tolerant: true }), 'the line')
    const entry = [valueFromParsedJson(object.get('key')), valueFromParsedJson(object.get('value'))] as const
    for (const part of entry) checkValue(part)
    return entry
  } catch (error) {
    if (!(error instanceof DecodeError || error instanceof EncodeError)) throw error
    return new CommandError(2, `line ${number}: ${error.message}`, error)
  }
}

async function watch({ client, signal }: Context, limit: number, limitMs: number | undefined): Promise<void> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  signal.addEventListener('abort', stop)
  const timer = limitMs === undefined ? undefined : setTimeout(stop, limitMs)
  let printed = 0
  const changes = client.store.watch({ signal: stopping.signal })
  printRaw(`watching store ${client.name}`)
  for await (const change of changes) {
    await printLines([describeChange(change)])
    printed += 1
    if (printed >= limit) break
  }
  clearTimeout(timer)
}

function describeChange(change: StoreChange<Value, Value>): string {
  const head = `{"change":"${change.kind}"`
  if (change.kind === 'missed') return `${head},"changes":${change.changes}}`
  const members = [['key', change.key] as const]
  const old = 'oldValue' in change ? [['old', change.oldValue] as const] : []
  const value = 'value' in change ? [['value', change.value] as const] : []
  const texts = [...members, ...old, ...value].map(([name, data]) => `,"${name}":${valueToExactJson(data)}`)
  return `${head}${texts.join('')}}`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve())
  })
}
