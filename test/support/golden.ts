/**
 * Packet captures and the logs that Zeek made of them. They are not part of this repository: the environment
 * variable `ZEEK_CLUSTER_GOLDEN` names the folder; tests that need it are skipped, with the reason, without it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'

const root = process.env['ZEEK_CLUSTER_GOLDEN']

/** Path in the folder of captures, or undefined when it is not there. */
export function goldenPath(name: string): string | undefined {
  if (root === undefined || root === '') return undefined
  const path = join(root, name)
  if (!existsSync(path)) throw new Error(`ZEEK_CLUSTER_GOLDEN is set, but ${path} does not exist`)
  return path
}

export const hasGolden = root !== undefined && root !== ''

/** Added to the names of tests that are skipped without the folder. */
export const goldenReason = hasGolden ? '' : ' (skipped: ZEEK_CLUSTER_GOLDEN names no folder of captures)'
