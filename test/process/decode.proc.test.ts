/** `decode` and `encode` as a user runs them: lines in, lines out, exit codes. */
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readJsonLines, vectorNames } from '../support/vectors.js'
import { endAll, ROOT, type Running, run, temporaryDirectory, write } from './support.js'

afterAll(endAll)

const cwd = temporaryDirectory()
const COMMAND = join(ROOT, 'zeek-cluster')

interface Recorded {
  readonly broker_binary_hex?: string
}

/** Runs a line of shell with `$ZC` as the command. */
const shell = (line: string): Promise<Running> =>
  run(['-c', line], { cwd, command: 'sh', env: { ZC: COMMAND } })

const messages = vectorNames('values')
  .flatMap((file) => readJsonLines<Recorded>(`values/${file}`))
  .flatMap((entry) => entry.broker_binary_hex ?? [])
write(cwd, 'messages.hex', `${messages.join('\n\n')}\n`)

test('every recorded message comes back through a pipe of both commands', async () => {
  const { exit, stdout, stderr } = await shell('$ZC decode < messages.hex | $ZC encode --hex')
  expect([exit, stderr]).toEqual([0, []])
  expect(stdout).toEqual(messages)
})

test('a bad line ends the command: what came before it is printed', async () => {
  for (const command of ['decode', 'encode']) {
    const good = command === 'decode' ? '0101' : '{"@data-type":"boolean","data":true}'
    const { exit, stdout, stderr } = await shell(
      `printf '%s\\n\\nx\\n%s\\n' '${good}' '${good}' | $ZC ${command}`,
    )
    expect([exit, stdout.length]).toEqual([2, 1])
    expect(stderr).toHaveLength(1)
    expect(stderr[0]).toMatch(/^zeek-cluster: error: line 3: not /)
  }
})

test('formats that there are not, and options that do not go together', async () => {
  const unknown = await shell('$ZC decode --format frob < messages.hex')
  expect([unknown.exit, unknown.stderr]).toEqual([
    2,
    ["zeek-cluster: error: unknown format 'frob': broker-bin, broker-json, broker-frame, zeek-log"],
  ])
  const frames = await shell('$ZC decode --format broker-frame --as-zeek < messages.hex')
  expect([frames.exit, frames.stderr]).toEqual([
    2,
    ['zeek-cluster: error: --as-zeek goes with broker-bin and broker-json only'],
  ])
})

test('what Zeek prints goes through as bytes', async () => {
  const { exit, stdout } = await shell(
    `printf '0502ff01\\n' | $ZC decode --as-zeek | $ZC decode --format broker-json | $ZC encode`,
  )
  expect([exit, stdout]).toEqual([0, ['0502ff01']])
})

test('a reader that goes away ends the command quietly, whatever is still to come', async () => {
  const { exit, stdout, stderr } = await shell('yes 0101 | $ZC decode | head -n 1')
  expect([exit, stdout, stderr]).toEqual([0, ['{"@data-type":"boolean","data":true}'], []])
})
