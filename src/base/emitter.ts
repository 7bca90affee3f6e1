/**
 * A typed emitter: events are a record of argument tuples. Listeners run in order of their priority, the higher
 * first, and of their registration; one that throws is given to `onListenerError` and does not stop the others.
 */
export class Emitter<Events extends { [Name in keyof Events]: readonly unknown[] }> {
  readonly #listeners = new Map<keyof Events, readonly Prioritized<unknown>[]>()
  readonly #onListenerError: (error: unknown, event: keyof Events) => void

  constructor(onListenerError: (error: unknown, event: keyof Events) => void) {
    this.#onListenerError = onListenerError
  }

  /** Registers a listener and returns the function that removes it. */
  on<Name extends keyof Events>(
    event: Name,
    listener: (...args: Events[Name]) => void,
    priority = 0,
  ): () => void {
    // An object of its own: the same function may be registered twice and removed once.
    const registration = { handler: listener, priority }
    this.#listeners.set(event, insertByPriority(this.#listeners.get(event) ?? [], registration))
    return () => {
      const current = this.#listeners.get(event) ?? []
      this.#listeners.set(
        event,
        current.filter((other) => other !== registration),
      )
    }
  }

  emit<Name extends keyof Events>(event: Name, ...args: Events[Name]): void {
    for (const { handler } of this.#listeners.get(event) ?? []) {
      try {
        ;(handler as (...args: Events[Name]) => void)(...args)
      } catch (error) {
        this.#onListenerError(error, event)
      }
    }
  }
}

export interface Prioritized<Handler> {
  readonly handler: Handler
  /** Higher ones run first. */
  readonly priority: number
}

/** The list with one more: behind those of the same priority. */
export function insertByPriority<Item extends { readonly priority: number }>(
  list: readonly Item[],
  item: Item,
): readonly Item[] {
  const index = list.findIndex((other) => other.priority < item.priority)
  return index < 0 ? [...list, item] : [...list.slice(0, index), item, ...list.slice(index)]
}
