/** The client understands everything that the recorded Zeek said, and says what the recorded client said. */
import { afterEach, describe, expect, test } from 'vitest'
import { recordedMessage } from '../../test/support/golden-host.js'
import {
  bytesOf,
  comparable,
  type Transcript,
  type TranscriptLine,
  transcripts,
} from '../../test/support/websocket-transcripts.js'
import { ScriptedServer, upgradeClient, type Wire } from '../../test/support/websocket-wire.js'
import { connectWebSocket, type WebSocketClient } from './client.js'
import { printDataMessage } from './messages.js'

let server: ScriptedServer

afterEach(() => server.close())

/** Fragments, pings and broken messages of the recorded client: ours does not send such. */
function isOurs(line: TranscriptLine): boolean {
  if (line.dir !== 'c2s' || line.kind !== 'text' || line.text === undefined) return false
  try {
    recordedMessage(line.text)
    return (JSON.parse(line.text) as { readonly topic?: unknown }).topic !== undefined
  } catch {
    return false
  }
}

/** From the upgrade to the end, or to the second connection. */
function firstConnection({ lines }: Transcript): readonly TranscriptLine[] {
  const second = lines.findIndex((line, index) => index > 0 && line.dir === 'c2s' && line.kind === 'http')
  return second < 0 ? lines : lines.slice(0, second)
}

interface Attempt {
  readonly log: string[]
  readonly client: Promise<WebSocketClient>
  readonly closed: Promise<void>
}

function connect(lines: readonly TranscriptLine[]): Attempt {
  const first = lines.find(({ dir, kind }) => dir === 'c2s' && (kind === 'text' || kind === 'binary'))
  const log: string[] = []
  let onClosed: () => void = () => {}
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve
  })
  const client = connectWebSocket({
    url: server.url,
    subscriptions: first === undefined ? [] : (JSON.parse(first.text ?? '') as string[]),
    timeoutMs: 20_000,
    onMessage: (topic, value) => log.push(printDataMessage(topic, value)),
    onError: (code, context) => log.push(JSON.stringify({ type: 'error', code, context })),
    onClose: (code, reason) => {
      log.push(`close ${code} ${reason}`)
      onClosed()
    },
  })
  return { log, client, closed }
}

async function playServer(
  wire: Wire,
  lines: readonly TranscriptLine[],
  client: () => Promise<WebSocketClient>,
): Promise<void> {
  let pongsDue = 0
  let acknowledged = false
  for (const line of lines) {
    if (line.dir === 's2c') {
      if (line.kind === 'text') acknowledged ||= line.text?.includes('"ack"') === true
      if (line.kind === 'text' || line.kind === 'ping' || line.kind === 'close')
        wire.send(line.kind, bytesOf(line))
      if (line.kind === 'ping') pongsDue += 1
    } else if (isOurs(line)) {
      // Messages before the acknowledgement: our client sends them behind it.
      if (!acknowledged) continue
      const { topic, message } = recordedMessage(line.text ?? '')
      expect((await client()).publish(topic, message)).not.toBe('dropped')
      const event = await nextBut(wire, 'pong', () => {
        pongsDue -= 1
      })
      expect(event.kind).toBe('text')
      if (event.kind !== 'text') return
      const values = (text: string): unknown => comparable(printAgain(text))
      expect(values(event.payload.toString('utf8'))).toEqual(values(line.text ?? ''))
    }
  }
  while (pongsDue > 0) {
    expect((await wire.next()).kind).toBe('pong')
    pongsDue -= 1
  }
}

/** A message of the recorded client in the form that Zeek would give it: `1h` is `3600s`. */
function printAgain(text: string): string {
  const { topic, message } = recordedMessage(text)
  return printDataMessage(topic, message)
}

async function nextBut(wire: Wire, skipped: string, onSkipped: () => void): ReturnType<Wire['next']> {
  for (;;) {
    const event = await wire.next()
    if (event.kind !== skipped) return event
    onSkipped()
  }
}

/** What the callbacks must have been told. */
function expectedLog(lines: readonly TranscriptLine[]): unknown[] {
  return lines
    .filter(({ dir, kind }) => dir === 's2c' && kind === 'text')
    .map(({ text }) => comparable(text ?? ''))
    .filter((message) => (message as { readonly type: string }).type !== 'ack')
}

const all = transcripts()
const isAcknowledged = ({ lines }: Transcript): boolean => lines.some(({ text }) => text?.includes('"ack"'))

describe('recorded servers', () => {
  test.each(all.filter(isAcknowledged))('$name', async (transcript) => {
    const lines = firstConnection(transcript)
    server = await ScriptedServer.start()
    const { log, client, closed } = connect(lines)
    const wire = await server.accept()
    await upgradeClient(wire)
    const first = await wire.next()
    expect(first.kind).toBe('text')
    await playServer(wire, lines.slice(2), () => client)
    const { endpoint, version } = await client
    expect(endpoint).toMatch(/-websocket-\d+$/)
    expect(version).toBe('9.0.0-rc1')
    const goodbye = lines.find(({ dir, kind }) => dir === 's2c' && kind === 'close')
    if (goodbye === undefined) wire.socket.destroy()
    else wire.socket.end()
    await closed
    const end = goodbye === undefined ? 'close 1006 ' : `close ${goodbye.code} ${goodbye.reason}`
    expect(log.map((entry) => (entry.startsWith('close') ? entry : comparable(entry)))).toEqual([
      ...expectedLog(lines),
      end,
    ])
  })

  const refusing = all.filter(
    (transcript) =>
      !isAcknowledged(transcript) && transcript.lines.some(({ text }) => text?.includes('"error"')),
  )

  test.each(refusing)('$name is a refusal', async ({ lines }) => {
    server = await ScriptedServer.start()
    const { client, log } = connect([])
    const outcome = client.catch((error: unknown) => error)
    const wire = await server.accept()
    await upgradeClient(wire)
    const answers = lines.filter(({ dir, kind }) => dir === 's2c' && (kind === 'text' || kind === 'close'))
    for (const line of answers) wire.send(line.kind as 'text' | 'close', bytesOf(line))
    const { code, context } = JSON.parse(answers[0]?.text ?? '') as { code: string; context: string }
    expect(await outcome).toMatchObject({ code: 'refused-by-server', data: { refusal: { code, context } } })
    expect(log).toEqual([])
  })

  const rejecting = all.filter(({ lines }) => lines.some(({ text }) => text?.startsWith('HTTP/1.1 400')))

  test.each(rejecting)('$name is no WebSocket', async ({ lines }) => {
    server = await ScriptedServer.start()
    const outcome = connect([]).client.catch((error: unknown) => error)
    const wire = await server.accept()
    await wire.next()
    // Zeek's answer ends behind the headers, without the empty line.
    wire.write(bytesOf(lines.find(({ dir }) => dir === 's2c')!))
    wire.socket.end()
    expect(await outcome).toMatchObject({ code: expect.stringMatching(/^(not-websocket|connection-reset)$/) })
  })
})
