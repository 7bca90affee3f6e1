/** Lines of log files, read back into records. */
import { ByteWriter } from '../../src/data/byte-writer.js'
import type { LogField } from '../../src/data/log-messages.js'
import { AsciiLineReader, linesOf, readAsciiFile } from '../../src/logging/reading/ascii-reader.js'
import { JsonLineReader } from '../../src/logging/reading/json-reader.js'
import { LogReadError } from '../../src/logging/reading/log-read-error.js'
import { AsciiLines } from '../../src/logging/writers/ascii-lines.js'
import { DEFAULT_ASCII_OPTIONS } from '../../src/logging/writers/ascii-options.js'
import { JsonLines } from '../../src/logging/writers/json-lines.js'
import { jsonLogTexts, logTexts } from '../seeds.ts'
import { attempt, ensure, ensureSameBytes, type Target } from '../target.ts'

/** The record of a line, or undefined when it is none. */
function recordOf(reader: AsciiLineReader | JsonLineReader, line: Uint8Array): Uint8Array | undefined {
  const writer = new ByteWriter()
  const { error } = attempt(() => reader.read(writer, line), LogReadError)
  ensure(error === undefined || writer.length === 0, 'a refused line leaves nothing behind')
  return error === undefined ? writer.toBytes() : undefined
}

function lineOf(lines: AsciiLines | JsonLines, record: Uint8Array): Uint8Array {
  const writer = new ByteWriter()
  lines.write(writer, record, 0, record.length)
  return writer.toBytes().subarray(0, -1)
}

/** What was read once is the same whenever it is written and read again. */
function checkStable(
  reader: AsciiLineReader | JsonLineReader,
  lines: AsciiLines | JsonLines,
  line: Uint8Array,
): void {
  const record = recordOf(reader, line)
  if (record === undefined) return
  const written = lineOf(lines, record)
  const again = recordOf(reader, written)
  ensure(again !== undefined, 'what was written is refused')
  ensureSameBytes(lineOf(lines, again!), written, 'another line when read again')
}

const asciiLines: Target = {
  name: 'ascii-log-lines',
  what: 'lines of ASCII logs as records; what was read is the same when written and read again',
  sources: ['src/logging/reading/ascii-reader.ts', 'src/logging/reading/value-bytes.ts'],
  seeds: logTexts,
  run(input) {
    const { value: file } = attempt(() => readAsciiFile(input), LogReadError)
    if (file === undefined) return
    const { fields, format, lines } = file
    const reader = new AsciiLineReader(fields, format)
    for (const line of lines) recordOf(reader, line)
    // With other separators, what is escaped may look like something else.
    const usual = new AsciiLineReader(fields)
    for (const line of lines) checkStable(usual, new AsciiLines(fields), line)
  },
}

/** The columns of the recorded logs. */
let recordedFields: readonly LogField[] | undefined

const jsonLines: Target = {
  name: 'json-log-lines',
  what: 'lines of JSON logs as records; what was read is the same when written and read again',
  sources: ['src/logging/reading/json-reader.ts', 'src/logging/reading/json-tokens.ts'],
  seeds: jsonLogTexts,
  run(input) {
    recordedFields ??= readAsciiFile(logTexts()[0]!).fields
    const columns = recordedFields
    const formats = [
      {},
      { jsonTimestamps: 'JSON::TS_ISO8601', jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_PUA' },
      { jsonTimestamps: 'JSON::TS_MILLIS', jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_TSV' },
    ] as const
    for (const changes of formats) {
      const options = { ...DEFAULT_ASCII_OPTIONS, ...changes, useJson: true }
      const reader = new JsonLineReader(columns, options)
      const lines = new JsonLines(columns, options)
      for (const line of linesOf(input)) checkStable(reader, lines, line)
    }
  },
}

export const LOG_LINE_TARGETS: readonly Target[] = [asciiLines, jsonLines]
