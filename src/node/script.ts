/** User scripts: what they are, and where in them an error comes from. */
import { resolve } from 'node:path'
import type { Cluster } from '../cluster/cluster.js'

/** A user script: called with the cluster once the node is set up, before it connects. */
export type Script = (cluster: Cluster) => void | Promise<void>

export interface NamedScript {
  /** For messages: the file. */
  readonly name: string
  readonly run: Script
}

/** `file:line` of the first place in the error's stack that lies in `path`, or undefined. */
export function locateError(error: unknown, path: string): string | undefined {
  const stack = error instanceof Error ? (error.stack ?? '') : ''
  for (const line of stack.split('\n')) {
    const start = line.indexOf(path)
    if (start < 0) continue
    const match = /^:(\d+)/.exec(line.slice(start + path.length))
    if (match !== null) return `${path}:${match[1]}`
  }
  return undefined
}

/** `file:line` of the first place in a user's script, among those loaded; undefined when none is in the stack. */
export function locateInScripts(error: unknown, scripts: readonly NamedScript[]): string | undefined {
  for (const script of scripts) {
    const place = locateError(error, resolve(script.name))
    if (place !== undefined) return place
  }
  return undefined
}
