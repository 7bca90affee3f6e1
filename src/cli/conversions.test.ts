/** `decode` and `encode`, line by line: everything that real Zeek was recorded with comes back to the byte. */
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, recordedStreams, toHex, vectorNames } from '../../test/support/vectors.js'
import { FrameDecoder } from '../broker/frame.js'
import { DecodeError } from '../data/decode-error.js'
import { FORMATS, type FormatName, hexLine, ZEEK_TEXT } from './conversions.js'

interface Recorded {
  readonly name: string
  readonly value_hex?: string
  readonly broker_binary_hex?: string
  readonly websocket_hex?: string
}

const recorded = vectorNames('values')
  .flatMap((file) => readJsonLines<Recorded>(`values/${file}`))
  .filter((entry) => entry.value_hex !== undefined)

const utf8 = (text: string | Uint8Array): Uint8Array => Buffer.from(text as Uint8Array)

function decode(format: FormatName, hex: string): string {
  return Buffer.from(utf8(FORMATS[format].decode(fromHex(hex)))).toString()
}

function encode(format: FormatName, json: string): string {
  return toHex(FORMATS[format].encode(utf8(json)))
}

/** Decodes, checks that the text is JSON on one line, and that it encodes to the same bytes. */
function thereAndBack(format: FormatName, hex: string): string {
  const json = decode(format, hex)
  expect(() => JSON.parse(json)).not.toThrow()
  expect(json).not.toContain('\n')
  expect(encode(format, json)).toBe(hex)
  return json
}

/** What stands before the value in the text of a data message. */
const TEXT_START = '{"type":"data-message","topic":"golden/values",'

describe('values that Zeek sent', () => {
  test.each(recorded)('$name', ({ value_hex, broker_binary_hex, websocket_hex }) => {
    thereAndBack('broker-bin', value_hex!)
    thereAndBack('broker-bin', broker_binary_hex!)
    if (websocket_hex === undefined) return
    const text = `{${Buffer.from(websocket_hex, 'hex').toString('latin1').slice(TEXT_START.length)}`
    const asZeek = ZEEK_TEXT['broker-bin']!(fromHex(broker_binary_hex!))
    expect(Buffer.from(utf8(asZeek)).toString('latin1')).toBe(text)
    const bytes = Buffer.from(text, 'latin1')
    expect(toHex(utf8(ZEEK_TEXT['broker-json']!(bytes)))).toBe(toHex(bytes))
    expect(encode('broker-json', decode('broker-json', toHex(bytes)))).toBe(toHex(bytes))
  })
})

/** The frames of a stream as hex, their lengths in front. */
function framesOf(chunks: readonly Uint8Array[]): string[] {
  const frames: string[] = []
  const decoder = new FrameDecoder(2 ** 20)
  for (const chunk of chunks) {
    decoder.push(chunk, (bytes, start, end) => {
      frames.push((end - start).toString(16).padStart(8, '0') + toHex(bytes.subarray(start, end)))
      return true
    })
  }
  return frames
}

interface FrameJson {
  readonly kind: string
  readonly topic: string
}

/** Where the topic of an envelope starts, with the length of the frame. */
const TOPIC_OFFSET = 41

/** What the data envelopes of a stream carry, as hex. */
function payloadsOf(chunks: readonly Uint8Array[]): string[] {
  return framesOf(chunks).flatMap((hex) => {
    const { kind, topic } = JSON.parse(decode('broker-frame', hex)) as FrameJson
    return kind === 'data' ? [hex.slice(2 * (TOPIC_OFFSET + Buffer.byteLength(topic)))] : []
  })
}

const streams = recordedStreams()
const ordinary = streams.filter(({ name }) => !name.startsWith('h-'))
const odd = streams.filter(({ name }) => name.startsWith('h-'))

describe('recorded peerings', () => {
  test.each(ordinary)('$name: frames', ({ chunks }) => {
    for (const hex of framesOf(chunks)) {
      expect(JSON.parse(thereAndBack('broker-frame', hex))).not.toHaveProperty('hex')
    }
  })

  test.each(odd)('$name: hand-made frames come back or are refused', ({ chunks }) => {
    const bytes = Buffer.concat(chunks)
    for (let start = 0; start + 4 <= bytes.length; ) {
      const end = start + 4 + bytes.readUInt32BE(start)
      try {
        thereAndBack('broker-frame', toHex(bytes.subarray(start, end)))
      } catch (error) {
        expect(error).toBeInstanceOf(DecodeError)
      }
      start = end
    }
  })

  test('frames of all kinds but one are among the ordinary ones', () => {
    const kinds = ordinary
      .flatMap(({ chunks }) => framesOf(chunks))
      .map((hex) => (JSON.parse(decode('broker-frame', hex)) as FrameJson).kind)
    expect([...new Set(kinds)].sort()).toEqual([
      'command',
      'data',
      'hello',
      'originator-ack',
      'originator-syn',
      'ping',
      'pong',
      'probe',
      'responder-syn-ack',
      'routing-update',
      'version-select',
    ])
  })

  const logStreams = ordinary.filter(({ name }) => name.startsWith('f-logging'))

  test.each(logStreams)('$name: log messages', ({ chunks }) => {
    for (const hex of payloadsOf(chunks)) {
      expect(JSON.parse(thereAndBack('zeek-log', hex))).not.toHaveProperty('hex')
    }
  })

  test('log batches are shown record by record', () => {
    const messages = logStreams
      .flatMap(({ chunks }) => payloadsOf(chunks))
      .map((hex) => JSON.parse(decode('zeek-log', hex)) as { kind: string; messages: { kind: string }[] })
      .filter(({ kind }) => kind === 'batch')
      .flatMap((batch) => batch.messages)
    expect(messages.length).toBeGreaterThan(100)
    expect(new Set(messages.map(({ kind }) => kind))).toEqual(new Set(['log-write']))
  })
})

/** `[T, -5, 7, unset string, set {"x"}, unset set]`. */
// biome-ignore format: one value a line
const RECORD =
  '00000006' +
  '00000001' + '00000000' + '01' + '0000000000000001' +
  '00000002' + '00000000' + '01' + 'fffffffffffffffb' +
  '00000003' + '00000000' + '01' + '0000000000000007' +
  '00000007' + '00000000' + '00' +
  '0000000e' + '00000000' + '01' + '0000000000000001' + '00000007' + '00000000' + '01' + '00000001' + '78' +
  '0000000e' + '00000000' + '00'

describe('texts', () => {
  test('a log record', () => {
    expect(thereAndBack('zeek-log', RECORD)).toBe(
      '{"kind":"record","values":[{"type":"bool","@data-type":"boolean","data":true},' +
        '{"type":"int","@data-type":"integer","data":-5},{"type":"count","@data-type":"count","data":7},' +
        '{"type":"string"},{"type":"set","elements":[{"type":"string","@data-type":"string","data":"x"}]},' +
        '{"type":"set"}]}',
    )
  })

  test.each([
    ['a subtype', '00000001' + '00000001' + '00000007' + '01' + '0000000000000001'],
    ['a bool of 2', '00000001' + '00000001' + '00000000' + '01' + '0000000000000002'],
    ['an IPv4 address of family 6', `00000001${'0000000b0000000001'}06${'00'.repeat(10)}ffff0a000001`],
  ])('%s in a record is kept by its hex', (_name, hex) => {
    expect(JSON.parse(thereAndBack('zeek-log', hex))).toMatchObject({ kind: 'record', hex })
  })

  test('a message that has no records is its data', () => {
    const event = '0e030200000000000000010200000000000000010e020508546573743a3a676f0e00'
    expect(JSON.parse(thereAndBack('zeek-log', event))).toMatchObject({ kind: 'message' })
  })

  const sender = 'a1'.repeat(16)
  const topic = (hex: string): string => `${(hex.length / 2).toString(16).padStart(4, '0')}${hex}`
  const frame = (payload: string): string => (payload.length / 2).toString(16).padStart(8, '0') + payload

  test('the message that ends a connection', () => {
    const hex = frame(`095a45454b${sender}2702${'6869'}`)
    expect(thereAndBack('broker-frame', hex)).toBe(
      '{"kind":"drop-conn","sender":"a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1","code":39,"description":"hi"}',
    )
  })

  test('a data envelope', () => {
    const hex = frame(`${sender}${'00'.repeat(16)}01000f${topic('2f74')}0101`)
    expect(thereAndBack('broker-frame', hex)).toBe(
      '{"kind":"data","sender":"a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1","receiver":null,"ttl":15,"topic":"/t",' +
        '"payload":{"@data-type":"boolean","data":true}}',
    )
  })

  test('a topic that is not UTF-8, and an odd encoding, are kept by the hex', () => {
    for (const payload of [
      `${sender}${sender}010010${topic('74ff')}0101`,
      `${sender}${sender}010010${topic('74')}0102`,
      `${sender}${sender}010010${topic('74')}0582006869`,
      `065a45454b${sender}010100`,
    ]) {
      const hex = frame(payload)
      expect(JSON.parse(thereAndBack('broker-frame', hex))).toMatchObject({ hex })
    }
  })

  test('an envelope whose sender begins as a handshake message does', () => {
    for (const tag of ['06', '07', '08', '09', '0a', '0b', '0c']) {
      const hex = frame(`${tag}${'00'.repeat(15)}${'00'.repeat(16)}010010${topic('74')}00`)
      expect(JSON.parse(thereAndBack('broker-frame', hex))).toMatchObject({ kind: 'data', topic: 't' })
    }
  })
})

describe('what is refused', () => {
  test.each<readonly [FormatName, string]>([
    ['broker-bin', ''],
    ['broker-bin', '0f'],
    ['broker-bin', '0000'],
    ['broker-frame', ''],
    ['broker-frame', '00000001'],
    ['broker-frame', '0000000000'],
    ['broker-frame', '00000000'],
    ['broker-frame', '0000000100'],
    ['zeek-log', ''],
    ['zeek-log', '0e'],
    ['zeek-log', '00000001'],
    ['zeek-log', '0000000000'],
    ['zeek-log', '00000001' + '00000014' + '00000000' + '01'],
    ['zeek-log', '00000001' + '0000000e' + '00000000' + '01' + 'ffffffffffffffff'],
    ['zeek-log', '00000001' + '0000000e' + '00000000' + '01' + '00000000ffffffff'],
    ['zeek-log', '00000001' + '0000000a' + '00000000' + '01' + '0000000000000050' + '00000004'],
    [
      'zeek-log',
      `00000001${'0000000e0000000001' + '0000000000000001'}`.padEnd(
        1000,
        '0000000e00000000010000000000000001',
      ),
    ],
  ])('%s %s', (format, hex) => {
    expect(() => decode(format, hex)).toThrow(DecodeError)
  })

  test.each<readonly [FormatName, string]>([
    ['broker-bin', '{}'],
    ['broker-frame', '[]'],
    ['broker-frame', '{"kind":"frob"}'],
    ['broker-frame', '{"kind":"hello","sender":"x","minVersion":1,"maxVersion":1}'],
    [
      'broker-frame',
      '{"kind":"ping","sender":"a1a1a1a1-a1a1-a1a1-a1a1-a1a1a1a1a1a1","receiver":null,"ttl":65536,"topic":""}',
    ],
    ['broker-frame', '{"kind":"originator-syn","filter":[1]}'],
    ['broker-frame', '{"hex":"0"}'],
    ['zeek-log', '{"kind":"record"}'],
    ['zeek-log', '{"kind":"record","values":[1]}'],
    ['zeek-log', '{"kind":"record","values":[{"type":"table"}]}'],
    ['zeek-log', '{"kind":"record","values":[{"type":"toString"}]}'],
    ['zeek-log', '{"kind":"batch","messages":[{"kind":"record","values":[]}]}'],
  ])('%s %s', (format, json) => {
    expect(() => encode(format, json)).toThrow(DecodeError)
  })

  test('data of another type than the column', () => {
    const json = '{"kind":"record","values":[{"type":"bool","@data-type":"count","data":1}]}'
    expect(() => encode('zeek-log', json)).toThrow(
      'a log value of type bool is data of type boolean, not count',
    )
  })

  test.each(['0', '0g', '0x00', '00 00'])('a line of hex that is none: %s', (line) => {
    expect(() => hexLine(utf8(line))).toThrow(DecodeError)
  })

  test('blanks around hex do not matter', () => {
    expect(toHex(hexLine(utf8(' 00fF\t')))).toBe('00ff')
  })
})
