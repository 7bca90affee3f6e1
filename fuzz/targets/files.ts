/** What is read from files: layouts, logs, captures and the packets in them. */
import { isDeepStrictEqual } from 'node:util'
import ts from 'typescript'
import { PacketDecoder } from '../../src/analysis/packet.js'
import { CaptureError } from '../../src/capture/capture-error.js'
import { CaptureReader } from '../../src/capture/capture-reader.js'
import { Address } from '../../src/data/address.js'
import type { ImportedLayout, ImportOptions } from '../../src/layout/import/import-nodes.js'
import { readNodeCfg } from '../../src/layout/import/node-cfg.js'
import { readZeekConf } from '../../src/layout/import/zeek-conf.js'
import { hasErrors, parseLayout } from '../../src/layout/parse-layout.js'
import { layoutToJson, printLayout } from '../../src/layout/print.js'
import { columnOf, headerLines, mergeLogs, parseAsciiLog } from '../../src/logging/log-reader.js'
import { DIALECTS } from '../../src/options/dialect.js'
import { formatDiagnostic } from '../../src/zeek-script/format.js'
import { typescriptModule } from '../../src/zeek-script/typescript.js'
import {
  captureStart,
  declarationTexts,
  layoutTexts,
  logTexts,
  nodeCfgTexts,
  zeekConfTexts,
} from '../seeds.ts'
import { attempt, ensure, type Target, toHex } from '../target.ts'
import { chunksOf, withChunkSize } from './broker.ts'

const layouts: Target = {
  name: 'layouts',
  what: 'a layout is read or refused with diagnostics; one without errors is the same when printed and read again',
  sources: [
    'src/zeek-script/lexer.ts',
    'src/zeek-script/token-stream.ts',
    'src/zeek-script/expression-parser.ts',
    'src/zeek-script/type-parser.ts',
    'src/zeek-script/parser.ts',
    'src/zeek-script/script.ts',
    'src/zeek-script/evaluator.ts',
    'src/zeek-script/conversion.ts',
    'src/zeek-script/redefinition.ts',
    'src/zeek-script/operators.ts',
    'src/zeek-script/built-ins.ts',
    'src/zeek-script/printf.ts',
    'src/zeek-script/strings.ts',
    'src/layout/evaluate.ts',
    'src/layout/node-table.ts',
    'src/layout/validate.ts',
  ],
  batchRuns: 64,
  seeds: layoutTexts,
  run(input) {
    for (const dialect of Object.values(DIALECTS)) {
      const options = { file: 'layout', dialect }
      const { layout, diagnostics } = parseLayout(input, options)
      for (const diagnostic of diagnostics) formatDiagnostic(diagnostic)
      if (hasErrors(diagnostics)) continue
      const text = printLayout(layout)
      const again = parseLayout(text, options)
      const faults = again.diagnostics.filter(({ severity }) => severity === 'error')
      ensure(faults.length === 0, `printed, but refused: ${faults[0]?.message} in ${text}`)
      ensure(
        isDeepStrictEqual(layoutToJson(again.layout), layoutToJson(layout)),
        `another layout when printed: ${text}`,
      )
    }
  },
}

const types: Target = {
  name: 'types',
  what: 'the declarations of a script become a TypeScript module that can be parsed, or diagnostics',
  sources: [
    'src/zeek-script/declarations.ts',
    'src/zeek-script/typescript.ts',
    'src/zeek-script/typescript-names.ts',
    'src/zeek-script/typescript-text.ts',
    'src/zeek-script/parser.ts',
    'src/zeek-script/type-parser.ts',
  ],
  batchRuns: 64,
  seeds: declarationTexts,
  run(input) {
    const command = 'zeek-cluster types script.zeek'
    const { text, diagnostics } = typescriptModule([{ file: 'script.zeek', text: input }], { command })
    for (const diagnostic of diagnostics) formatDiagnostic(diagnostic)
    if (text === undefined) return
    const { diagnostics: faults = [] } = ts.transpileModule(text, { reportDiagnostics: true })
    ensure(faults.length === 0, `no TypeScript: ${String(faults[0]?.messageText)} in ${text}`)
  },
}

/** Some hosts have addresses, some have none, and some are not asked for yet. */
function lookUp(name: string): readonly Address[] | undefined {
  if (name.length % 3 === 0) return undefined
  return name.length % 3 === 1 ? [] : [Address.parse('2001:db8::1'), Address.parse('192.0.2.1')]
}

function checkImport(read: (options: ImportOptions) => ImportedLayout): void {
  for (const dialect of Object.values(DIALECTS)) {
    const { layout, diagnostics, pendingHosts } = read({ dialect, lookUp })
    for (const diagnostic of diagnostics) formatDiagnostic(diagnostic)
    if (hasErrors(diagnostics) || pendingHosts.length > 0) continue
    const text = printLayout(layout)
    const again = parseLayout(text, { file: 'layout', dialect })
    const fault = again.diagnostics.find(({ severity }) => severity === 'error')
    ensure(fault === undefined, `taken, but refused as a layout: ${fault?.message} in ${text}`)
    ensure(isDeepStrictEqual(layoutToJson(again.layout), layoutToJson(layout)), `another layout: ${text}`)
  }
}

const zeekConf: Target = {
  name: 'zeek-conf',
  what: 'a zeek.conf is refused with diagnostics, or gives a layout that is the same when printed and read again',
  sources: [
    'src/layout/import/ini.ts',
    'src/layout/import/zeek-conf.ts',
    'src/layout/import/zeek-conf-host.ts',
    'src/layout/import/interface-template.ts',
    'src/layout/import/import-nodes.ts',
  ],
  batchRuns: 64,
  seeds: zeekConfTexts,
  run(input) {
    checkImport((options) => readZeekConf([{ path: 'zeek.conf', text: input }], options))
    const half = input.length >> 1
    const files = [
      { path: 'ab.zeek.conf', text: input.subarray(half) },
      { path: 'a.zeek.conf', text: input.subarray(0, half) },
    ]
    checkImport((options) => readZeekConf(files, options))
  },
}

const nodeCfg: Target = {
  name: 'node-cfg',
  what: 'a node.cfg is refused with diagnostics, or gives a layout that is the same when printed and read again',
  sources: [
    'src/layout/import/ini.ts',
    'src/layout/import/node-cfg.ts',
    'src/layout/import/node-cfg-section.ts',
    'src/layout/import/interpolation.ts',
    'src/layout/import/import-nodes.ts',
  ],
  batchRuns: 64,
  seeds: nodeCfgTexts,
  run(input) {
    checkImport((options) => readNodeCfg({ path: 'node.cfg', text: input }, options))
  },
}

const logs: Target = {
  name: 'ascii-logs',
  what: 'logs are read and merged; what was merged is read again',
  sources: ['src/logging/log-reader.ts'],
  seeds: logTexts,
  run(input) {
    const log = parseAsciiLog(Buffer.from(input).toString())
    for (const line of log.lines) for (const field of log.fields) columnOf(log, line, field)
    const [merged, ...others] = mergeLogs([log, log])
    ensure(others.length === 0, 'two logs with the same columns stay apart')
    if (merged === undefined) return
    ensure(merged.lines.length === 2 * log.lines.length, 'lines are lost')
    const again = parseAsciiLog(`${[...headerLines(merged), ...merged.lines].join('\n')}\n`)
    ensure(again.path === merged.path, 'another path when written again')
    ensure(isDeepStrictEqual(again.fields, merged.fields), 'other fields when written again')
    ensure(isDeepStrictEqual(again.lines, merged.lines), 'other lines when written again')
  },
}

const PACKET_BYTES_MAX = 2048

function packetsOf(chunks: readonly Uint8Array[]): string {
  const packets: string[] = []
  const reader = new CaptureReader({
    maxPacketBytes: PACKET_BYTES_MAX,
    onPacket: ({ timestampSeconds, linkType, bytes, originalLength }) =>
      packets.push(`${timestampSeconds} ${linkType} ${originalLength} ${toHex(bytes)}`),
  })
  const { error } = attempt(() => {
    for (const chunk of chunks) reader.push(chunk)
    reader.end()
  }, CaptureError)
  return `${packets.join('\n')}\n${error?.message}`
}

/** A pcapng file with an interface and an empty packet, little endian. */
const PCAPNG = Buffer.from(
  '0a0d0d0a1c0000004d3c2b1a01000000ffffffffffffffff1c000000' +
    '01000000200000000100000000000400090001000900000000000000' +
    '20000000' +
    '060000002400000000000000000000000100000004000000040000000102030424000000' +
    '030000001400000004000000010203041400' +
    '0000',
  'hex',
)

const captures: Target = {
  name: 'captures',
  what: 'pcap and pcapng give the same packets and faults, however the bytes are cut',
  sources: ['src/capture/capture-reader.ts', 'src/capture/pcap.ts', 'src/capture/pcapng.ts'],
  seeds: () => [captureStart(600), PCAPNG].map((bytes) => Uint8Array.of(6, ...bytes)),
  run(input) {
    const { chunkBytes, rest } = withChunkSize(input)
    const whole = packetsOf([rest])
    const cut = packetsOf(chunksOf(rest, chunkBytes))
    ensure(cut === whole, `cut by ${chunkBytes}: ${cut}\nwhole: ${whole}`)
  },
}

/** The link types that are followed, and one that is not. */
const LINK_TYPES: readonly number[] = [1, 0, 9, 12, 14, 101, 108, 113, 228, 229, 276, 999]
const FRAME_HEADER_BYTES = 2

/** Link type and flag, then frames with their length in front. */
function* packetSeeds(): Iterable<Uint8Array> {
  const frames: Uint8Array[] = []
  const reader = new CaptureReader({ onPacket: ({ bytes }) => frames.push(bytes.slice(0, 400)) })
  reader.push(captureStart(60_000))
  for (const [index, frame] of frames.entries()) {
    const start = Uint8Array.of(0, index % 2, frame.length >> 8, frame.length & 0xff)
    yield Uint8Array.of(...start, ...frame)
    // Without the Ethernet header, as raw IP.
    const length = frame.length - 14
    yield Uint8Array.of(5, index % 2, length >> 8, length & 0xff, ...frame.subarray(14))
  }
}

const packets: Target = {
  name: 'packets',
  what: 'frames of any link type are decoded or counted, and the decoder never looks outside of them',
  sources: [
    'src/analysis/packet.ts',
    'src/analysis/link-layer.ts',
    'src/analysis/fragments.ts',
    'src/analysis/tunnel.ts',
    'src/analysis/checksum.ts',
  ],
  batchRuns: 256,
  seeds: packetSeeds,
  run(input) {
    const linkType = LINK_TYPES[(input[0] ?? 0) % LINK_TYPES.length]!
    const decoder = new PacketDecoder({ ignoreChecksums: (input[1] ?? 0) % 2 === 0 })
    for (let offset = 2; offset + FRAME_HEADER_BYTES <= input.length; ) {
      const start = offset + FRAME_HEADER_BYTES
      const length = (input[offset]! << 8) | input[offset + 1]!
      const frame = input.slice(start, start + length)
      if (decoder.decode(1, linkType, frame, length) === 'decoded') {
        const { transportOffset, capturedPayloadLength, bytes } = decoder.packet
        ensure(capturedPayloadLength >= 0, 'less than nothing was captured')
        ensure(transportOffset + capturedPayloadLength <= bytes.length, 'the payload ends behind the frame')
      }
      offset = start + length
    }
  },
}

export const FILE_TARGETS: readonly Target[] = [layouts, types, zeekConf, nodeCfg, logs, captures, packets]
