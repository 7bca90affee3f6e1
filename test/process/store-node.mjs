/**
 * A node of a cluster that has the store `shared`, for tests of stores over real processes. Arguments: layout, name,
 * what to do, and for that: `serve [DURABILITY]`, `race KEYS`, `load`. Prints one JSON object a line.
 */
import { Cluster, count, string } from '../../dist/index.js'

const [layout, name, role, argument] = process.argv.slice(2)
const print = (object) => process.stdout.write(`${JSON.stringify(object)}\n`)

const cluster = await Cluster.start({ node: name, layout, logDirectory: name, storeDirectory: '.' })
const handled = new AbortController()
process.on('SIGTERM', async () => {
  handled.abort()
  await cluster.stop()
  process.exit(0)
})

const roles = {
  async serve() {
    const { ready } = await cluster.createStore('shared', {
      key: count,
      value: string,
      ...(argument === undefined ? {} : { persistent: true, durability: argument }),
    })
    const store = await ready
    const entries = await store.entries()
    print({ serving: entries.length, keys: entries.map(([key, value]) => [Number(key), value]) })
  },

  /** Tries to be the first with every key, when SIGUSR2 says so: all nodes at the same time. */
  async race() {
    const store = await (await cluster.createStore('shared', { key: count, value: string })).ready
    await store.ready({ timeoutMs: 20_000 })
    const started = new Promise((resolve) => process.once('SIGUSR2', resolve))
    print({ ready: name })
    await started
    const won = []
    const window = 500
    const total = Number(argument)
    // Half of them from the other end: so also the slowest has something to win.
    const isBackwards = Number(name.replace(/\D/g, '')) % 2 === 0
    for (let first = 0; first < total; first += window) {
      const inOrder = Array.from({ length: window }, (_, index) => first + index)
      const keys = isBackwards ? inOrder.map((key) => total - 1 - key) : inOrder
      const results = await Promise.all(keys.map((key) => store.putUnique(BigInt(key), name)))
      won.push(...keys.filter((_, index) => results[index]))
    }
    print({ won })
  },

  /** Puts one key after the other, many at a time, and says which ones are safe. */
  async load() {
    const store = await (await cluster.createStore('shared', { key: count, value: string })).ready
    await store.ready({ timeoutMs: 20_000 })
    let next = 0
    const put = async () => {
      while (!handled.signal.aborted) {
        const key = next
        next += 1
        try {
          await store.put(BigInt(key), `${name} ${key}`)
          print({ safe: key })
        } catch (error) {
          print({ failed: key, code: error.code })
        }
      }
    }
    await Promise.all(Array.from({ length: 50 }, put))
  },
}

await roles[role]()
