/** For tests of your own: a whole cluster in one process, on a virtual clock. */
export { MemoryDisk } from './memory-disk.js'
export { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js'
export { seededRandom } from './seeded-random.js'
export { startCluster, type TestCluster, type TestClusterOptions } from './start-cluster.js'
export { VirtualTime } from './virtual-time.js'
