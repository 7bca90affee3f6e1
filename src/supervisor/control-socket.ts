/**
 * The door to a running cluster: a Unix socket in the state directory, readable by its owner only. One JSON object
 * a line each way; a request is answered within two seconds.
 */
import { chmod, rm } from 'node:fs/promises'
import { createConnection, createServer, type Server, type Socket } from 'node:net'
import { join, relative } from 'node:path'
import { ClusterError, errorCode, errorMessage } from '../base/errors.js'
import type { ControlRequest, ControlResponse } from './messages.js'

const DEADLINE_MS = 2000
const REQUEST_LIMIT_BYTES = 64 * 1024
/** Most systems limit the path of a Unix socket to about this. */
const PATH_LIMIT_BYTES = 100

/** Where the socket of a state directory is; the shorter of the absolute and the relative path. */
export function controlSocketPath(stateDir: string): string {
  const absolute = join(stateDir, 'control.sock')
  const fromHere = relative(process.cwd(), absolute)
  const path = Buffer.byteLength(absolute) <= PATH_LIMIT_BYTES ? absolute : fromHere
  if (Buffer.byteLength(path) > PATH_LIMIT_BYTES) {
    throw new ClusterError(
      'path-too-long',
      `the path of the state directory is too long for a socket: ${stateDir}`,
      {
        stateDir,
      },
    )
  }
  return path
}

/** Answers requests. Rejects with code `already-running` when another supervisor answers at the socket. */
export async function listenControl(
  stateDir: string,
  answer: (request: ControlRequest) => Promise<ControlResponse>,
): Promise<Server> {
  const path = controlSocketPath(stateDir)
  if (await isAnswered(stateDir)) {
    throw new ClusterError('already-running', `a cluster runs already in ${stateDir}`, { stateDir })
  }
  await rm(path, { force: true })
  const server = createServer((socket) => serve(socket, answer))
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  await chmod(path, 0o600)
  return server
}

async function isAnswered(stateDir: string): Promise<boolean> {
  try {
    await requestControl(stateDir, { command: 'status' })
    return true
  } catch (error) {
    if (errorCode(error) === 'not-running') return false
    throw error
  }
}

/** Removes the socket of a supervisor that died without doing so; one that answers stays. */
export async function removeStaleSocket(stateDir: string): Promise<void> {
  if (!(await isAnswered(stateDir))) await rm(controlSocketPath(stateDir), { force: true })
}

function serve(socket: Socket, answer: (request: ControlRequest) => Promise<ControlResponse>): void {
  let text = ''
  socket.setTimeout(DEADLINE_MS, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
    if (text.length > REQUEST_LIMIT_BYTES) return socket.destroy()
    const end = text.indexOf('\n')
    if (end < 0) return
    const line = text.slice(0, end)
    text = ''
    respond(line, answer)
      .then((response) => socket.end(`${JSON.stringify(response)}\n`))
      .catch(() => socket.destroy())
  })
}

async function respond(
  line: string,
  answer: (request: ControlRequest) => Promise<ControlResponse>,
): Promise<ControlResponse> {
  try {
    const request = JSON.parse(line) as Partial<ControlRequest>
    if (request.command !== 'status' && request.command !== 'down') {
      return { ok: false, error: 'unknown command' }
    }
    return await answer({ command: request.command })
  } catch (error) {
    return { ok: false, error: errorMessage(error) }
  }
}

/**
 * Asks a running supervisor. Rejects with a `ClusterError`: `not-running` when nobody listens, `no-answer` when
 * the answer takes too long.
 */
export function requestControl(stateDir: string, request: ControlRequest): Promise<ControlResponse> {
  return new Promise((resolve, reject) => {
    let text = ''
    const socket = createConnection(controlSocketPath(stateDir))
    socket.setTimeout(DEADLINE_MS, () => {
      socket.destroy()
      reject(new ClusterError('no-answer', `the cluster in ${stateDir} does not answer`, { stateDir }))
    })
    socket.setEncoding('utf8')
    socket.once('connect', () => socket.write(`${JSON.stringify(request)}\n`))
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.once('error', (error) => {
      const code = errorCode(error)
      const isAbsent = code === 'ENOENT' || code === 'ECONNREFUSED' || code === 'ENOTSOCK'
      const message = isAbsent ? `no cluster runs in ${stateDir}` : errorMessage(error)
      reject(new ClusterError(isAbsent ? 'not-running' : 'control-failed', message, { stateDir }, error))
    })
    socket.once('close', () => {
      const line = text.trim()
      if (line === '')
        reject(new ClusterError('no-answer', `the cluster in ${stateDir} does not answer`, { stateDir }))
      else resolve(JSON.parse(line) as ControlResponse)
    })
  })
}
