/** `publish` and `subscribe` with each other: two processes, no cluster. */
import { afterEach, describe, expect, test } from 'vitest'
import { freePorts } from '../support/free-ports.js'
import { endAll, type Running, run, start, temporaryDirectory, until } from './support.js'

afterEach(endAll)

const TOPIC = 'demo/topic'

/** Every type, and how `subscribe` prints it. */
const ARGUMENTS: readonly (readonly [argument: string, type: string, data: string])[] = [
  ['count:18446744073709551615', 'count', '18446744073709551615'],
  ['int:-3', 'integer', '-3'],
  ['real:1.5', 'real', '1.5'],
  ['real:2', 'real', '2.0'],
  ['string:grüße, "Zeek"', 'string', '"grüße, \\"Zeek\\""'],
  ['string:', 'string', '""'],
  ['bool:T', 'boolean', 'true'],
  ['bool:F', 'boolean', 'false'],
  ['addr:10.0.0.1', 'address', '"10.0.0.1"'],
  ['addr:2001:db8::1', 'address', '"2001:db8::1"'],
  ['subnet:10.0.0.0/8', 'subnet', '"10.0.0.0/8"'],
  ['port:80/tcp', 'port', '"80/tcp"'],
  ['port:53/udp', 'port', '"53/udp"'],
  ['time:2026-01-31T12:00:00.25', 'timestamp', '"2026-01-31T12:00:00.250"'],
  ['interval:1.5s', 'timespan', '"1500ms"'],
  ['enum:Notice::LOG', 'enum-value', '"Notice::LOG"'],
  ['{"@data-type":"none","data":{}}', 'none', '{}'],
  [
    '{"@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"string","data":"x"}]}',
    'vector',
    '[{"@data-type":"count","data":1},{"@data-type":"string","data":"x"}]',
  ],
]

async function startSubscriber(...flags: string[]): Promise<{ subscriber: Running; address: string }> {
  const [port] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  const subscriber = start(['subscribe', 'demo/', '--listen', address, ...flags], {
    cwd: temporaryDirectory(),
  })
  await subscriber.line(new RegExp(`^listening on ${address}$`))
  return { subscriber, address }
}

const publish = (address: string, ...args: string[]): Promise<Running> =>
  run(['publish', TOPIC, 'Demo::event', ...args, '--peer', address], { cwd: temporaryDirectory() })

describe('publish', () => {
  test.each([['TLS'], ['plain TCP', '--no-tls']])('carries every type over %s', async (_, ...flags) => {
    const { subscriber, address } = await startSubscriber('--count', '1', ...flags)
    const { exit, stdout, stderr } = await publish(
      address,
      ...ARGUMENTS.map(([argument]) => argument),
      ...flags,
    )
    expect([exit, stdout, stderr]).toEqual([0, [], []])
    expect(await subscriber.end()).toBe(0)
    const args = ARGUMENTS.map(([, type, data]) => `{"@data-type":"${type}","data":${data}}`)
    expect(subscriber.stdout).toEqual([
      `{"topic":"${TOPIC}","event":"Demo::event","args":[${args.join(',')}]}`,
    ])
  })

  test('listens for subscribers, and says as JSON what became of the event', async () => {
    const [port] = await freePorts(1)
    const cwd = temporaryDirectory()
    const publisher = start(['publish', TOPIC, 'Demo::event', '--listen', `127.0.0.1:${port}`, '--json'], {
      cwd,
    })
    await publisher.line(/^listening on /)
    const subscriber = start(['subscribe', 'demo/', '--peer', `127.0.0.1:${port}`, '--count', '1'], { cwd })
    expect(await subscriber.end()).toBe(0)
    expect(await publisher.end()).toBe(0)
    expect(publisher.stdout).toEqual([`{"topic":"${TOPIC}","event":"Demo::event","outcome":"accepted"}`])
    expect(subscriber.stdout).toEqual([`{"topic":"${TOPIC}","event":"Demo::event","args":[]}`])
  })

  test('bad arguments: exit code 2, before anything is connected', async () => {
    const bad: readonly (readonly [string, RegExp])[] = [
      ['5', /^argument '5': write TYPE:VALUE, with TYPE one of count, int, /],
      ['number:5', /^argument 'number:5': write TYPE:VALUE/],
      ['count:-5', /^argument 'count:-5': not a count/],
      [
        'count:18446744073709551616',
        /^event Demo::event, argument 1: 18446744073709551616 does not fit a count/,
      ],
      ['int:9223372036854775808', /^event Demo::event, argument 1: 9223372036854775808 does not fit 64 bits/],
      ['bool:true', /^argument 'bool:true': a bool is T or F/],
      ['addr:10.0.0', /^argument 'addr:10\.0\.0': not an IP address: '10\.0\.0'/],
      ['port:70000/tcp', /^argument 'port:70000\/tcp': not a port/],
      ['{"@data-type":"count","data":', /^argument '\{"@data-type":"count","data":': not valid JSON/],
      ['{"@data-type":"strange","data":1}', /^argument .*: unknown @data-type 'strange'/],
    ]
    for (const [argument, message] of bad) {
      // Nobody listens there: who connected first would fail with exit code 1.
      const { exit, stderr, stdout } = await publish('127.0.0.1:1', argument)
      expect([exit, stdout, stderr.length], argument).toEqual([2, [], 1])
      expect(stderr[0]!.replace('zeek-cluster: error: ', '')).toMatch(message)
    }
  })

  test('nobody at the address: exit code 1 after a while', async () => {
    const { exit, stderr } = await publish('127.0.0.1:1')
    expect(exit).toBe(1)
    expect(stderr).toEqual(['zeek-cluster: error: no peering with 127.0.0.1:1 within 5 s'])
    for (const address of ['nowhere', '127.0.0.1:99999', '127.0.0.1:']) {
      expect((await publish(address)).exit, address).toBe(2)
    }
  })
})

describe('subscribe', () => {
  test('--count ends after so many, other topics do not count', async () => {
    const { subscriber, address } = await startSubscriber('--count', '2')
    expect(
      (await run(['publish', 'other', 'Demo::event', '--peer', address], { cwd: temporaryDirectory() })).exit,
    ).toBe(1)
    await publish(address, 'count:1')
    await publish(address, 'count:2')
    expect(await subscriber.end()).toBe(0)
    expect(subscriber.stdout.map((line) => /"data":(\d)/.exec(line)?.[1])).toEqual(['1', '2'])
  })

  test('--for ends after so long, also when nobody came', async () => {
    const { subscriber } = await startSubscriber('--for', '0.5')
    expect(await subscriber.end(undefined, 5000)).toBe(0)
    expect(subscriber.stdout).toEqual([])
  })

  test('--rate prints a line a second instead', async () => {
    const { subscriber, address } = await startSubscriber('--rate')
    await publish(address, 'count:1')
    await until(() => subscriber.stdout.length >= 2, 'two lines')
    const lines = subscriber.stdout.map((line) => JSON.parse(line) as { messages: number; bytes: number })
    expect(lines.map((line) => Object.keys(line))).toEqual(lines.map(() => ['messages', 'bytes']))
    await until(() => subscriber.stdout.some((line) => line.startsWith('{"messages":1,')), 'the message')
    expect(await subscriber.end('SIGINT')).toBe(0)
  })

  test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)(
    '%s ends one that still waits for a peer',
    async (signal) => {
      const { subscriber } = await startSubscriber()
      expect(await subscriber.end(signal, 5000)).toBe(0)
    },
  )

  test('bad numbers: exit code 2', async () => {
    for (const flags of [
      ['--count', '0'],
      ['--count', 'x'],
      ['--for', '-1'],
      ['--for', 'x'],
    ]) {
      const command = await run(['subscribe', 'demo/', ...flags], { cwd: temporaryDirectory() })
      expect(command.exit, flags.join(' ')).toBe(2)
    }
  })
})
