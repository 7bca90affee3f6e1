/** Cluster layouts: what `cluster-layout.zeek` says, read, checked and printed; and who connects to whom in it. */
export { DIALECTS, type Dialect } from '../options/dialect.js'
export {
  DIAGNOSTICS_MAX,
  type Diagnostic,
  formatDiagnostic,
  type ScriptHost,
  type Severity,
  type SourceSpan,
} from '../zeek-script/index.js'
export { type LayoutFormat, layoutFormat } from './import/file-format.js'
export type { ImportedLayout, ImportOptions } from './import/import-nodes.js'
export { type NodeCfgOptions, readNodeCfg } from './import/node-cfg.js'
export type { CustomInterface } from './import/node-cfg-section.js'
export { readZeekConf, type ZeekConfFile } from './import/zeek-conf.js'
export { type Layout, type LayoutNode, nodesByName } from './layout.js'
export { isNodeType, NODE_TYPES, type NodeType } from './node-type.js'
export {
  hasErrors,
  LAYOUT_BYTES_MAX,
  type LayoutOptions,
  type ParsedLayout,
  parseLayout,
} from './parse-layout.js'
export { type ParsedRedef, parseRedef } from './parse-redef.js'
export {
  type JsonLayout,
  type JsonNode,
  type JsonPort,
  type JsonRedef,
  layoutToJson,
  printLayout,
  printValue,
} from './print.js'
export { dialTargets, expectedPeers } from './topology.js'
