import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { MemoryDisk } from '../testing/memory-disk.js'
import { type Disk, systemDisk } from './disk.js'

let directory = ''

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'zeek-cluster-disk-'))
})

afterEach(async () => {
  await rm(directory, { recursive: true })
})

const disks: [string, () => Disk][] = [
  ['the disk of the system', () => systemDisk],
  ['a disk in memory', () => new MemoryDisk()],
]

describe.each(disks)('%s', (_name, open) => {
  test('keeps what is appended, lists and moves files', async () => {
    const disk = open()
    const logs = join(directory, 'a', 'b')
    await disk.makeDirectory(logs)
    await disk.makeDirectory(logs)
    for (const name of ['z.log', 'a.log']) {
      const file = await disk.create(join(logs, name))
      await file.append(Buffer.from(`${name} one `))
      await file.append(new Uint8Array(0))
      await file.append(Buffer.from('two'))
      await file.close()
    }
    expect(await disk.list(logs)).toEqual(['a.log', 'z.log'])
    expect(Buffer.from(await disk.read(join(logs, 'z.log'))).toString()).toBe('z.log one two')
    expect(await disk.rename(join(logs, 'a.log'), join(logs, 'm.log'))).toBe(true)
    expect(await disk.rename(join(logs, 'a.log'), join(logs, 'n.log'))).toBe(false)
    expect(await disk.list(logs)).toEqual(['m.log', 'z.log'])
    const again = await disk.create(join(logs, 'z.log'))
    await again.close()
    expect((await disk.read(join(logs, 'z.log'))).length).toBe(0)
  })

  test('a file is made before the call returns, cut, and added to later', async () => {
    const disk = open()
    const path = join(directory, 'new', 'folder', 'segment')
    const file = disk.createNow(path)
    file.appendNow(Buffer.from('0123456789'))
    expect((await disk.info(path))?.sizeBytes).toBe(10)
    await file.cut(4)
    await file.append(Buffer.from('abc'))
    await file.sync()
    await file.close()
    const again = await disk.append(path)
    await again.append(Buffer.from('!'))
    await again.close()
    expect(Buffer.from(await disk.read(path)).toString()).toBe('0123abc!')
    expect(Buffer.from(await disk.readPart(path, 3, 3)).toString()).toBe('3ab')
    expect(Buffer.from(await disk.readPart(path, 6, 100)).toString()).toBe('c!')
    disk.createNow(`${path}-2`)
    disk.removeNow(`${path}-2`)
    disk.removeNow(`${path}-2`)
    expect(await disk.list(join(directory, 'new', 'folder'))).toEqual(['segment'])
    await disk.remove(join(directory, 'new'))
    await disk.remove(join(directory, 'new'))
    expect(await disk.info(path)).toBeUndefined()
  })

  test('a file of fixed size is made with its content, and overwritten in place', async () => {
    const disk = open()
    const path = join(directory, 'new', 'fixed')
    const file = disk.createFixedNow(path, Buffer.from('0123456789'))
    const text = async (): Promise<string> => Buffer.from(await disk.read(path)).toString()
    expect(await text()).toBe('0123456789')
    file.overwriteNow(3, Buffer.from('abc'))
    file.overwriteNow(8, Buffer.from('yz'))
    file.overwriteNow(0, new Uint8Array(0))
    expect(await text()).toBe('012abc67yz')
    await file.close()
    const again = disk.createFixedNow(path, Buffer.from('xy'))
    again.overwriteNow(1, Buffer.from('z'))
    await again.close()
    expect(await text()).toBe('xz')
    expect((await disk.info(path))?.sizeBytes).toBe(2)
  })

  test('a directory that does not exist is empty; a file that does not exist is an error', async () => {
    const disk = open()
    expect(await disk.list(join(directory, 'nothing'))).toEqual([])
    await expect(disk.read(join(directory, 'nothing'))).rejects.toThrow()
  })
})

test('other failures of the system are not hidden', async () => {
  const file = join(directory, 'file')
  await writeFile(file, 'x')
  await expect(systemDisk.list(file)).rejects.toMatchObject({ code: 'ENOTDIR' })
  await expect(systemDisk.rename(file, join(file, 'below'))).rejects.toMatchObject({ code: 'ENOTDIR' })
})

test('a full disk in memory still takes what is overwritten', async () => {
  const disk = new MemoryDisk()
  const file = disk.createFixedNow('/fixed', Buffer.from('0123'))
  disk.limitBytes = 4
  expect(() => disk.createFixedNow('/other', Buffer.from('0123'))).toThrow(
    expect.objectContaining({ code: 'ENOSPC' }),
  )
  file.overwriteNow(0, Buffer.from('abcd'))
  expect(disk.text('/fixed')).toBe('abcd')
  expect(disk.usedBytes).toBe(4)
  expect(() => file.overwriteNow(2, Buffer.from('too'))).toThrow(expect.objectContaining({ code: 'EINVAL' }))
})
