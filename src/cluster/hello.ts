import { event } from '../data/event.js'
import { string } from '../data/types.js'

/** `Cluster::hello`: nodes tell each other their name and id when they peer. */
export const hello = event('Cluster::hello', [string, string])
