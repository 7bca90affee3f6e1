/** The parts that one running node is composed of. */
const BELOW_NODE = [
  'base',
  'data',
  'transport',
  'bus',
  'broker',
  'websocket',
  'options',
  'zeek-script',
  'layout',
  'sqlite',
  'logging',
  'store',
  'cluster',
  'control',
  'capture',
  'analysis',
] as const

/** Who may import whom: the table that ARCHITECTURE.md shows. A folder may always import itself. */
export const LAYERS: Readonly<Record<string, readonly string[] | 'everything'>> = {
  base: [],
  data: ['base'],
  transport: ['base'],
  bus: ['base', 'data'],
  broker: ['base', 'data', 'transport', 'bus'],
  websocket: ['base', 'data', 'transport', 'bus'],
  options: ['base', 'data'],
  'zeek-script': ['base', 'data', 'options'],
  layout: ['base', 'data', 'options', 'zeek-script'],
  sqlite: ['base'],
  logging: ['base', 'data', 'bus', 'sqlite'],
  store: ['base', 'data', 'bus', 'options', 'sqlite'],
  cluster: ['base', 'data', 'bus', 'options', 'layout', 'logging', 'store'],
  control: ['base', 'data', 'bus', 'options', 'cluster'],
  capture: ['base'],
  analysis: ['base', 'data', 'capture'],
  node: BELOW_NODE,
  supervisor: ['base', 'options', 'layout'],
  cli: 'everything',
  testing: [...BELOW_NODE, 'node'],
}

/** Folders whose code runs on any clock, network and disk: nothing of the surroundings is used directly. */
export const PURE_FOLDERS: readonly string[] = [
  'data',
  'bus',
  'broker',
  'options',
  'zeek-script',
  'layout',
  'logging',
  'store',
  'cluster',
  'control',
  'capture',
  'analysis',
]

/** The few files that give the real surroundings to everybody else, and what they may use. */
export const SURROUNDINGS: Readonly<Record<string, readonly string[]>> = {
  'base/time.ts': ['setTimeout', 'setImmediate', 'performance'],
  'base/random.ts': ['node:crypto'],
  'base/command.ts': ['node:child_process'],
  'base/disk.ts': ['node:fs', 'node:fs/promises', 'process.'],
  'store/backends/store-files.ts': ['node:fs', 'node:fs/promises'],
  'store/backends/librocksdb.ts': ['node:fs'],
  'transport/tcp.ts': ['node:net', 'node:tls', 'setTimeout', 'process.'],
  'transport/tls.ts': ['node:tls'],
  'transport/certificates.ts': ['node:fs'],
  'transport/kernel.ts': ['process.'],
  'transport/liveness.ts': ['node:net', 'setTimeout', 'setInterval'],
}
