/** Zeek's and Broker's values: native types, typed events, lossless dynamic values, binary codec. */
export { Address, Port, type Protocol, Subnet } from './address.js'
export { readValue, skipValue, writeValue } from './binary.js'
export { ByteReader } from './byte-reader.js'
export { ByteWriter } from './byte-writer.js'
export { type SetLike, ValueMap, ValueSet } from './containers.js'
export { DecodeError, type DecodeErrorCode, EncodeError } from './decode-error.js'
export { type EventMessage, type EventType, event, type ParameterTypes } from './event.js'
export { valueFromJson, valueFromParsedJson, valueToExactJson, valueToJson } from './json.js'
export { type Json, JsonNumber, JsonObject, type JsonOptions, parseJson } from './json-document.js'
export type { LogField, LogWriterDescription } from './log-messages.js'
export type { Encodable } from './messages.js'
export {
  addr,
  any,
  bool,
  bytes,
  count,
  type DataType,
  double,
  type EnumType,
  enumeration,
  enumOf,
  type Func,
  file,
  func,
  int,
  interval,
  type Native,
  type Natives,
  type Opaque,
  opaque,
  optional,
  type Part,
  type Pattern,
  pattern,
  port,
  type RecordOf,
  record,
  set,
  string,
  subnet,
  table,
  time,
  tuple,
  vector,
} from './types.js'
export { type ByteString, NONE, VALUE_TYPES, type Value, type ValueType } from './value.js'
export { compareValues, equalValues, hashValue } from './value-order.js'
export { valueAsZeekPrints } from './zeek-json.js'
