/** Everything that a node takes from its surroundings. The command line passes the real ones, a test its own. */
import { type RunCommand, systemRunCommand } from '../base/command.js'
import { type Disk, systemDisk } from '../base/disk.js'
import { type Random, systemRandom } from '../base/random.js'
import { type Clock, systemClock, systemTimers, type Timers } from '../base/time.js'
import { openBackend } from '../store/backends/open-backend.js'
import { tcpNetwork } from '../transport/tcp.js'
import type { Network } from '../transport/transport.js'
import { type ClaimFolder, claimFolder } from './folder-claim.js'

export interface Platform {
  readonly clock: Clock
  readonly timers: Timers
  readonly random: Random
  readonly network: Network
  readonly disk: Disk
  /** Runs what log files are processed with. */
  readonly runCommand: RunCommand
  /** Takes the folder of a node's spool, which belongs to one process. */
  readonly claimFolder: ClaimFolder
  /** Opens what keeps a store. */
  readonly openBackend: typeof openBackend
}

export const systemPlatform: Platform = {
  clock: systemClock,
  timers: systemTimers,
  random: systemRandom,
  network: tcpNetwork,
  disk: systemDisk,
  runCommand: systemRunCommand,
  claimFolder,
  openBackend,
}
