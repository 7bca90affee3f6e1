/** Whether there is a real Zeek to test with, and which. */
import { spawnSync } from 'node:child_process'

/** Zeek's script for Broker as the backend of a cluster. */
export const BACKEND = 'frameworks/cluster/backend/broker'

const version = spawnSync('zeek', ['--version'], { encoding: 'utf8' })
const release = Number(/version (\d+)\./.exec(version.stdout ?? '')?.[1] ?? 0)

export const hasBackendScript =
  release >= 8 && spawnSync('zeek', ['--parse-only', '--bare-mode', BACKEND]).status === 0

/** Zeek 8 uses Broker when no backend is loaded; Zeek 9 must be built with it, and be told. */
export const isUsable = release === 8 || hasBackendScript

/** Behind the names of tests that are skipped. */
export const skipReason = isUsable
  ? ''
  : ` (skipped: ${release >= 8 ? 'this zeek has no Broker backend' : 'no Zeek 8 or 9 on PATH'})`
