/** What a script can ask of the machine that it is read on. */
import type { Address } from '../data/address.js'

export interface ScriptHost {
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly hostName: string
  /** Folders that `@load` looks in after the folder of the loading file (ZEEKPATH). */
  readonly searchPath: readonly string[]
  /** Undefined when there is no such file. */
  readFile(path: string): Uint8Array | undefined
  /** Addresses of a host name; [] when it has none; undefined when it has not been asked for yet. */
  lookUp(name: string): readonly Address[] | undefined
}

/** A machine without environment, files and names. */
export const NO_HOST: ScriptHost = {
  environment: {},
  hostName: 'localhost',
  searchPath: [],
  readFile: () => undefined,
  lookUp: () => [],
}
