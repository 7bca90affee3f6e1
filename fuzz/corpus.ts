/** Inputs on disk: those that are kept for the next run, and those that showed a fault. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { ROOT } from './seeds.ts'

const KEPT_MAX = 60
const CORPUS = join(ROOT, 'fuzz/corpus')
const FINDINGS = join(ROOT, 'fuzz/findings')

function hashOf(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 12)
}

/** The inputs kept for a target. */
export function keptInputs(target: string): Uint8Array[] {
  const folder = join(CORPUS, target)
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .sort()
    .map((name) => new Uint8Array(readFileSync(join(folder, name))))
}

/** Replaces what is kept for a target. */
export function keepInputs(target: string, inputs: readonly Uint8Array[]): void {
  const folder = join(CORPUS, target)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  for (const input of inputs.slice(0, KEPT_MAX)) writeFileSync(join(folder, hashOf(input)), input)
}

/** Writes the input of a fault; returns where it is. */
export function writeFinding(target: string, input: Uint8Array): string {
  mkdirSync(FINDINGS, { recursive: true })
  const path = join(FINDINGS, `${target}-${hashOf(input)}.bin`)
  writeFileSync(path, input)
  return relative(ROOT, path)
}
