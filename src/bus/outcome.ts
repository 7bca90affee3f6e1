import type { PeerCounters, PublishOutcome } from './bus.js'

const FROM_BEST_TO_WORST: readonly PublishOutcome[] = ['no-peer', 'accepted', 'queued', 'dropped']

/** Of two outcomes the one that a publisher should know; anything is worse than having nobody to send to. */
export function worseOutcome(a: PublishOutcome, b: PublishOutcome): PublishOutcome {
  return FROM_BEST_TO_WORST.indexOf(a) > FROM_BEST_TO_WORST.indexOf(b) ? a : b
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
