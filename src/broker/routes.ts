/**
 * Who gets what: subscriptions of the node, of the participants in this process and of the peers. For each topic the
 * answer is worked out once and kept until a subscription changes, so that a message costs one lookup, however many
 * peers there are.
 */
import { FilterMatcher, LOCAL_TOPIC_PREFIX, minimalFilter } from './filter.js'
import type { Link } from './link.js'
import type { LocalParticipant } from './local-participant.js'

export interface Route {
  readonly links: readonly Link[]
  readonly participants: readonly LocalParticipant[]
  /** Whether the node itself subscribes the topic. */
  readonly toNode: boolean
}

/** Topics that are kept; they repeat, and a cluster has few. */
const KEPT_TOPICS = 4096

export class Routes {
  readonly #byTopic = new Map<string, Route>()
  readonly #participants = new Set<LocalParticipant>()
  #links: readonly Link[] = []
  #subscriptions: readonly string[] = []
  #nodeFilter = new FilterMatcher([])
  #announced: readonly string[] = []

  /** Peered links. */
  get links(): readonly Link[] {
    return this.#links
  }

  get hasParticipants(): boolean {
    return this.#participants.size > 0
  }

  /**
   * What peers are to know: the subscriptions of the node and its participants, minimal and sorted. The same object
   * as long as nothing changes.
   */
  get announced(): readonly string[] {
    return this.#announced
  }

  of(topic: string): Route {
    return this.#byTopic.get(topic) ?? this.#add(topic)
  }

  addLink(link: Link): void {
    this.#links = [...this.#links, link]
    this.changed()
  }

  removeLink(link: Link): void {
    this.#links = this.#links.filter((other) => other !== link)
    this.changed()
  }

  addParticipant(participant: LocalParticipant): void {
    this.#participants.add(participant)
    this.participantChanged()
  }

  removeParticipant(participant: LocalParticipant): void {
    this.#participants.delete(participant)
    this.participantChanged()
  }

  participantChanged(): void {
    this.changed()
    this.#announce()
  }

  subscribe(prefix: string): void {
    this.#setSubscriptions([...this.#subscriptions, prefix])
  }

  unsubscribe(prefix: string): void {
    this.#setSubscriptions(this.#subscriptions.filter((other) => other !== prefix))
  }

  /** Subscriptions of a peer changed, or what is sent to it. */
  changed(): void {
    this.#byTopic.clear()
  }

  #setSubscriptions(prefixes: readonly string[]): void {
    this.#subscriptions = prefixes
    this.#nodeFilter = new FilterMatcher(prefixes)
    this.changed()
    this.#announce()
  }

  #announce(): void {
    const prefixes = [...this.#participants].flatMap((participant) => participant.subscriptions)
    const filter = minimalFilter(
      [...this.#subscriptions, ...prefixes].filter((prefix) => !prefix.startsWith(LOCAL_TOPIC_PREFIX)),
    )
    const current = this.#announced
    if (filter.length === current.length && filter.every((prefix, index) => prefix === current[index])) return
    this.#announced = filter
    for (const link of this.#links) link.sendFilterIfChanged(filter)
  }

  #add(topic: string): Route {
    const route: Route = {
      links: this.#links.filter((link) => link.subscribes(topic)),
      participants: [...this.#participants].filter((participant) => participant.matches(topic)),
      toNode: this.#nodeFilter.matches(topic),
    }
    if (this.#byTopic.size >= KEPT_TOPICS) this.#byTopic.clear()
    this.#byTopic.set(topic, route)
    return route
  }
}
