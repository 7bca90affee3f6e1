/** `npm run bench -- NAME… [--json] [--quick]`: measures and prints the figures. */
import { benchCodec } from './codec.ts'
import { benchLatency, benchLink } from './link.ts'
import { benchLog } from './log.ts'
import { benchMemory } from './memory.ts'
import { benchRelay } from './relay.ts'
import { benchStore } from './store.ts'

interface Bench {
  readonly what: string
  readonly run: (options: BenchOptions) => Promise<Record<string, unknown>>
}

export interface BenchOptions {
  /** A short run that only shows that the benchmark works. */
  readonly quick: boolean
}

const BENCHES: Readonly<Record<string, Bench>> = {
  link: { what: 'events between two nodes over loopback, plain and with TLS', run: benchLink },
  latency: { what: 'one-way latency between two nodes over loopback', run: benchLatency },
  codec: { what: 'encoding and decoding events, in one thread', run: benchCodec },
  relay: { what: 'events that an endpoint passes on from one peer to another', run: benchRelay },
  log: { what: 'log records from workers to a logger and to disk', run: benchLog },
  store: { what: 'data stores: writes, reads, snapshots, backends', run: benchStore },
  memory: { what: 'an idle node, and an endpoint with 200 idle peers', run: benchMemory },
}

const args = process.argv.slice(2)
const names = args.filter((arg) => !arg.startsWith('--'))
if (names.length === 0 || names.some((name) => BENCHES[name] === undefined)) {
  const known = Object.entries(BENCHES).map(([key, { what }]) => `  ${key.padEnd(10)} ${what}`)
  process.stderr.write(`usage: npm run bench -- NAME… [--json] [--quick]\n${known.join('\n')}\n`)
  process.exit(2)
}
const options = { quick: args.includes('--quick') }
const figures: Record<string, Record<string, unknown>> = {}
for (const name of names) figures[name] = await BENCHES[name]!.run(options)
const [only] = names
const result =
  names.length === 1
    ? { bench: only, node: process.version, ...figures[only!] }
    : { node: process.version, ...figures }
process.stdout.write(
  `${args.includes('--json') ? JSON.stringify(result) : JSON.stringify(result, undefined, 2)}\n`,
)
process.exit()
