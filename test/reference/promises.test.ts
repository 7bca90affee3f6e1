/** The promises of the pages on stores and logs: each names a test that exists. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { parseLayout } from '../../src/layout/index.js'
import { DIALECTS } from '../../src/options/dialect.js'
import { findOption, resolveOptions } from '../../src/options/registry.js'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

const page = readFileSync(join(ROOT, 'docs/stores.md'), 'utf8')
const logging = readFileSync(join(ROOT, 'docs/logging.md'), 'utf8')

function promisesOf(
  text: string,
): { readonly promise: string; readonly file: string; readonly title: string }[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\| (.+?) \|.* `(\S+\.test\.ts): (.+)` \|$/.exec(line)
    return match === null ? [] : [{ promise: match[1]!, file: match[2]!, title: match[3]! }]
  })
}

const promises = promisesOf(page)

describe('docs/stores.md', () => {
  test('makes promises', () => {
    expect(promises.length).toBeGreaterThan(20)
  })

  test('has a redef that a layout can have', () => {
    const [, sample] = /```zeek\n([\s\S]*?)```/.exec(page) ?? []
    const nodes =
      'redef Cluster::nodes = { ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp] };'
    const { layout, diagnostics } = parseLayout(nodes + sample, { file: 'x', dialect: DIALECTS['zeek-9.0'] })
    expect(diagnostics).toEqual([])
    const { options } = resolveOptions({ dialect: DIALECTS['zeek-9.0'], redefs: layout.redefs })
    expect(options.stores.get('known-hosts')).toMatchObject({
      masterNode: 'proxy-1',
      backend: 'Broker::SQLITE',
      options: { sqlite: { journalMode: 'WAL' } },
    })
  })

  test.each(promises)('$promise: its test exists', ({ file, title }) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title)
  })
})

describe('docs/logging.md', () => {
  const ofLogs = promisesOf(logging)

  test('makes promises', () => {
    expect(ofLogs).toHaveLength(10)
  })

  test('names options that there are', () => {
    const names = [...logging.matchAll(/`((?:Log|LogAscii|ZeekCluster)::[a-z_0-9]+|log_rotate_base_time)`/g)]
    expect(names.length).toBeGreaterThan(10)
    for (const [, name] of names) expect(findOption(name!), name).toBeDefined()
  })

  test.each(ofLogs)('$promise: its test exists', ({ file, title }) => {
    expect(readFileSync(join(ROOT, file), 'utf8')).toContain(title)
  })
})
