/**
 * Encoders of log records, made for their columns: as in `record-codec.ts`, functions of their own are several times
 * faster than a loop. What is usual (scalars, short ASCII texts) is stored right here; at the first thing that is not,
 * the record is begun again with `LogForm.writeBody`, which also says what is wrong.
 */
import { asciiInto, SHORT_TEXT_LENGTH } from './byte-writer.js'
import type { DataType, LogForm } from './data-type.js'
import { compile, type FieldsWriter } from './record-codec.js'

/** A column of a log: where its value is in the record, for a nested record more than one name, and its type. */
export type LogColumnSource = readonly [access: string | readonly string[], type: DataType<unknown>]

/** Type tag, unused subtype, present flag. */
const HEADER_BYTES = 9

/**
 * Appends the value of each column as in a log record, without their number in front (spec/broker-protocol.md 6.6).
 * Every column must be loggable. What is inside a record that is not set is not set either.
 */
export function compileLogWriter(columns: readonly LogColumnSource[]): FieldsWriter {
  const forms = columns.map(([, type]): LogForm<unknown> => type.log!)
  const bound: [string, unknown][] = forms.map((form, index) => [`t${index}`, form])
  const values = columns.map(([access]) => accessTo(access))
  const slow = values.map(
    (value, index) =>
      `v = ${value}; writer.logHeader(t${index}.tag, v !== undefined); if (v !== undefined) t${index}.writeBody(writer, v);`,
  )
  const writeSlowly = compile(bound, 'writer, value', `let v;\n${slow.join('\n')}`)
  const rooms = forms.map(roomFor)
  const lines = forms.map((form, index) => {
    const room = rooms.slice(index + 1).reduce((sum, bytes) => sum + bytes, 0)
    return (
      `v = ${values[index]}; view.setUint32(o, ${form.tag}); view.setUint32(o + 4, 0);` +
      `if (v === undefined) { bytes[o + 8] = 0; o += ${HEADER_BYTES}; }` +
      `else { bytes[o + 8] = 1; o += ${HEADER_BYTES}; ${fastBody(form, index, bound, room)} }`
    )
  })
  bound.push(['writeSlowly', writeSlowly], ['asciiInto', asciiInto])
  return compile(
    bound,
    'writer, value',
    `const start = writer.length; writer.ensure(${rooms.reduce((sum, bytes) => sum + bytes, 0)});
    let bytes = writer.bytes, view = writer.view, o = start, v, n;
    fast: {\n${lines.join('\n')}\nwriter.length = o; return; }
    writer.length = start; writeSlowly(writer, value);`,
  ) as FieldsWriter
}

function accessTo(access: string | readonly string[]): string {
  const [first, ...rest] = typeof access === 'string' ? [access] : access
  const inner = rest.map((name) => `?.[${JSON.stringify(name)}]`)
  return `value[${JSON.stringify(first)}]${inner.join('')}`
}

/** The most bytes that the usual form of a column takes. */
function roomFor({ fast }: LogForm<unknown>): number {
  if (fast === undefined) return HEADER_BYTES
  return HEADER_BYTES + (fast === 'text' ? 4 + SHORT_TEXT_LENGTH : fast.maxBytes)
}

/** Code that appends `v` at `o`, or breaks out of `fast`; `room` is what the columns behind it need. */
function fastBody(
  { fast }: LogForm<unknown>,
  index: number,
  bound: [string, unknown][],
  room: number,
): string {
  if (fast === undefined) {
    return `writer.length = o; t${index}.writeBody(writer, v); o = writer.length; writer.ensure(${room}); bytes = writer.bytes; view = writer.view;`
  }
  if (fast === 'text') {
    return `if (typeof v !== 'string' || (n = v.length) > ${SHORT_TEXT_LENGTH} || !asciiInto(bytes, o + 4, v)) break fast; view.setUint32(o, n); o += n + 4;`
  }
  bound.push([`w${index}`, fast.writeAt])
  return `if ((n = w${index}(view, o, v)) < 0) break fast; o += n;`
}
