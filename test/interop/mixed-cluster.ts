/** A cluster of real Zeek processes and ours. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { columnOf, parseAsciiLog } from '../../src/logging/log-reader.js'
import { type Running, start, temporaryDirectory, write } from '../process/support.js'
import { BACKEND, hasBackendScript } from './real-zeek.js'

/** A cluster in the making: the layout, and a folder for each real Zeek. */
export class Mixed {
  readonly directory = temporaryDirectory()
  readonly #layout: string

  constructor(layout: string) {
    this.#layout = layout
    write(this.directory, 'cluster-layout.zeek', layout)
  }

  /** Starts a real Zeek as one node; `script` is Zeek code that it runs beside its default scripts. */
  zeek(name: string, script: string, args: readonly string[] = []): Running {
    const cwd = join(this.directory, name)
    mkdirSync(cwd)
    write(cwd, 'cluster-layout.zeek', this.#layout)
    write(cwd, 'script.zeek', script)
    return start(
      [
        ...args,
        ...(hasBackendScript ? [BACKEND] : []),
        'script.zeek',
        'exit_only_after_terminate=T',
        'Log::default_rotation_interval=0sec',
      ],
      {
        command: 'zeek',
        cwd,
        env: { CLUSTER_NODE: name, ZEEK_DEFAULT_LISTEN_ADDRESS: '127.0.0.1' },
      },
    )
  }

  /** Starts one of our nodes. */
  ours(name: string, ...args: readonly string[]): Running {
    return start(['node', name, '--dialect', 'zeek-9.0', ...args], { cwd: this.directory })
  }

  /** Values of a column in a log that a real Zeek wrote. */
  column(node: string, log: string, column: string): string[] {
    const path = join(this.directory, node, `${log}.log`)
    if (!existsSync(path)) return []
    const parsed = parseAsciiLog(readFileSync(path, 'utf8'))
    return parsed.lines.map((line) => columnOf(parsed, line, column) ?? '')
  }
}
