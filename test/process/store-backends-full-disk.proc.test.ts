/** Commits on a disk that is full: a small one in memory, which only the superuser can make. */
import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { openBackend } from '../../src/store/backends/open-backend.js'
import { seededRandom } from '../../src/testing/seeded-random.js'
import { codeOf, loadAll, putOf, textsOf } from '../support/store-backends.js'
import { fillDisk, hasMount, mountDisk, mountReason, unmountAll } from './small-disk.js'
import { STORE_KINDS } from './store-backend-support.js'
import { endAll, temporaryDirectory } from './support.js'

afterEach(async () => {
  unmountAll()
  await endAll()
})

describe.skipIf(!hasMount)(`a full disk${mountReason}`, () => {
  test.for(STORE_KINDS)(
    '$name: commits fail whole until there is room',
    async ({ make, isThere }, { skip }) => {
      skip(!isThere)
      const disk = temporaryDirectory()
      expect(mountDisk(disk)).toBe(true)
      const spec = make(join(disk, 'stores'))
      mkdirSync(spec.folder)
      const filler = join(disk, 'filler')
      // Nothing that could be compressed.
      const value = Buffer.from(seededRandom(1).fill(new Uint8Array(1000))).toString('base64')
      const batch = (name: string) =>
        Array.from({ length: 100 }, (__, index) => putOf(`${name} ${index}`, value))
      const kept: string[] = []
      let backend = await openBackend(spec)
      /** The code of the error, if there is one. */
      const commit = async (name: string): Promise<unknown> => {
        const code = await codeOf(backend.commit([putOf('last', name), ...batch(name)]))
        if (code === 'no error') kept.push(name)
        return code
      }
      expect(await commit('first')).toBe('no error')
      for (let time = 0; time < 2; time += 1) {
        for (const attempt of ['once', 'again']) {
          // What they took beforehand, or free when they are opened again, may be enough for a few.
          let code: unknown = 'no error'
          for (let count = 0; code === 'no error'; count += 1) {
            fillDisk(filler)
            code = await commit(`${attempt} ${time} ${count}`)
          }
          expect(code).toBe('disk-full')
        }
        rmSync(filler)
        expect(await commit(`room ${time}`)).toBe('no error')
        await backend.close()
        backend = await openBackend(spec)
        const expected = kept.flatMap((name) =>
          Array.from({ length: 100 }, (__, index) => `${name} ${index}=${value}`),
        )
        expect(textsOf(await loadAll(backend))).toEqual([...expected, `last=room ${time}`].sort())
      }
      await backend.close()
    },
  )

  test.for(STORE_KINDS)('$name: a new store is not made', async ({ make, isThere }, { skip }) => {
    skip(!isThere)
    const disk = temporaryDirectory()
    expect(mountDisk(disk)).toBe(true)
    const spec = make(disk)
    fillDisk(join(disk, 'filler'))
    expect(await codeOf(openBackend(spec))).toBe('disk-full')
    rmSync(join(disk, 'filler'))
    const backend = await openBackend(spec)
    await backend.commit([putOf('a', '1')])
    await backend.close()
  })
})
