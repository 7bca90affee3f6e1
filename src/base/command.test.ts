import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { systemRunCommand } from './command.js'

test('a command line gets further arguments as they are, and its exit code is known', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-test-'))
  const file = join(directory, 'arguments')
  const odd = 'a b; $(touch x) "quoted"'
  expect(await systemRunCommand(`printf '%s|' >${file}`, [odd, '1'])).toBe(0)
  expect(await readFile(file, 'utf8')).toBe(`${odd}|1|`)
  expect(await systemRunCommand('exit 3;', [])).toBe(3)
  expect(await systemRunCommand('no-such-command-here 2>/dev/null', [])).toBe(127)
  expect(await systemRunCommand('kill -9 $$;', [])).toBe(128)
  await rm(directory, { recursive: true })
})
