/** What the mutations start from: recordings of real Zeek in `test/vectors`, and the capture of the quickstart. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { FrameDecoder, FrameTooLargeError } from '../src/broker/frame.js'
import { readJsonLines, recordedStreams, vectorNames, vectorPath } from '../test/support/vectors.ts'
import { attempt } from './target.ts'

export const ROOT = fileURLToPath(new URL('../', import.meta.url))

/** Frames longer than this are left out: an input is small. */
const FRAME_BYTES_MAX = 2000
const ENVELOPE_DATA = 1
const ENVELOPE_COMMAND = 2
/** The header of an envelope and that of a command. */
const STORE_COMMAND_BYTES_MIN = 37 + 57
/** A vector of three, the first of them a count. */
const MESSAGE_START: readonly number[] = [0x0e, 3, 2]

interface RecordedValue {
  readonly value_hex: string
  readonly broker_binary_hex: string
  readonly websocket_hex: string
}

/** One member of every fourth recorded value. */
export function recordedValues(member: keyof RecordedValue): Uint8Array[] {
  return vectorNames('values')
    .flatMap((name) =>
      readJsonLines<RecordedValue>(`values/${name}`).filter((_value, index) => index % 4 === 0),
    )
    .map((recorded) => Buffer.from(recorded[member] ?? '', 'hex'))
    .filter(({ length }) => length > 0)
}

/** The first bytes of each direction of each recorded connection. */
export function streamStarts(direction: 'c2l' | 'l2c', length: number): Uint8Array[] {
  return recordedStreams()
    .filter((stream) => stream.direction === direction)
    .map(({ chunks }) => Uint8Array.from(Buffer.concat(chunks).subarray(0, length)))
}

/** The payloads of recorded frames, the many alike ones once per kind and length. */
export function recordedFrames(accepts: (frame: Uint8Array) => boolean): Uint8Array[] {
  const frames = new Map<string, Uint8Array>()
  for (const { chunks } of recordedStreams()) {
    const decoder = new FrameDecoder(1 << 24)
    // One of the recorded peers is no Broker.
    attempt(
      () =>
        decoder.push(Buffer.concat(chunks), (bytes, start, end) => {
          const frame = bytes.slice(start, end)
          const isKept = end - start <= FRAME_BYTES_MAX && accepts(frame)
          if (isKept) frames.set(`${frame[32]} ${frame.length}`, frame)
          return true
        }),
      FrameTooLargeError,
    )
  }
  return [...frames.values()]
}

/** The messages of recorded data frames. */
export function recordedMessages(accepts: (message: Uint8Array) => boolean): Uint8Array[] {
  const isAccepted = (frame: Uint8Array): boolean => {
    const message = messageOf(frame)
    return MESSAGE_START.every((byte, index) => message[index] === byte) && accepts(message)
  }
  return recordedFrames((frame) => frame[32] === ENVELOPE_DATA && isAccepted(frame)).map(messageOf)
}

/** What masters and clones of stores said to each other. */
export function recordedStoreCommands(): Uint8Array[] {
  return recordedFrames(
    (frame) => frame[32] === ENVELOPE_COMMAND && frame.length > STORE_COMMAND_BYTES_MIN,
  ).map(messageOf)
}

function messageOf(frame: Uint8Array): Uint8Array {
  return frame.subarray(37 + ((frame[35]! << 8) | frame[36]!))
}

/** What clients and servers of the WebSocket API sent, as text. */
export function webSocketTexts(direction: 'c2s' | 's2c'): string[] {
  return vectorNames('websocket')
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) =>
      readJsonLines<{ readonly dir: string; readonly kind: string; readonly text?: string }>(
        `websocket/${name}`,
      ),
    )
    .filter(({ dir, kind }) => dir === direction && kind === 'text')
    .map(({ text }) => text ?? '')
}

const DECLARATIONS: readonly string[] = [
  'module M; type R: record { a: count; b: string &optional; c: double &default=3; }; const r: R = [$a=1]; redef X::y = r;',
  'const t: table[string, count] of set[addr] &redef; redef t += { ["a", 1] = set([::1]) }; redef X::y += t;',
  'const v = vector(1) &redef; redef v += { 2, 3 }; redef X::y -= { [1.2.3.4, 80/tcp] };',
  'type E: enum { A, B = 5 }; redef enum E += { C }; redef X::y = { [A] = C }; event f(a: addr) { print "}"; }',
  '@if ( |Cluster::nodes| > 0 )\nconst a = 1;\n@else\nexport { option a = 2; }\n@endif\nredef X::y = fmt("%05d %.2f %s", a, 1.5, "x");',
]

export function layoutTexts(): Uint8Array[] {
  const accepted = vectorNames('layouts')
    .filter((name) => !name.includes('.'))
    .flatMap((name) =>
      readdirSync(vectorPath(`layouts/${name}`))
        .filter((file) => file.endsWith('.zeek'))
        .map((file) => new Uint8Array(readFileSync(vectorPath(`layouts/${name}/${file}`)))),
    )
  const broken = readJsonLines<{ readonly layout: string }>('layouts/broken.jsonl')
  const expressions = readJsonLines<readonly [expression: string, text: string]>('scripts/expressions.jsonl')
  const texts = [
    ...broken.map(({ layout }) => layout),
    ...expressions.map(([expression]) => `redef X::y = ${expression};`),
    ...DECLARATIONS,
  ]
  return [...accepted, ...texts.map((text) => new Uint8Array(Buffer.from(text)))]
}

/** Scripts that declare events, records and enums. */
export function declarationTexts(): Uint8Array[] {
  const example = readFileSync(new URL('../examples/typed-events/demo.zeek', import.meta.url))
  const texts = [
    ...DECLARATIONS,
    'export { type T: record { conn: conn_id; when: time &log; tags: set[string, count] &optional; }; global e: event(t: T, v: vector of T); }',
    'module A; type E: enum { X = 1, Y, A::Z }; type S: table[E] of record { a: E; }; event B::class(default: S, `any`: any) &priority=3 { }',
    'redef record T += { "x": count; }; redef enum Notice::Type += { Bad_Thing }; global f: function(a: E): bool; event g() { f(); }',
  ]
  return [new Uint8Array(example), ...texts.map((text) => new Uint8Array(Buffer.from(text)))]
}

/** What Zeek's generator of layouts read, sound and faulty. */
export function zeekConfTexts(): Uint8Array[] {
  const sound = vectorNames('layouts')
    .filter((name) => name.startsWith('generator-') && !name.includes('.'))
    .flatMap((name) =>
      vectorNames(`layouts/${name}/input`).map((file) =>
        readFileSync(vectorPath(`layouts/${name}/input/${file}`), 'utf8'),
      ),
    )
  const odd = JSON.parse(readFileSync(vectorPath('layouts/generator-odd-inputs.json'), 'utf8')) as readonly {
    readonly 'zeek.conf'?: string
  }[]
  return [...sound, ...odd.map((input) => input['zeek.conf'] ?? '')].map((text) =>
    Uint8Array.from(Buffer.from(text)),
  )
}

/** Written by hand: nothing of zeekctl is recorded. */
export function nodeCfgTexts(): Uint8Array[] {
  const nodes =
    '[manager]\ntype=manager\nhost=192.0.2.1\n[proxy-1]\ntype: proxy\nhost: 2001:db8::1\nzone_id=z\n'
  const worker = '[worker-1]\ntype=worker\nhost=192.0.2.2\ninterface=zc:eth0\n'
  return [
    nodes,
    `${nodes}${worker}`,
    `${nodes}${worker}lb_procs=2\nlb_method=pf_ring\npin_cpus=1,2\nenv_vars=A=1,\n  B=2\n`,
    `${nodes}${worker}lb_procs=2\nlb_method=interfaces\nlb_interfaces=eth0,eth1\naf_packet.fanout_id=1\n`,
    `[DEFAULT]\nnet=192.0.2\nhost=%(net)s.1\n[l]\ntype=logger\nhost=ab\n${nodes}`,
    '; one\n[zeek]\ntype=standalone\nhost=localhost\ninterface=100%%\n',
  ].map((text) => Uint8Array.from(Buffer.from(text)))
}

/** The first lines of Zeek's logs. */
export function logTexts(): Uint8Array[] {
  return vectorNames('logs').map((name) => readFileSync(vectorPath(`logs/${name}`)).subarray(0, 3000))
}

/** Logs of Zeek in JSON. */
export function jsonLogTexts(): Uint8Array[] {
  return vectorNames('log-writers')
    .filter((name) => name.endsWith('.json.log'))
    .map((name) => readFileSync(vectorPath(`log-writers/${name}`)))
}

export function captureStart(length: number): Uint8Array {
  return new Uint8Array(readFileSync(`${ROOT}examples/quickstart/traffic.pcap`).subarray(0, length))
}
