/** Zeek's and Broker's values: native types, typed events, lossless dynamic values, binary codec. */
export { Address, Port, type Protocol, Subnet } from './address.js'
export { readValue, skipValue, writeValue } from './binary.js'
export { ByteReader } from './byte-reader.js'
export { ByteWriter } from './byte-writer.js'
export { DecodeError, type DecodeErrorCode, EncodeError } from './decode-error.js'
export { type EventMessage, type EventType, event, type ParameterTypes } from './event.js'
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
  enumeration,
  int,
  interval,
  type Native,
  type Natives,
  optional,
  port,
  type RecordOf,
  record,
  set,
  string,
  subnet,
  table,
  time,
  vector,
} from './types.js'
export { type ByteString, compareValues, NONE, VALUE_TYPES, type Value, type ValueType } from './value.js'
