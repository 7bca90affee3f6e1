/** Zeek's script language: scripts read, evaluated as far as they configure something, and their declarations. */
export type { BuiltIn } from './built-ins.js'
export { convert } from './conversion.js'
export {
  type Declarations,
  type EventDeclaration,
  parseDeclarations,
  parseScripts,
  type ScriptText,
  type TypeDeclaration,
} from './declarations.js'
export type { Diagnostic, Severity, SourceSpan } from './diagnostics.js'
export type { Evaluator } from './evaluator.js'
export { formatDiagnostic } from './format.js'
export { NO_HOST, type ScriptHost } from './host.js'
export {
  describeLiteral,
  type EntryLiteral,
  type FieldLiteral,
  type Literal,
  opened,
  type RecordLiteral,
} from './literal.js'
export { SCRIPT_BYTES_MAX } from './loader.js'
export { redefined } from './redefinition.js'
export type { EvaluatedRedef, World } from './scope.js'
export { runScript, type ScriptOptions, type ScriptRun } from './script.js'
export { DIAGNOSTICS_MAX, Report, Source } from './source.js'
export { quoteString } from './strings.js'
export { didYouMean, nearest } from './suggest.js'
export { shorten } from './token-stream.js'
export { type TypescriptModule, type TypescriptOptions, typescriptModule } from './typescript.js'
export { describeTypeName, typeOf } from './values.js'
export { type Attribute, type EnumName, type RecordField, typeText, type ZeekType } from './zeek-type.js'
