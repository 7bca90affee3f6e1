/** `zeek-cluster status` and `zeek-cluster down`: a word with the cluster that runs in a state directory. */
import { resolve } from 'node:path'
import { errorCode } from '../../base/errors.js'
import { requestControl } from '../../supervisor/control-socket.js'
import type { ControlRequest, ControlResponse, NodeStatus } from '../../supervisor/messages.js'
import { nodeTable } from '../live-view.js'
import { CommandError, fail, print } from '../output.js'

interface StatusFlags {
  readonly stateDir: string
  readonly json?: boolean
}

const DOWN_TIMEOUT_MS = 60_000
const POLL_MS = 50

/** The nodes of the running cluster. Throws a `CommandError` with exit code 1 when none runs. */
export async function runningNodes(stateDir: string): Promise<readonly NodeStatus[]> {
  const response = await ask(stateDir, { command: 'status' })
  return 'nodes' in response ? response.nodes : []
}

export async function runStatus(flags: StatusFlags): Promise<void> {
  const nodes = await runningNodes(resolve(flags.stateDir))
  if (flags.json === true) return print(JSON.stringify({ nodes }))
  for (const line of nodeTable(nodes)) print(line)
  for (const node of nodes) {
    if (node.detail !== '' && node.state !== 'up') print(`${node.name}: ${node.detail}`)
  }
}

/** Stops the cluster and waits until it is gone. */
export async function runDown(flags: StatusFlags): Promise<void> {
  const stateDir = resolve(flags.stateDir)
  await ask(stateDir, { command: 'down' })
  const deadline = Date.now() + DOWN_TIMEOUT_MS
  for (;;) {
    try {
      await requestControl(stateDir, { command: 'status' })
    } catch (error) {
      if (errorCode(error) === 'not-running') break
    }
    if (Date.now() > deadline) throw new CommandError(1, `the cluster in ${flags.stateDir} is still stopping`)
    await new Promise((wake) => setTimeout(wake, POLL_MS))
  }
  print(flags.json === true ? JSON.stringify({ ok: true }) : 'stopped')
}

export async function ask(
  stateDir: string,
  request: ControlRequest,
): Promise<ControlResponse & { readonly ok: true }> {
  const response = await requestControl(stateDir, request).catch((error: unknown) => {
    throw fail(1, error)
  })
  if (!response.ok) throw new CommandError(1, response.error)
  return response
}
