/** `npm run bench -- NAME [--json] [--quick]`: measures one thing and prints the figures. */
import { benchLink } from './link.ts'

interface Bench {
  readonly what: string
  readonly run: (options: BenchOptions) => Promise<Record<string, unknown>>
}

export interface BenchOptions {
  /** A short run that only shows that the benchmark works. */
  readonly quick: boolean
}

const BENCHES: Readonly<Record<string, Bench>> = {
  link: { what: 'events between two nodes over loopback: throughput and latency', run: benchLink },
}

const args = process.argv.slice(2)
const name = args.find((arg) => !arg.startsWith('--'))
const bench = name === undefined ? undefined : BENCHES[name]
if (bench === undefined) {
  const names = Object.entries(BENCHES).map(([key, { what }]) => `  ${key.padEnd(10)} ${what}`)
  process.stderr.write(`usage: npm run bench -- NAME [--json] [--quick]\n${names.join('\n')}\n`)
  process.exit(2)
}
const figures = await bench.run({ quick: args.includes('--quick') })
const result = { bench: name, node: process.version, ...figures }
process.stdout.write(
  `${args.includes('--json') ? JSON.stringify(result) : JSON.stringify(result, undefined, 2)}\n`,
)
