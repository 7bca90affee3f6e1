/**
 * What belongs to one simulated process: its timers, connections and listeners. A crash ends them all at once,
 * without a word from the process itself: the others see broken connections, as after `kill -9`.
 */
import type { Timers } from '../base/time.js'
import type { Connection, ConnectionHandler, Listener, Network } from '../transport/transport.js'

export class MemoryProcess {
  readonly timers: Timers
  readonly network: Network
  readonly #connections = new Set<Connection>()
  readonly #listeners = new Set<Listener>()
  #state: 'running' | 'crashed' = 'running'

  constructor(timers: Timers, network: Network) {
    this.timers = {
      after: (delayMs, callback) => timers.after(delayMs, () => this.#run(callback)),
      soon: (callback) => timers.soon(() => this.#run(callback)),
    }
    this.network = {
      connect: (address, security, timeoutMs, handler) => {
        const connection = network.connect(address, security, timeoutMs, this.#guard(handler))
        this.#connections.add(connection)
        return connection
      },
      listen: async (address, security, accept) => {
        const listener = await network.listen(address, security, (connection) => {
          this.#connections.add(connection)
          return this.#guard(accept(connection))
        })
        this.#listeners.add(listener)
        return listener
      },
    }
  }

  crash(): void {
    this.#state = 'crashed'
    for (const listener of this.#listeners) void listener.close()
    for (const connection of this.#connections) connection.destroy()
  }

  #run(callback: () => void): void {
    if (this.#state === 'running') callback()
  }

  #guard(handler: ConnectionHandler): ConnectionHandler {
    return {
      onOpen: (connection) => this.#run(() => handler.onOpen?.(connection)),
      onBytes: (bytes) => this.#run(() => handler.onBytes(bytes)),
      onClose: (error) => this.#run(() => handler.onClose(error)),
    }
  }
}
