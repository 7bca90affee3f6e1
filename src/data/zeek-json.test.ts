/** The text that Zeek prints, byte for byte: against what real Zeek sent to its WebSocket clients. */
import { describe, expect, test } from 'vitest'
import { fromHex, readJsonLines, toHex, vectorNames } from '../../test/support/vectors.js'
import { readValue } from './binary.js'
import { ByteReader } from './byte-reader.js'
import { valueFromJson } from './json.js'
import type { Value } from './value.js'
import { valueAsZeekPrints } from './zeek-json.js'

interface Recorded {
  readonly name: string
  readonly broker_binary_hex?: string
  readonly websocket_hex?: string
}

const recorded = vectorNames('values')
  .flatMap((file) => readJsonLines<Recorded>(`values/${file}`))
  .filter((entry) => entry.websocket_hex !== undefined)

/** What stands before the value in the text of a data message. */
const START = Buffer.from('{"type":"data-message","topic":"golden/values",')

function decode(hex: string): Value {
  return readValue(new ByteReader(fromHex(hex)))
}

function real(value: number): string {
  const text = valueAsZeekPrints({ type: 'real', value }).toString()
  return text.slice('{"@data-type":"real","data":'.length, -1)
}

describe('what Zeek sent to a WebSocket client', () => {
  test('is all here', () => {
    expect(recorded.length).toBe(192)
  })

  test.each(recorded)('$name', ({ broker_binary_hex, websocket_hex }) => {
    const printed = valueAsZeekPrints(decode(broker_binary_hex!))
    expect(toHex(Buffer.concat([START, printed.subarray(1)]))).toBe(websocket_hex)
  })

  test.each(recorded)('$name is read tolerantly', ({ websocket_hex }) => {
    const value = valueFromJson(fromHex(websocket_hex!), { tolerant: true })
    expect(toHex(Buffer.concat([START, valueAsZeekPrints(value).subarray(1)]))).toBe(websocket_hex)
  })
})

describe('reals have six decimals of their exact value', () => {
  test.each([
    [0.5e-6, '0.000000'],
    [1.5e-6, '0.000002'],
    [2 ** -7, '0.007812'],
    [3 * 2 ** -7, '0.023438'],
    [-1e-9, '-0.000000'],
    [0.1, '0.100000'],
    [999999.9999999, '1000000.000000'],
    [2 ** 53 + 2, '9007199254740994.000000'],
    [5e-324, '0.000000'],
    [-Number.MAX_VALUE, `-${BigInt(Number.MAX_VALUE)}.000000`],
  ])('%d', (value, text) => {
    expect(real(value)).toBe(text)
  })
})
