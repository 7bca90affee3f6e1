/** How a cluster ends: by signals, by Ctrl-C in a terminal, and when its parent process is killed. */
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  alive,
  endAll,
  environment,
  layoutOf,
  logFiles,
  logRecords,
  ROOT,
  type Running,
  start,
  startUp,
  statusOf,
  temporaryDirectory,
  until,
  write,
} from './support.js'

afterEach(endAll)

/** Writes and prints without end: output that nobody reads must not harm. */
const CHATTERBOX = `import { type Cluster, count } from 'zeek-cluster'

export default (cluster: Cluster): void => {
  const stream = cluster.logs.createStream('Chatter::LOG', { columns: { n: count } })
  setInterval(() => {
    if (cluster.localNodeType() !== 'LOGGER') stream.write({ n: 1n })
    console.log('still here')
  }, 20)
}
`

const NODES = ['manager', 'logger-1', 'proxy-1', 'worker-1', 'worker-2'] as const

async function prepare(): Promise<{ directory: string; layout: string; socket: string }> {
  const directory = temporaryDirectory()
  const { text } = await layoutOf(...NODES)
  const layout = write(directory, 'cluster-layout.zeek', text)
  return { directory, layout, socket: join(directory, '.zeek-cluster/control.sock') }
}

function expectNothingLeft(up: Running, socket: string): void {
  expect(alive(up.nodePids)).toEqual([])
  expect(existsSync(socket)).toBe(false)
}

describe('signals', () => {
  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s: workers, proxies, manager, loggers end in order',
    async (signal) => {
      const { directory, layout, socket } = await prepare()
      const up = await startUp([layout], { cwd: directory })
      expect(await up.end(signal)).toBe(0)
      const ends = up.stdout.flatMap((line) => /^(\S+): stopped$/.exec(line)?.[1] ?? [])
      expect(ends.slice(0, 2).sort()).toEqual(['worker-1', 'worker-2'])
      expect(ends.slice(2)).toEqual(['proxy-1', 'manager', 'logger-1'])
      expect(up.stderr).toEqual([])
      expectNothingLeft(up, socket)
      // Whoever left last still wrote down that the others did.
      const farewells = logRecords(directory, 'cluster').filter(({ node }) => node === 'logger-1')
      expect(farewells.map(({ message }) => message)).toContain('node down: manager')
      for (const { text } of logFiles(directory, 'cluster')) expect(text).toMatch(/\n#close\t[-0-9]+\n$/)
    },
  )

  test('a signal while the cluster starts ends it at once', async () => {
    const { directory, layout, socket } = await prepare()
    const up = start(['up', layout], { cwd: directory })
    await up.line(/^logger-1: starting/)
    const startedMs = performance.now()
    // It was asked to come up, and did not.
    expect(await up.end('SIGTERM')).toBe(1)
    expect(performance.now() - startedMs).toBeLessThan(2000)
    expect(up.text).toContain('the cluster was never up')
    expect(up.text).not.toContain('worker-1: starting')
    expectNothingLeft(up, socket)
  })

  test('a script that never rests does not keep its node alive', async () => {
    const { directory, layout } = await prepare()
    const script = write(directory, 'chatterbox.ts', CHATTERBOX)
    const up = await startUp([layout, '--script', script], { cwd: directory })
    const startedMs = performance.now()
    expect(await up.end('SIGTERM')).toBe(0)
    expect(performance.now() - startedMs).toBeLessThan(5000)
  })

  test('output that nobody reads any more ends the cluster in order', async () => {
    const { directory, layout, socket } = await prepare()
    const up = await startUp([layout], { cwd: directory })
    up.process.stdout!.destroy()
    // The next line that `up` prints finds nobody.
    process.kill((await statusOf(directory)).get('worker-1')!.pid!, 'SIGKILL')
    expect(await up.end()).toBe(0)
    expect(up.stderr).toEqual([])
    expectNothingLeft(up, socket)
    for (const { text } of logFiles(directory, 'cluster')) expect(text).toMatch(/\n#close\t[-0-9]+\n$/)
  })
})

describe('kill -9 of the parent', () => {
  test('ends every node within seconds, logs closed; the next cluster keeps the old logs', {
    timeout: 60_000,
  }, async () => {
    const { directory, layout, socket } = await prepare()
    const script = write(directory, 'chatterbox.ts', CHATTERBOX)
    const up = await startUp([layout, '--script', script], { cwd: directory })
    await until(() => logFiles(directory, 'chatter').length > 0, 'records on disk')
    await up.end('SIGKILL')
    await until(() => alive(up.nodePids).length === 0, 'the end of all nodes', 5000)
    expect(existsSync(socket)).toBe(false)
    for (const name of ['cluster', 'chatter']) {
      for (const { text } of logFiles(directory, name)) expect(text, name).toMatch(/\n#close\t[-0-9]+\n$/)
    }
    const before = logFiles(directory, 'chatter').map(({ text }) => text)

    const again = await startUp([layout], { cwd: directory })
    expect(await again.end('SIGTERM')).toBe(0)
    // What the nodes could not send any more is in files of its own.
    const after = logFiles(directory, 'chatter').map(({ text }) => text)
    expect(after).toEqual(expect.arrayContaining(before))
  })

  test('while nodes start: they end too', async () => {
    const { directory, layout, socket } = await prepare()
    const up = start(['up', layout], { cwd: directory })
    await up.line(/^worker-2: starting/)
    await up.end('SIGKILL')
    expect(up.nodePids).toHaveLength(NODES.length)
    await until(() => alive(up.nodePids).length === 0, 'the end of all nodes', 8000)
    expect(existsSync(socket)).toBe(false)
  })

  test('a cluster that is started at once waits for the old one to leave', { timeout: 60_000 }, async () => {
    const { directory, layout } = await prepare()
    const up = await startUp([layout], { cwd: directory })
    await up.end('SIGKILL')
    const again = await startUp([layout], { cwd: directory })
    expect(again.text).not.toContain('failed')
    expect(await again.end('SIGTERM')).toBe(0)
    expect(alive(up.nodePids)).toEqual([])
  })
})

const hasTmux = canRun('tmux')

describe.skipIf(!hasTmux)(`in a terminal${hasTmux ? '' : ' (skipped: no tmux)'}`, () => {
  const sockets: string[] = []
  afterEach(() => {
    for (const path of sockets.splice(0)) {
      try {
        execFileSync('tmux', ['-S', path, 'kill-server'], { stdio: 'ignore' })
      } catch {
        // It has ended.
      }
    }
  })

  test('a live table is drawn over itself, and Ctrl-C ends all', async () => {
    const { directory, layout, socket } = await prepare()
    const path = join(directory, 'tmux')
    sockets.push(path)
    const tmux = (...args: string[]): string =>
      execFileSync('tmux', ['-S', path, ...args], { encoding: 'utf8', env: environment() })
    const screen = (): string => tmux('capture-pane', '-p', '-S', '-')
    const command = `cd ${directory}; ${join(ROOT, 'zeek-cluster')} up ${layout}; echo "exit code $?"; sleep 60`
    tmux('new-session', '-d', '-x', '110', '-y', '30', command)
    await until(() => /cluster is up: 5 nodes/.test(screen()), screen)
    await until(() => NODES.every((name) => new RegExp(`^${name} .* up `, 'm').test(screen())), screen)
    expect(screen()).toMatch(/^NODE +TYPE +PID +ADDRESS +STATE +PEERS +EV\/S IN +EV\/S OUT +LOG\/S +RSS$/m)
    // Each view replaces the one before.
    expect(screen().match(/^NODE /gm)).toHaveLength(1)
    expect(screen()).toContain('Ctrl-C stops the cluster')
    const pids = [...(await statusOf(directory)).values()].map((node) => node.pid!)
    expect(alive(pids)).toHaveLength(NODES.length)

    tmux('send-keys', 'C-c')
    await until(() => screen().includes('exit code 0'), screen)
    expect(screen()).toContain('stopped; logs are in .zeek-cluster/logs')
    expect(alive(pids)).toEqual([])
    expect(existsSync(socket)).toBe(false)
  })

  test('a terminal that is closed ends all', async () => {
    const { directory, layout, socket } = await prepare()
    const path = join(directory, 'tmux')
    sockets.push(path)
    const command = `cd ${directory} && exec ${join(ROOT, 'zeek-cluster')} up ${layout}`
    execFileSync('tmux', ['-S', path, 'new-session', '-d', command], { env: environment() })
    const nodes = await until(async () => {
      const all = await statusOf(directory).catch(() => undefined)
      return all !== undefined && [...all.values()].every((node) => node.state === 'up') ? all : undefined
    }, 'the cluster up')
    execFileSync('tmux', ['-S', path, 'kill-server'])
    const pids = [...nodes.values()].map((node) => node.pid!)
    await until(() => alive(pids).length === 0 && !existsSync(socket), 'the end of all nodes')
    for (const { text } of logFiles(directory, 'cluster')) expect(text).toMatch(/\n#close\t[-0-9]+\n$/)
  })
})

function canRun(command: string): boolean {
  try {
    execFileSync(command, ['-V'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
