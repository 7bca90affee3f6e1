/** Which of the readers of this folder a file is for. */

export type LayoutFormat = 'zeek' | 'node-cfg' | 'zeek-conf'

/** By the end of the file's name: `.cfg` is zeekctl's, `.conf` the systemd generator's, all others are in Zeek's syntax. */
export function layoutFormat(path: string): LayoutFormat {
  if (path.endsWith('.cfg')) return 'node-cfg'
  return path.endsWith('.conf') ? 'zeek-conf' : 'zeek'
}
