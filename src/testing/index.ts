/**
 * For tests of your own: a whole cluster in one process, on a virtual clock; and for other implementations of Broker's
 * protocol: a scripted peer with transcripts that they must pass (docs/conformance.md). Backends of stores have
 * theirs: `BACKEND_CONFORMANCE`.
 */

export type { Backend, Change, StoredEntry } from '../store/backends/backend.js'
export {
  BACKEND_CONFORMANCE,
  type BackendConformanceCase,
  type OpenConformingBackend,
} from './backend-conformance.js'
export { type RecordedChunk, type Replay, replaysOf } from './broker-replay.js'
export type { SubjectEvent } from './broker-script.js'
export { parseTranscript, type SubjectFeature, type Transcript } from './broker-transcript.js'
export { MemoryDisk } from './memory-disk.js'
export { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js'
export {
  runTranscript,
  runTranscriptInMemory,
  type TranscriptResult,
  type TranscriptSurroundings,
} from './run-transcript.js'
export { seededRandom } from './seeded-random.js'
export { startCluster, type TestCluster, type TestClusterOptions } from './start-cluster.js'
export {
  type EndpointSubjectOptions,
  endpointSubject,
  type SubjectFactory,
  type SubjectSetup,
  type SubjectUnderTest,
} from './subject-under-test.js'
export { BROKER_TRANSCRIPTS } from './transcripts/broker/index.js'
export { VirtualTime } from './virtual-time.js'
