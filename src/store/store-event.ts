/** What participants in the process are told of a change (spec/broker-protocol.md 7.10). */
import { any } from '../data/types.js'
import { NONE, type Value } from '../data/value.js'
import { decode, type Encoded } from './encoded.js'
import type { StoredChange } from './engine.js'
import { endpointOf, NOBODY, objectOf } from './entity.js'

export function storeEvent(store: string, change: StoredChange): Value {
  const { kind, publisher, expiry } = change
  const value = (data: Encoded | undefined): Value => (data === undefined ? NONE : decode(any, data))
  const text = (content: string): Value => ({ type: 'string', value: content })
  const start = [text(kind), text(store), value(change.key)]
  const lifetime: Value = expiry === undefined ? NONE : { type: 'timespan', value: expiry }
  const by: Value[] =
    publisher === NOBODY
      ? [NONE, NONE]
      : [text(endpointOf(publisher)), { type: 'count', value: objectOf(publisher) }]
  switch (kind) {
    case 'insert':
      return { type: 'vector', value: [...start, value(change.value), lifetime, ...by] }
    case 'update':
      return { type: 'vector', value: [...start, value(change.old), value(change.value), lifetime, ...by] }
    case 'erase':
    case 'expire':
      return { type: 'vector', value: [...start, ...by] }
  }
}
