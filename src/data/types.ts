/**
 * Zeek's types as values: they say how a native JavaScript value travels as Broker data (arguments of events) and
 * as a log column. `count` and `int` are always `bigint`; `time` and `interval` are seconds as Zeek's own doubles;
 * addresses, subnets and ports are the immutable classes of `address.ts`.
 *
 *     const seen = event('Demo::seen', [addr, count])
 *     columns: { ts: time, host: addr, tags: optional(set(string)) }
 *
 * Conversion rules: spec/broker-protocol.md 6.8 (data) and 6.6 (log columns).
 */
export { optional, type RecordOf, record, set, table, tuple, vector } from './container-types.js'
export {
  type DataType,
  type LogForm,
  type Native,
  type Natives,
  type Part,
  type Structure,
  writeLogValue,
  ZEEK_TAG,
} from './data-type.js'
export { type EnumType, enumOf } from './enum-type.js'
export {
  addr,
  any,
  bool,
  bytes,
  count,
  double,
  enumeration,
  file,
  int,
  interval,
  port,
  string,
  subnet,
  time,
} from './scalar-types.js'
export { type Func, func, type Opaque, opaque, type Pattern, pattern } from './special-types.js'
