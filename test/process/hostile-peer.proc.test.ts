/** Whatever speaks to a node's port without being a peer: its connection ends, the node does not notice. */
import { connect } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, layoutOf, startUp, statusOf, temporaryDirectory, write } from './support.js'

afterEach(endAll)

const word = (value: number): Buffer => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const ATTACKS: readonly (readonly [name: string, bytes: Buffer])[] = [
  ['a web browser', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
  ['random bytes', Buffer.from(Array.from({ length: 4096 }, (_, index) => (index * 7919) % 251))],
  ['a huge frame', Buffer.concat([word(0xffff_ffff), Buffer.alloc(64, 4)])],
  ['a hello with a wrong magic', Buffer.concat([word(23), Buffer.from([1]), Buffer.alloc(22, 0xaa)])],
]

/** Sends and waits until the other side ends it. */
function attack(port: number, bytes: Uint8Array): Promise<'closed'> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    socket.on('error', () => {})
    socket.on('data', () => {})
    socket.once('close', () => resolve('closed'))
  })
}

describe('strangers at the port of a node', () => {
  test('lose their connection, over plain TCP and TLS, and nothing else happens', {
    timeout: 60_000,
  }, async () => {
    await Promise.all([besiege('plain', 'Broker::disable_ssl=T'), besiege('tls', 'Broker::disable_ssl=F')])
  })
})

/** One line about each stranger. */
const TOLD = {
  plain: /^manager: warning: from 127\.0\.0\.1:\d+: /,
  tls: /^manager: warning: connection refused: /,
}

async function besiege(security: 'plain' | 'tls', redef: string): Promise<void> {
  const cwd = temporaryDirectory()
  const { text, ports } = await layoutOf('manager', 'proxy-1')
  write(cwd, 'cluster-layout.zeek', text)
  const up = await startUp(['cluster-layout.zeek', redef], { cwd })
  // Whoever says nothing is given ten seconds.
  const silent = attack(ports[0]!, new Uint8Array(0))
  for (const [name, bytes] of ATTACKS) {
    const from = up.output.length
    expect(await attack(ports[0]!, bytes), name).toBe('closed')
    await up.line(TOLD[security], from)
  }
  const from = up.output.length
  expect(await silent).toBe('closed')
  await up.line(TOLD[security], from)
  const nodes = [...(await statusOf(cwd)).values()]
  expect(nodes.map(({ name, state, restarts, peers }) => [name, state, restarts, peers])).toEqual([
    ['manager', 'up', 0, 1],
    ['proxy-1', 'up', 0, 1],
  ])
  // One line for each, and no peering lost.
  const warnings = up.stdout.filter((line) => line.includes(': warning: '))
  expect(warnings, warnings.join('\n')).toHaveLength(ATTACKS.length + 1)
  expect(up.text).not.toContain('is down')
  expect(await up.end('SIGTERM')).toBe(0)
}
