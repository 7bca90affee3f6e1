/**
 * A typed emitter: events are a record of argument tuples. Listeners run in order of registration; one that
 * throws is given to `onListenerError` and does not stop the others.
 */
export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, { readonly listener: unknown }[]>()
  readonly #onListenerError: (error: unknown, event: keyof Events) => void

  constructor(onListenerError: (error: unknown, event: keyof Events) => void) {
    this.#onListenerError = onListenerError
  }

  /** Registers a listener and returns the function that removes it. */
  on<Name extends keyof Events>(event: Name, listener: (...args: Events[Name]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? []
    // An object of its own: the same function may be registered twice and removed once.
    const registration = { listener }
    this.#listeners.set(event, [...listeners, registration])
    return () => {
      const current = this.#listeners.get(event) ?? []
      this.#listeners.set(
        event,
        current.filter((other) => other !== registration),
      )
    }
  }

  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): void {
    for (const { listener } of this.#listeners.get(event) ?? []) {
      try {
        ;(listener as (...args: Events[Name]) => void)(...args)
      } catch (error) {
        this.#onListenerError(error, event)
      }
    }
  }
}
