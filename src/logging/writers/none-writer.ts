import type { LogWriter } from './log-writer.js'

/** A byte for each record: an empty chunk would look as if there were nothing to store. */
const RECORD = 0
const NOTHING = new Uint8Array(0)

/** Zeek's writer for logs that nobody wants: it stores nothing. `size` counts the records. */
export function noneWriter(): LogWriter {
  return {
    name: 'Log::WRITER_NONE',
    continuesFiles: true,
    fileName: (name) => name,
    formatter: () => (chunk) => chunk.u8(RECORD),
    async open() {
      let size = 0
      return {
        get size() {
          return size
        },
        rotates: false,
        prepare: async (_chunk, records) => ({ bytes: NOTHING, records, sizeAfter: size + records }),
        async store({ sizeAfter }) {
          size = sizeAfter
        },
        async cut() {},
        async sync() {},
        async close() {},
      }
    },
    measure: async () => undefined,
    async cut() {},
  }
}
