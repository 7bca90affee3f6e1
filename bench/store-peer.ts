/** One process of the store benchmark. */
import { bool, Cluster, count, type Store } from 'zeek-cluster'
import type { StoreFigures, StoreTask } from './store.ts'
import { percentiles } from './timing.ts'

const [layout, directory, name, taskText] = process.argv.slice(2)
const task = JSON.parse(taskText!) as StoreTask
const WINDOW = 4096
const TYPES = { key: count, value: bool }

const cluster = await Cluster.start({
  node: name!,
  layout: layout!,
  logDirectory: `${directory}/${name}`,
  storeDirectory: directory!,
})
process.on('SIGINT', () => process.exit(0))
await run()

async function run(): Promise<void> {
  switch (task.kind) {
    case 'serve':
      return serve(task.entries)
    case 'backend':
      return report(await writeToBackend(task))
    case 'put':
    case 'put-unique':
    case 'put-many':
      return report(await write(await clone(), task.kind, task.writes))
    case 'get':
      return report(await read(await clone(), task.reads, task.entries))
    case 'probe':
      return probe(await clone())
    case 'attach':
      return report(await attach(task.entries))
  }
}

/** A million small entries: what they take beside their own bytes. */
async function serve(entries: number): Promise<void> {
  const { store } = await cluster.createStore('bench', TYPES)
  globalThis.gc?.()
  const before = process.memoryUsage()
  for (let key = 0; key < entries; key += 1) {
    void store!.put(BigInt(key), true)
    if (key % WINDOW === 0) await store!.size()
  }
  globalThis.gc?.()
  const after = process.memoryUsage()
  const { bytes } = store!.counters()
  report({
    entries,
    dataBytesPerEntry: round(bytes / Math.max(1, entries)),
    heapBytesPerEntryBesideData: round((after.heapUsed - before.heapUsed - bytes) / Math.max(1, entries)),
    residentBytesPerEntryBesideData: round((after.rss - before.rss - bytes) / Math.max(1, entries)),
  })
}

async function clone(): Promise<Store<bigint, boolean>> {
  const info = await cluster.createStore('bench', TYPES)
  const store = await info.ready
  await store.ready({ timeoutMs: 60_000 })
  return store
}

async function write(
  store: Store<bigint, boolean>,
  kind: 'put' | 'put-unique' | 'put-many',
  writes: number,
): Promise<StoreFigures> {
  const cpu = process.cpuUsage()
  const start = process.hrtime.bigint()
  let won = 0
  // The next window is on its way while the one before is answered.
  let previous: Promise<unknown> = Promise.resolve()
  for (let key = 0; key < writes; key += WINDOW) {
    const keys = Array.from({ length: Math.min(WINDOW, writes - key) }, (_, index) => BigInt(key + index))
    const current = writeWindow(store, kind, keys).then((wins) => {
      won += wins
    })
    await previous
    previous = current
  }
  await previous
  const seconds = secondsSince(start)
  const used = process.cpuUsage(cpu)
  return {
    writesPerSecond: Math.round(writes / seconds),
    writes,
    ...(kind === 'put-unique' ? { won } : {}),
    cpuUsPerWrite: round((used.user + used.system) / writes),
    copied: await store.size(),
  }
}

/** Resolves with the number of keys that were new, where that is said. */
async function writeWindow(
  store: Store<bigint, boolean>,
  kind: 'put' | 'put-unique' | 'put-many',
  keys: readonly bigint[],
): Promise<number> {
  if (kind === 'put-many') await store.putMany(keys.map((key) => [key, true] as const))
  else if (kind === 'put') await Promise.all(keys.map((key) => store.put(key, true)))
  else
    return (await Promise.all(keys.map((key) => store.putUnique(key, true)))).filter((isNew) => isNew).length
  return 0
}

async function read(store: Store<bigint, boolean>, reads: number, entries: number): Promise<StoreFigures> {
  const start = process.hrtime.bigint()
  let found = 0
  for (let index = 0; index < reads; index += 1) {
    if ((await store.get(BigInt(index % entries))) === true) found += 1
  }
  return { readsPerSecond: Math.round(reads / secondsSince(start)), reads, found }
}

async function attach(entries: number): Promise<StoreFigures> {
  const info = await cluster.createStore('bench', TYPES)
  const start = process.hrtime.bigint()
  const store = await info.ready
  await store.ready({ timeoutMs: 60_000 })
  return { seconds: round(secondsSince(start)), copied: await store.size(), expected: entries }
}

async function probe(store: Store<bigint, boolean>): Promise<void> {
  const latenciesUs: number[] = []
  let isStopped = false
  process.once('message', () => {
    isStopped = true
  })
  report({ ready: 1 })
  for (let key = 0; !isStopped; key += 1) {
    const start = process.hrtime.bigint()
    await store.put(BigInt(key % 1000), true)
    latenciesUs.push(Number(process.hrtime.bigint() - start) / 1000)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
  report({ writes: latenciesUs.length, latencyUs: percentiles(latenciesUs) })
}

async function writeToBackend({
  backend,
  durability,
  writes,
}: Extract<StoreTask, { kind: 'backend' }>): Promise<StoreFigures> {
  const info = await cluster.createStore(`bench-${backend.slice(8)}`, {
    ...TYPES,
    persistent: true,
    backend,
    durability,
  })
  const store = await info.ready.catch((error: Error) => error)
  if (store instanceof Error) return { skipped: store.message }
  return write(store, 'put', writes)
}

function secondsSince(start: bigint): number {
  return Number(process.hrtime.bigint() - start) / 1e9
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

function report(figures: StoreFigures): void {
  process.send?.(figures)
}
