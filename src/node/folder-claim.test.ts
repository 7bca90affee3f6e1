import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { claimFolder } from './folder-claim.js'

let folder = ''

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'zeek-cluster-test-'))
})

afterEach(async () => {
  await rm(folder, { recursive: true })
})

describe.skipIf(process.platform !== 'linux')('a folder', () => {
  test('is taken and given back', async () => {
    const release = await claimFolder(join(folder, 'new'))
    expect(await readdir(join(folder, 'new'))).toEqual(['owner'])
    await release()
    expect(await readdir(join(folder, 'new'))).toEqual([])
  })

  test('of a process that lives is refused; of one that is gone, or of an earlier boot, is taken', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
    const { readFile } = await import('node:fs/promises')
    const stat = await readFile(`/proc/${other.pid}/stat`, 'utf8')
    const started = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
    await writeFile(join(folder, 'owner'), `${other.pid} ${started}`)
    await expect(claimFolder(folder)).rejects.toMatchObject({
      code: 'folder-in-use',
      message: `${folder} is in use by process ${other.pid}: does a node of this name run already?`,
    })
    await writeFile(join(folder, 'owner'), `${other.pid} 1`)
    await (await claimFolder(folder))()
    await writeFile(join(folder, 'owner'), `${other.pid} ${started}`)
    other.kill('SIGKILL')
    await new Promise((resolve) => other.once('exit', resolve))
    await claimFolder(folder)
  })
})
