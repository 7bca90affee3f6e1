/** The network in memory keeps the promises of the port, as the one of the system does. */
import { expect, test } from 'vitest'
import { ADDRESS, RawPeer } from '../../test/support/broker-peers.js'
import { MemoryNetwork } from '../testing/memory-network.js'
import { VirtualTime } from '../testing/virtual-time.js'

async function pair(chunkBytes = 65_536) {
  const time = new VirtualTime()
  const network = new MemoryNetwork(time, { chunkBytes })
  const server = new RawPeer()
  const client = new RawPeer()
  await network.listen(ADDRESS, 'plain', (connection) => {
    server.onOpen(connection)
    return server
  })
  network.connect(ADDRESS, 'plain', 1000, client)
  await time.settle()
  return { time, network, client, server }
}

test.each([1, 3, 65_536])(
  'end delivers everything, also to a peer that reads later (chunks of %i bytes)',
  async (chunkBytes) => {
    const { time, network, client, server } = await pair(chunkBytes)
    server.connection.pauseReading()
    const flushed: string[] = []
    client.connection.send(Uint8Array.of(0, 0, 0, 2, 1), () => flushed.push('first'))
    client.connection.send(Uint8Array.of(2), () => flushed.push('second'))
    client.connection.end()
    await time.settle()
    expect([client.state, server.state, flushed.length]).toEqual(['open', 'open', 0])
    expect(client.connection.bufferedBytes).toBe(6)
    server.connection.resumeReading()
    await time.settle()
    expect(server.takeFrames()).toEqual(['0102'])
    expect([client.state, server.state]).toEqual(['closed', 'closed'])
    expect(flushed).toEqual(['first', 'second'])
    expect(network.openConnections).toBe(0)
  },
)

test('what was not sent is flushed exactly once when the connection fails', async () => {
  const { time, client, server } = await pair()
  server.connection.pauseReading()
  const flushed: number[] = []
  for (const n of [1, 2]) client.connection.send(new Uint8Array(10), () => flushed.push(n))
  await time.settle()
  client.connection.destroy()
  client.connection.send(new Uint8Array(10), () => flushed.push(3))
  expect(flushed).toEqual([])
  await time.settle()
  expect(flushed.sort()).toEqual([1, 2, 3])
  expect(server.receivedBytes).toBe(0)
})

test('bytes may be changed as soon as they are flushed, and the receiver has its own', async () => {
  const { time, client, server } = await pair()
  const bytes = Uint8Array.of(0, 0, 0, 1, 7)
  client.connection.send(bytes, () => bytes.fill(0xee))
  await time.settle()
  expect(server.takeFrames()).toEqual(['07'])
})

test('a connection given up before it came to be is closed once, and nobody is told of it', async () => {
  const { time, network, client, server } = await pair()
  client.connection.destroy()
  await time.settle()
  const events: string[] = []
  const connection = network.connect(ADDRESS, 'plain', 1000, {
    onOpen: () => events.push('open'),
    onBytes: () => events.push('bytes'),
    onClose: (error) => events.push(`closed ${error?.code}`),
  })
  connection.destroy()
  expect(events).toEqual([])
  await time.settle()
  expect(events).toEqual(['closed undefined'])
  expect(server.connection.remote).not.toEqual(connection.local)
  expect(network.openConnections).toBe(0)
})

test('nobody listens, or somebody else does', async () => {
  const { time, network } = await pair()
  const client = new RawPeer()
  network.connect({ ...ADDRESS, port: 1 }, 'plain', 1000, client)
  await time.settle()
  expect(client.error).toMatchObject({ code: 'connection-refused' })
  await expect(network.listen(ADDRESS, 'plain', () => client)).rejects.toMatchObject({
    code: 'address-in-use',
  })
})
