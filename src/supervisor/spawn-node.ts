/** Starts node processes for real: `zeek-cluster node NAME` in its own process group, with a channel for messages. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { NodeMessage } from './messages.js'
import type { ChildHandle, SpawnNode } from './node-process.js'

export interface SpawnSettings {
  /** Arguments of the node binary that run the command line. */
  readonly command: readonly string[]
  /** Arguments behind `node NAME`. */
  readonly nodeArguments: (name: string) => readonly string[]
  readonly environment: NodeJS.ProcessEnv
  /** A line that a node printed. */
  readonly onOutput: (name: string, line: string) => void
}

export function spawnNodeWith(settings: SpawnSettings): SpawnNode {
  return (name, events) => {
    const child = spawn(
      process.execPath,
      [...settings.command, 'node', name, ...settings.nodeArguments(name)],
      {
        // Own group: Ctrl-C in the terminal reaches the supervisor alone, which stops the nodes in order.
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: { ...settings.environment, CLUSTER_NODE: name },
      },
    )
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null)
        createInterface({ input: stream }).on('line', (line) => settings.onOutput(name, line))
    }
    child.on('message', (message) => events.onMessage(message as NodeMessage))
    let ended = false
    const end = (code: number | null, signal: string | null): void => {
      if (!ended) events.onExit(code ?? undefined, signal ?? undefined)
      ended = true
    }
    child.on('error', (error) => {
      settings.onOutput(name, `cannot start: ${error.message}`)
      // A process that never was may end without an `exit`.
      if (child.pid === undefined) end(1, null)
    })
    child.once('exit', end)
    return handleOf(child)
  }
}

function handleOf(child: ChildProcess): ChildHandle {
  return {
    pid: child.pid,
    send(message) {
      if (child.connected) child.send(message, () => {})
    },
    signal(signal) {
      child.kill(signal)
    },
  }
}
