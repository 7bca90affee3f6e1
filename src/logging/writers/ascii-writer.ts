import type { Disk } from '../../base/disk.js'
import { ASCII_WRITER } from '../../data/log-messages.js'
import { AsciiLines } from './ascii-lines.js'
import { type AsciiOptions, asciiOptionsFor } from './ascii-options.js'
import { JsonLines } from './json-lines.js'
import type { LogWriter } from './log-writer.js'
import { fileSuffix, openTextFile, specialFile } from './text-file.js'

/** Zeek's ASCII writer, which also writes JSON. `defaults` are those of logs whose filters set nothing else. */
export function asciiWriter(disk: Disk, defaults: AsciiOptions): LogWriter {
  return {
    name: ASCII_WRITER,
    continuesFiles: false,
    fileName(name, config) {
      const options = asciiOptionsFor(defaults, config)
      return specialFile(name, options) ?? `${name}${fileSuffix(options)}`
    },
    formatter(fields, config) {
      const options = asciiOptionsFor(defaults, config)
      const lines = options.useJson ? new JsonLines(fields, options) : new AsciiLines(fields, options)
      return (chunk, bytes, start, end) => lines.write(chunk, bytes, start, end)
    },
    async open(file) {
      return openTextFile(disk, file, asciiOptionsFor(defaults, file.config))
    },
    async measure(filePath) {
      return (await disk.info(filePath))?.sizeBytes
    },
    async cut(filePath, size) {
      const file = await disk.append(filePath)
      try {
        await file.cut(size)
        await file.sync()
      } finally {
        await file.close()
      }
    },
  }
}
