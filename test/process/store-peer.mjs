/**
 * A process with a master or a clone of one store, for tests of `zeek-cluster store`. Arguments: where it listens,
 * `master` or `clone`, and how it is different from others:
 *
 * - `stock`: as a stock Zeek, it does not know what only ours say
 * - `mute`: takes every command and answers none
 * - `busy`: changes a hundred keys all the time
 * - `dial:HOST:PORT`: connects there too
 * - `diverged`: its table was changed behind its back, as soon as it had a key
 *
 * Prints one JSON object a line.
 */

import { systemClock } from '../../dist/base/time.js'
import {
  Endpoint,
  randomEndpointId,
  systemRandom,
  systemTimers,
  tcpNetwork,
} from '../../dist/broker/index.js'
import * as types from '../../dist/data/types.js'
import { encode } from '../../dist/store/encoded.js'
import { LocalStores } from '../../dist/store/local-stores.js'

const [place, role, ...ways] = process.argv.slice(2)
const addressOf = (text) => {
  const split = text.lastIndexOf(':')
  return { host: text.slice(0, split), port: Number(text.slice(split + 1)) }
}
const TYPES = { key: types.any, value: types.any }
const NAME = 'shared'

const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`)

const endpoint = new Endpoint({
  id: randomEndpointId(systemRandom),
  network: tcpNetwork,
  timers: systemTimers,
  security: 'plain',
  handler: {
    onMessage: () => {},
    onCommand: (topic, bytes, start, end) => {
      if (!ways.includes('mute')) stores.receive(topic, bytes, start, end)
    },
    onPeerAdded: () => stores.peersChanged(),
    onPeerLost: () => stores.peersChanged(),
    onSubscriptionsChanged: () => stores.peersChanged(),
    onDrain: () => stores.onDrain(),
    onStatus: () => {},
    onReport: () => {},
  },
})

const isOurs = (topic) => topic.startsWith('zeek-cluster/')
const seenBy = (peer) =>
  ways.includes('stock')
    ? { ...peer, subscriptions: peer.subscriptions.filter((topic) => !isOurs(topic)) }
    : peer

const stores = new LocalStores({
  bus: {
    id: endpoint.id,
    peers: () => endpoint.peers().map(seenBy),
    subscribe: (topic) => {
      if (!ways.includes('stock') || !isOurs(topic)) endpoint.subscribe(topic)
    },
    unsubscribe: (topic) => endpoint.unsubscribe(topic),
    sendCommand: (...command) => endpoint.sendCommand(...command),
    publishLocally: (...message) => endpoint.publishLocally(...message),
    isHeardLocally: (topic) => endpoint.isHeardLocally(topic),
  },
  clock: systemClock,
  timers: systemTimers,
  report: (severity, code) => print({ severity, code }),
})

const intervals = { resyncMs: 1000, staleMs: -1, mutationBufferMs: 60_000 }
const store =
  role === 'master'
    ? await stores.openMaster(NAME, { ...TYPES, openBackend: undefined })
    : stores.openClone(NAME, { ...TYPES, intervals })
print({ listening: (await endpoint.listen(addressOf(place))).port })
for (const way of ways) if (way.startsWith('dial:')) endpoint.dial(addressOf(way.slice('dial:'.length)), 1000)
if (ways.includes('mute')) print({ mute: true })
else {
  await store.ready({ timeoutMs: 20_000 })
  print({ keys: await store.size() })
}

const text = (value) => encode(types.any, { type: 'string', value })
if (ways.includes('diverged')) {
  const { table } = stores.engine(NAME)
  table.set(text('changed'), text('another value'))
  table.set(text('extra'), text('value'))
  table.delete(text('missing'))
  print({ diverged: true })
}
if (ways.includes('busy')) {
  let value = 0n
  setInterval(() => {
    value += 1n
    for (let key = 0n; key < 100n; key += 1n) {
      void store.put({ type: 'count', value: key }, { type: 'count', value })
    }
  }, 1)
}
process.on('SIGTERM', () => process.exit(0))
