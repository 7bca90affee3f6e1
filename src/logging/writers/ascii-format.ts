import type { ByteWriter } from '../../data/byte-writer.js'
import type { LogField } from '../../data/log-messages.js'
import { AsciiLines } from './ascii-lines.js'

/** Appends lines with Zeek's default options to a writer. One formatter serves all files of a logger. */
export class AsciiFormatter {
  readonly #lines = new WeakMap<readonly LogField[], AsciiLines>()

  /**
   * Appends the record `bytes[start, end)` as one line. Throws `DecodeError` when it does not have these fields;
   * nothing is appended then.
   */
  formatLine(
    writer: ByteWriter,
    fields: readonly LogField[],
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    let lines = this.#lines.get(fields)
    if (lines === undefined) {
      lines = new AsciiLines(fields)
      this.#lines.set(fields, lines)
    }
    lines.write(writer, bytes, start, end)
  }
}
