import { describe, expect, test } from 'vitest'
import { parseLayout } from '../layout/index.js'
import { DIALECTS } from '../options/dialect.js'
import { Membership } from './membership.js'

const { layout } = parseLayout(
  `redef Cluster::nodes = {
  ["manager"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
  ["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
  ["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="manager"],
};`,
  { file: 'layout', dialect: DIALECTS.reference },
)

/** Changes as readable lines. */
function lines(changes: ReturnType<Membership['hello']>): string[] {
  return changes.map(({ kind, node }) => `${kind} ${node.name} ${node.id}`)
}

describe('membership', () => {
  test('a hello brings a node up, a lost peering down', () => {
    const membership = new Membership(layout)
    expect(lines(membership.hello('worker-1', 'a'))).toEqual(['up worker-1 a'])
    expect(lines(membership.hello('worker-2', 'b'))).toEqual(['up worker-2 b'])
    expect(membership.workerCount).toBe(2)
    expect(membership.idOf('worker-1')).toBe('a')
    expect(membership.nameOf('b')).toBe('worker-2')
    expect(lines(membership.lost('a'))).toEqual(['down worker-1 a'])
    expect(membership.workerCount).toBe(1)
    expect(membership.idOf('worker-1')).toBeUndefined()
  })

  test('only workers are counted', () => {
    const membership = new Membership(layout)
    membership.hello('manager', 'm')
    expect(membership.workerCount).toBe(0)
    expect(membership.names).toEqual(['manager'])
  })

  test('a repeated hello changes nothing', () => {
    const membership = new Membership(layout)
    membership.hello('worker-1', 'a')
    expect(lines(membership.hello('worker-1', 'a'))).toEqual(['repeated worker-1 a'])
    expect(membership.workerCount).toBe(1)
  })

  test('a node that comes back before its loss was noticed goes down and up, and is counted once', () => {
    const membership = new Membership(layout)
    membership.hello('worker-1', 'old')
    expect(lines(membership.hello('worker-1', 'new'))).toEqual([
      'replaced worker-1 new',
      'down worker-1 old',
      'up worker-1 new',
    ])
    expect(membership.workerCount).toBe(1)
    expect(lines(membership.lost('old'))).toEqual([])
    expect(membership.workerCount).toBe(1)
    expect(lines(membership.lost('new'))).toEqual(['down worker-1 new'])
    expect(membership.workerCount).toBe(0)
  })

  test('a name that the layout does not have stays outside', () => {
    const membership = new Membership(layout)
    expect(lines(membership.hello('intruder', 'x'))).toEqual(['unknown intruder x'])
    expect(membership.names).toEqual([])
    expect(lines(membership.lost('x'))).toEqual([])
  })
})
