/** What `decode` and `encode` do with a line. */
import { FORMATS, type FormatName, ZEEK_TEXT } from '../../src/cli/conversions.js'
import { DecodeError, EncodeError } from '../../src/data/decode-error.js'
import { recordedFrames, recordedMessages, recordedValues } from '../seeds.ts'
import { attempt, ensureSameBytes, type Target } from '../target.ts'

const SOURCES: Readonly<Record<FormatName, readonly string[]>> = {
  'broker-bin': ['src/cli/conversions.ts', 'src/data/json.ts', 'src/data/binary.ts', 'src/data/zeek-json.ts'],
  'broker-json': [
    'src/cli/conversions.ts',
    'src/data/json.ts',
    'src/data/json-document.ts',
    'src/data/zeek-json.ts',
  ],
  'broker-frame': [
    'src/cli/frame-json.ts',
    'src/cli/json-members.ts',
    'src/data/json.ts',
    'src/data/json-document.ts',
  ],
  'zeek-log': [
    'src/cli/log-json.ts',
    'src/cli/json-members.ts',
    'src/data/json.ts',
    'src/logging/log-values.ts',
  ],
}

const SEEDS: Readonly<Record<FormatName, () => readonly Uint8Array[]>> = {
  'broker-bin': () => recordedValues('value_hex'),
  'broker-json': () => recordedValues('websocket_hex'),
  'broker-frame': () =>
    recordedFrames(() => true).map((frame) =>
      Uint8Array.of(0, 0, frame.length >> 8, frame.length & 0xff, ...frame),
    ),
  'zeek-log': () => recordedMessages(() => true),
}

/** Of these, JSON says everything about the bytes. */
const EXACT: ReadonlySet<FormatName> = new Set(['broker-frame', 'zeek-log'])

function decodeTarget(format: FormatName): Target {
  const { decode, encode } = FORMATS[format]
  return {
    name: `decode-${format}`,
    what: `decode ${format}: its JSON can be encoded, and gives the same bytes each time`,
    sources: SOURCES[format],
    batchRuns: 256,
    seeds: SEEDS[format],
    run(input) {
      attempt(() => ZEEK_TEXT[format]?.(input), DecodeError)
      const json = attempt(() => Buffer.from(decode(input)), DecodeError).value
      if (json === undefined) return
      const encoded = encode(json)
      if (EXACT.has(format)) ensureSameBytes(encoded, input, 'encode gives other bytes than decode got')
      else if (format === 'broker-bin') {
        const again = encode(Buffer.from(decode(encoded)))
        ensureSameBytes(again, encoded, 'changes when encoded again')
      }
    },
  }
}

function encodeTarget(format: FormatName): Target {
  const { decode, encode } = FORMATS[format]
  return {
    name: `encode-${format}`,
    what: `encode ${format}: what it makes of JSON can be decoded`,
    sources: SOURCES[format],
    batchRuns: 256,
    seeds: () =>
      SEEDS[format]().flatMap((seed) => attempt(() => Buffer.from(decode(seed)), DecodeError).value ?? []),
    run(input) {
      const bytes = attempt<Uint8Array, DecodeError | EncodeError>(
        () => encode(input),
        DecodeError,
        EncodeError,
      ).value
      // A member `hex` may hold anything.
      if (bytes !== undefined) attempt(() => decode(bytes), DecodeError)
    },
  }
}

const NAMES = Object.keys(FORMATS) as FormatName[]

export const CONVERSION_TARGETS: readonly Target[] = [...NAMES.map(decodeTarget), ...NAMES.map(encodeTarget)]
