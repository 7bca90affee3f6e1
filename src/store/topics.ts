/** Topics of a store (spec/broker-protocol.md 7.1), and those that only our own nodes subscribe. */

/** What masters receive. */
export function masterTopic(store: string): string {
  return `${store}/<$>/data/master`
}

/** What clones receive. */
export function cloneTopic(store: string): string {
  return `${store}/<$>/data/clone`
}

/** Changes of a store, for participants in the process (spec/broker-protocol.md 7.10). */
export function storeEventsTopic(store: string): string {
  return `<$>/local/data/store-events/${store}`
}

/** A master that understands our own commands subscribes this one too. */
export function ownMasterTopic(store: string): string {
  return `zeek-cluster/store/${store}/master`
}

/** A clone that understands our own commands subscribes this one too. */
export function ownCloneTopic(store: string): string {
  return `zeek-cluster/store/${store}/clone`
}
