/** The stream `Cluster::LOG`. */

import type { RecordOf } from '../data/types.js'
import { string, time } from '../data/types.js'

/** `Cluster::Info`: the columns of cluster.log. */
export const CLUSTER_LOG_COLUMNS = {
  /** Time at which the message was generated, in seconds. */
  ts: time,
  /** Name of the node that writes the record. */
  node: string,
  message: string,
}

/** A record of cluster.log. */
export type ClusterInfo = RecordOf<typeof CLUSTER_LOG_COLUMNS>
