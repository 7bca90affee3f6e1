/** Cluster layouts: what `cluster-layout.zeek` says, read, checked and printed; and who connects to whom in it. */
export type { Diagnostic, Severity, SourceSpan } from './diagnostics.js'
export { type LayoutFormat, layoutFormat } from './file-format.js'
export { formatDiagnostic } from './format.js'
export type { ImportedLayout, ImportOptions } from './import-nodes.js'
export { type Layout, type LayoutNode, nodesByName } from './layout.js'
export { type NodeCfgOptions, readNodeCfg } from './node-cfg.js'
export type { CustomInterface } from './node-cfg-section.js'
export { isNodeType, NODE_TYPES, type NodeType } from './node-type.js'
export { hasErrors, LAYOUT_BYTES_MAX, type ParsedLayout, parseLayout } from './parse-layout.js'
export {
  type JsonLayout,
  type JsonNode,
  type JsonPort,
  type JsonRedef,
  layoutToJson,
  printLayout,
  printValue,
} from './print.js'
export { DIAGNOSTICS_MAX } from './source.js'
export { dialTargets, expectedPeers } from './topology.js'
export { readZeekConf, type ZeekConfFile } from './zeek-conf.js'
