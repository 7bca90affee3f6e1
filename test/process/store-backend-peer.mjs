/**
 * A process with the backend of a store, for tests of what a commit outlives. Arguments: a command, and the options of
 * `openBackend` as JSON. What commit number N changes is known, so the content of a store tells how many were made.
 *
 * - `commit OPTIONS [END SEED]`: goes on with the commits from where the store is, and prints `done N` for each that was
 *   acknowledged. While number END, counted from here, is under way it kills itself.
 * - `check OPTIONS`: prints `has N`, or `wrong WHY` when the content is not that of whole commits.
 * - `hold OPTIONS`: prints `open`, and keeps the store open. Before, it tries to open it a second time.
 * - `open OPTIONS`: prints `open`, or the code of the error.
 */
import { writeSync } from 'node:fs'
import { openBackend } from '../../dist/store/backends/open-backend.js'

const ENTRIES_PER_COMMIT = 60
const COMMITS_BETWEEN_CLEARS = 40

const [command, options, end, seed] = process.argv.slice(2)
const print = (line) => writeSync(1, `${line}\n`)

function put(key, value, expiryNs) {
  return { kind: 'put', entry: { key: Buffer.from(key), value: Buffer.from(value), expiryNs } }
}

/** Overwrites, adds, erases, and clears once in a while. */
function changesOf(number) {
  const values = Array.from({ length: ENTRIES_PER_COMMIT }, (_, index) =>
    put(
      `key ${(number * 7 + index) % 500}`,
      `${number} `.repeat(1 + ((number * index) % 50)),
      (number + index) % 3 === 0 ? BigInt(number) << 32n : undefined,
    ),
  )
  const erased = { kind: 'erase', key: Buffer.from(`only ${number - 1}`) }
  const clear = number % COMMITS_BETWEEN_CLEARS === 0 ? [{ kind: 'clear' }] : []
  return [...clear, ...values, erased, put(`only ${number}`, 'x'), put('number', `${number}`)]
}

function contentAfter(number) {
  const content = new Map()
  const start = number - (number % COMMITS_BETWEEN_CLEARS)
  for (let each = Math.max(1, start); each <= number; each += 1) {
    for (const change of changesOf(each)) {
      if (change.kind === 'clear') content.clear()
      else if (change.kind === 'erase') content.delete(change.key.toString())
      else content.set(change.entry.key.toString(), `${change.entry.value} ${change.entry.expiryNs}`)
    }
  }
  return content
}

async function contentOf(backend) {
  const content = new Map()
  for await (const chunk of backend.load()) {
    for (const { key, value, expiryNs } of chunk) {
      content.set(Buffer.from(key).toString(), `${Buffer.from(value)} ${expiryNs}`)
    }
  }
  return content
}

function numberIn(content) {
  return Number.parseInt(content.get('number') ?? '0', 10)
}

function spin(milliseconds) {
  const until = performance.now() + milliseconds
  while (performance.now() < until);
}

/** Random numbers below 1 that repeat for the same seed. */
function randomOf(start) {
  let state = start | 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const commands = {
  async commit(backend) {
    const first = numberIn(await contentOf(backend)) + 1
    const random = randomOf(Number(seed ?? 1))
    let commitMs = 0
    for (let number = first; ; number += 1) {
      const isLast = end !== undefined && number === first + Number(end) - 1
      const started = performance.now()
      const committed = backend.commit(changesOf(number))
      if (isLast) {
        spin(random() * commitMs * 1.5)
        process.kill(process.pid, 'SIGKILL')
      }
      await committed
      commitMs = performance.now() - started
      print(`done ${number}`)
    }
  },

  async check(backend) {
    const content = await contentOf(backend)
    const number = numberIn(content)
    const expected = contentAfter(number)
    const wrong = [...new Set([...content.keys(), ...expected.keys()])].filter(
      (key) => content.get(key) !== expected.get(key),
    )
    const key = wrong[0]
    print(
      key === undefined
        ? `has ${number}`
        : `wrong after ${number}: ${key} is ${content.get(key)}, not ${expected.get(key)}`,
    )
    await backend.close()
  },

  async hold() {
    await openBackend(JSON.parse(options)).catch(() => {})
    print('open')
    setInterval(() => {}, 1000)
  },

  async open(backend) {
    print('open')
    await backend.close()
  },
}

try {
  await commands[command](await openBackend(JSON.parse(options)))
} catch (error) {
  print(`${error.code} ${error.message}`)
}
