/** Small clusters of one logger and one worker, for tests of logs over real processes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { systemDisk } from '../../src/base/disk.js'
import type { RunLedger } from '../../src/logging/delivery/delivery-settings.js'
import { readLedger } from '../../src/logging/delivery/ledger.js'
import { freePorts } from '../support/free-ports.js'
import { type Running, start, temporaryDirectory, write } from './support.js'

const NODE = fileURLToPath(new URL('./log-node.mjs', import.meta.url))

/** The worker writes numbered records from its start on. */
export class LogCluster {
  readonly folder = temporaryDirectory()
  #layout = ''
  #runs = 0

  async prepare(): Promise<void> {
    const [logger] = await freePorts(1)
    this.#layout = write(
      this.folder,
      'cluster-layout.zeek',
      `redef Broker::disable_ssl = T;
redef Cluster::manager_is_logger = F;
redef Cluster::retry_interval = 1 sec;
redef Cluster::nodes = {
  ["logger"] = [$node_type=Cluster::LOGGER, $ip=127.0.0.1, $p=${logger}/tcp],
  ["worker"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1],
};
`,
    )
  }

  logger(): Running {
    return this.#start('logger')
  }

  worker(): Running {
    this.#runs += 1
    return this.#start('worker', `run-${this.#runs}`)
  }

  /** Numbers of the records in all log files, by run, in order of the files. */
  stored(): Map<string, number[]> {
    const runs = new Map<string, number[]>()
    const folder = join(this.folder, 'logs', 'logger')
    for (const file of readdirSync(folder).filter((name) => /^kill(\..*)?\.log$/.test(name))) {
      const text = readFileSync(join(folder, file), 'utf8')
      for (const line of text.split('\n').filter((row) => row !== '' && !row.startsWith('#'))) {
        const [run, n] = line.split('\t')
        const numbers = runs.get(run!) ?? []
        runs.set(run!, numbers)
        numbers.push(Number(n))
      }
    }
    return runs
  }

  /** How many records a run wrote. */
  written(run: string): number {
    const file = join(this.folder, `written-${run}`)
    const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0)
    return bytes.length < 8 ? 0 : Number(bytes.readBigUInt64BE())
  }

  get runs(): readonly string[] {
    return Array.from({ length: this.#runs }, (_, index) => `run-${index + 1}`)
  }

  ledger(): Promise<readonly RunLedger[]> {
    return readLedger(systemDisk, join(this.folder, 'spool', 'worker', 'sent'))
  }

  #start(...args: readonly string[]): Running {
    const [name, ...rest] = args
    return start([NODE, this.#layout, name!, this.folder, ...rest], {
      command: process.execPath,
      cwd: this.folder,
    })
  }
}
