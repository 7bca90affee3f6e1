/** `npm run fuzz -- NAME|all --for SECONDS [--seed N] [--keep] [--json]`: looks for input that a decoder cannot take. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { keepInputs, keptInputs, writeFinding } from './corpus.ts'
import { Coverage } from './coverage.ts'
import { dictionaryOf } from './dictionary.ts'
import { Guard } from './guard.ts'
import { fuzz, smallestCover } from './harness.ts'
import { ROOT } from './seeds.ts'
import { type Target, toHex } from './target.ts'

const DEFAULT_SECONDS = 10

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    list: { type: 'boolean', default: false },
    for: { type: 'string', default: String(DEFAULT_SECONDS) },
    seed: { type: 'string', default: String(Date.now() & 0xffffff) },
    keep: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    input: { type: 'string' },
  },
})

const coverage = new Coverage()
coverage.start()
// Loaded now, so that its blocks are counted.
const { TARGETS } = await import('./targets.ts')

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}

function fuzzOne(target: Target, seconds: number): boolean {
  const started = performance.now()
  const kept = keptInputs(target.name)
  const { runs, blocks, corpus, fault } = fuzz(target, coverage, {
    seed: Number(options.seed),
    dictionary: dictionaryOf(ROOT, target.sources),
    kept,
    goOn: () => performance.now() - started < seconds * 1000,
  })
  const elapsedSeconds = (performance.now() - started) / 1000
  const figures = {
    target: target.name,
    seed: Number(options.seed),
    runs,
    runsPerSecond: Math.round(runs / elapsedSeconds),
    corpus: corpus.length,
    blocks,
  }
  const finding =
    fault === undefined
      ? undefined
      : {
          kind: fault.kind,
          message: fault.message,
          hex: toHex(fault.input),
          file: writeFinding(target.name, fault.input),
        }
  if (options.json) print(JSON.stringify({ ...figures, finding }))
  else {
    const { runsPerSecond, seed } = figures
    print(
      `${target.name}: ${runs} runs, ${runsPerSecond}/s, corpus ${corpus.length}, blocks ${blocks}, seed ${seed}`,
    )
    if (finding !== undefined)
      print(`FOUND ${finding.kind} ${finding.hex}\n${finding.message}\nin ${finding.file}`)
  }
  if (options.keep && fault === undefined) keepInputs(target.name, smallestCover(target, coverage, corpus))
  return fault === undefined
}

/** Runs one input, from a file that an earlier run wrote. */
function repeat(target: Target, file: string): boolean {
  const fault = new Guard().run((input) => target.run(input), [new Uint8Array(readFileSync(file))])
  print(
    fault === undefined ? `${target.name}: nothing wrong with ${file}` : `${fault.kind}\n${fault.message}`,
  )
  return fault === undefined
}

const [name] = positionals
const chosen = TARGETS.filter((target) => name === 'all' || target.name === name)
const seconds = Number(options.for)
if (options.list) {
  for (const target of TARGETS) print(`${target.name.padEnd(20)} ${target.what}`)
} else if (chosen.length === 0 || !(seconds > 0)) {
  process.stderr.write(
    'usage: npm run fuzz -- NAME|all [--for SECONDS] [--seed N] [--keep] [--json]\n' +
      '       npm run fuzz -- NAME --input FILE\n       npm run fuzz -- --list\n',
  )
  process.exitCode = 2
} else {
  const { input } = options
  const results = chosen.map((target) =>
    input === undefined ? fuzzOne(target, seconds / chosen.length) : repeat(target, input),
  )
  if (results.includes(false)) process.exitCode = 1
}
coverage.stop()
