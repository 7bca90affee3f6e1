import { afterEach, expect, test } from 'vitest'
import { spawnNodeWith } from './spawn-node.js'

const { execPath } = process

afterEach(() => {
  process.execPath = execPath
})

test('a process that cannot be started has ended, and why is said', async () => {
  process.execPath = '/nowhere/node'
  const output: string[] = []
  const spawn = spawnNodeWith({
    command: [],
    nodeArguments: () => [],
    environment: {},
    onOutput: (name, line) => output.push(`${name}: ${line}`),
  })
  const ended = await new Promise((resolve) => {
    spawn('worker-1', { onMessage: () => {}, onExit: (code, signal) => resolve([code, signal]) })
  })
  expect(ended).toEqual([1, undefined])
  expect(output).toEqual(['worker-1: cannot start: spawn /nowhere/node ENOENT'])
})
