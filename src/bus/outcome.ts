import type { BusStatus, PeerCounters, PublishOutcome } from './bus.js'

const FROM_BEST_TO_WORST: readonly PublishOutcome[] = ['no-peer', 'accepted', 'queued', 'dropped']

/** Of two outcomes the one that a publisher should know; anything is worse than having nobody to send to. */
export function worseOutcome(a: PublishOutcome, b: PublishOutcome): PublishOutcome {
  return FROM_BEST_TO_WORST.indexOf(a) > FROM_BEST_TO_WORST.indexOf(b) ? a : b
}

/** What was dropped, and why, for the operator; `name` is the peer's. */
export function describeDrops(told: Extract<BusStatus, { kind: 'messages-dropped' }>, name: string): string {
  const topics = [...told.topics].map(([topic, messages]) => `${messages} on ${topic}`).join(', ')
  const why = told.reason === 'queue-full' ? 'its queue is full' : 'the connection is lost'
  return `messages for ${name} were dropped, ${why}: ${topics}`
}

export function emptyCounters(): PeerCounters {
  return {
    messagesIn: 0,
    messagesOut: 0,
    bytesIn: 0,
    bytesOut: 0,
    droppedOut: 0,
    forwardedOut: 0,
    ignoredIn: 0,
    queuedBytes: 0,
  }
}
