import type { Backend, StoredEntry } from '../store/backends/backend.js'
import type { OpenBackendOptions } from '../store/backends/open-backend.js'

/** Backends of stores for nodes that run in a test: what was committed is there again when a node is restarted. */
export class MemoryBackends {
  readonly #stores = new Map<string, Map<string, StoredEntry>>()

  readonly open = async ({ store, folder }: OpenBackendOptions): Promise<Backend> => {
    const path = `${folder}/${store}`
    const entries = this.#stores.get(path) ?? new Map<string, StoredEntry>()
    this.#stores.set(path, entries)
    return {
      async *load() {
        yield [...entries.values()]
      },
      async commit(changes) {
        for (const change of changes) {
          switch (change.kind) {
            case 'put':
              entries.set(Buffer.from(change.entry.key).toString('latin1'), change.entry)
              break
            case 'erase':
              entries.delete(Buffer.from(change.key).toString('latin1'))
              break
            case 'clear':
              entries.clear()
          }
        }
      },
      async close() {},
    }
  }
}
