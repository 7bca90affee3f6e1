/**
 * Zeek's operators on values. Where Zeek goes on with a value that cannot be meant (a count below zero, an overflow),
 * there is a problem here.
 */
import { type Address, Subnet } from '../data/address.js'
import type { RedefValue } from '../options/registry.js'
import type { BinaryOperator, UnaryOperator } from './syntax.js'
import { elementsByKey, firstKey, keyOf, portOrder, typeOf, type ValueOf } from './values.js'
import { typeText } from './zeek-type.js'

/** Why there is no value. */
export interface Problem {
  readonly problem: string
  readonly code?: string
}

export type Result = RedefValue | Problem

export function isProblem(result: Result): result is Problem {
  return 'problem' in result
}

const COUNT_END = 1n << 64n
const INT_END = 1n << 63n

const bool = (value: boolean): RedefValue => ({ type: 'bool', value })

/** A count, or the problem that it is none. */
export function countOf(value: bigint): Result {
  if (value < 0n) return { code: 'bad-number', problem: `${value} is no count: a count is 0 or more` }
  return value < COUNT_END ? { type: 'count', value } : overflow('count')
}

/** An int, or the problem that it is none. */
export function intOf(value: bigint): Result {
  return value < INT_END && value >= -INT_END ? { type: 'int', value } : overflow('int')
}

/** A double or interval, or the problem that it is none. */
function realOf(type: 'double' | 'interval', value: number): Result {
  return Number.isFinite(value) ? { type, value } : overflow(type)
}

function overflow(type: string): Problem {
  return { code: 'bad-number', problem: `the result is too large for ${type === 'int' ? 'an' : 'a'} ${type}` }
}

function mismatch(operator: string, left: RedefValue, right: RedefValue): Problem {
  const [first, second] = [typeText(typeOf(left)), typeText(typeOf(right))]
  const names = [left.type === 'enum' ? 'enum' : first, right.type === 'enum' ? 'enum' : second]
  return {
    code: 'wrong-type',
    problem: `the operator \`${operator}\` does not take ${names[0]} and ${names[1]}`,
  }
}

export function unary(operator: UnaryOperator, operand: RedefValue): Result {
  const { type } = operand
  const refused: Problem = {
    code: 'wrong-type',
    problem: `the operator \`${operator}\` does not take ${type}`,
  }
  switch (operator) {
    case '!':
      if (type === 'bool') return bool(!operand.value)
      return type === 'count' || type === 'int' ? bool(operand.value === 0n) : refused
    case '~':
      return type === 'count' ? { type, value: COUNT_END - 1n - operand.value } : refused
    case '-':
    case '+': {
      const minus = operator === '-'
      if (type === 'count' || type === 'int') {
        const result = intOf(minus ? -operand.value : operand.value)
        if (!isProblem(result)) return result
        return { ...result, problem: 'this number is too large: an int has 63 bits and a sign' }
      }
      if (type === 'double' || type === 'interval') {
        return { type, value: minus ? -operand.value : operand.value }
      }
      return refused
    }
  }
}

/** `|x|`. */
export function sizeOf(operand: RedefValue): Result {
  switch (operand.type) {
    case 'string':
      return { type: 'count', value: BigInt(Buffer.byteLength(operand.value)) }
    case 'count':
    case 'int':
      return { type: 'count', value: operand.value < 0n ? -operand.value : operand.value }
    case 'double':
    case 'interval':
      return { type: 'double', value: Math.abs(operand.value) }
    case 'addr':
      return { type: 'count', value: operand.value.isIPv4 ? 32n : 128n }
    case 'subnet':
      return { type: 'double', value: 2 ** (128 - operand.value.length) }
    case 'port':
      return { type: 'count', value: BigInt(portOrder(operand.value)) }
    case 'record':
      return { type: 'count', value: BigInt(operand.value.size) }
    case 'table':
    case 'set':
    case 'vector':
      return { type: 'count', value: BigInt(operand.value.length) }
    case 'bool':
      return { type: 'count', value: operand.value ? 1n : 0n }
    case 'enum':
      return { code: 'wrong-type', problem: 'the operator `|…|` does not take enum' }
  }
}

export function binary(
  operator: Exclude<BinaryOperator, '&&' | '||'>,
  left: RedefValue,
  right: RedefValue,
): Result {
  switch (operator) {
    case 'in':
    case '!in': {
      const found = isIn(left, right)
      if (found === undefined) return mismatch(operator, left, right)
      return bool(found === (operator === 'in'))
    }
    case '==':
    case '!=': {
      const equal = isEqual(left, right)
      return equal === undefined ? mismatch(operator, left, right) : bool(equal === (operator === '=='))
    }
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const order = compare(left, right)
      if (order === undefined) return mismatch(operator, left, right)
      if (operator === '<') return bool(order < 0)
      if (operator === '<=') return bool(order <= 0)
      return bool(operator === '>' ? order > 0 : order >= 0)
    }
    case '&':
    case '|':
    case '^':
    case '<<':
    case '>>':
      return bits(operator, left, right)
    case '+':
    case '-':
    case '*':
    case '/':
    case '%':
      return arithmetic(operator, left, right)
  }
}

function isWhole(value: RedefValue): value is ValueOf<'count' | 'int'> {
  return value.type === 'count' || value.type === 'int'
}

function isNumber(value: RedefValue): value is ValueOf<'count' | 'int' | 'double'> {
  return isWhole(value) || value.type === 'double'
}

function arithmetic(operator: '+' | '-' | '*' | '/' | '%', left: RedefValue, right: RedefValue): Result {
  if (isWhole(left) && isWhole(right)) return wholeArithmetic(operator, left, right)
  if (isNumber(left) && isNumber(right) && operator !== '%') {
    return realArithmetic(operator, 'double', Number(left.value), Number(right.value))
  }
  if (left.type === 'interval' || right.type === 'interval') return intervals(operator, left, right)
  if (left.type === 'string' && right.type === 'string' && operator === '+') {
    return { type: 'string', value: left.value + right.value }
  }
  if (left.type === 'addr' && isWhole(right) && operator === '/') return mask(left.value, right.value)
  if (left.type === 'set' && right.type === 'set' && operator === '-') {
    const taken = new Set(right.value.map(keyOf))
    return { type: 'set', value: left.value.filter((element) => !taken.has(keyOf(element))) }
  }
  return mismatch(operator, left, right)
}

function wholeArithmetic(
  operator: '+' | '-' | '*' | '/' | '%',
  left: ValueOf<'count' | 'int'>,
  right: ValueOf<'count' | 'int'>,
): Result {
  const type = left.type === 'count' && right.type === 'count' ? 'count' : 'int'
  if (type === 'int' && (left.value >= INT_END || right.value >= INT_END)) return overflow('int')
  const make = type === 'count' ? countOf : intOf
  switch (operator) {
    case '+':
      return make(left.value + right.value)
    case '-':
      return make(left.value - right.value)
    case '*':
      return make(left.value * right.value)
    case '/':
    case '%':
      if (right.value === 0n) return { code: 'bad-number', problem: 'this divides by zero' }
      return make(operator === '/' ? left.value / right.value : left.value % right.value)
  }
}

function realArithmetic(
  operator: '+' | '-' | '*' | '/',
  type: 'double' | 'interval',
  left: number,
  right: number,
): Result {
  switch (operator) {
    case '+':
      return realOf(type, left + right)
    case '-':
      return realOf(type, left - right)
    case '*':
      return realOf(type, left * right)
    case '/':
      if (right === 0) return { code: 'bad-number', problem: 'this divides by zero' }
      return realOf(type, left / right)
  }
}

function intervals(operator: '+' | '-' | '*' | '/' | '%', left: RedefValue, right: RedefValue): Result {
  if (left.type === 'interval' && right.type === 'interval') {
    if (operator === '+' || operator === '-') {
      return realArithmetic(operator, 'interval', left.value, right.value)
    }
    if (operator === '/') return realArithmetic(operator, 'double', left.value, right.value)
  } else if (left.type === 'interval' && isNumber(right) && (operator === '*' || operator === '/')) {
    return realArithmetic(operator, 'interval', left.value, Number(right.value))
  } else if (isNumber(left) && right.type === 'interval' && operator === '*') {
    return realArithmetic(operator, 'interval', Number(left.value), right.value)
  }
  return mismatch(operator, left, right)
}

function mask(address: Address, length: bigint): Result {
  const bits = address.isIPv4 ? 32n : 128n
  if (length >= 0n && length <= bits) return { type: 'subnet', value: Subnet.of(address, Number(length)) }
  return { code: 'bad-subnet', problem: `${length} is no length of a subnet: it is from 0 to ${bits}` }
}

function bits(operator: '&' | '|' | '^' | '<<' | '>>', left: RedefValue, right: RedefValue): Result {
  if (left.type === 'set' && right.type === 'set' && (operator === '&' || operator === '|')) {
    const keys = new Set((operator === '&' ? right : left).value.map(keyOf))
    return operator === '&'
      ? { type: 'set', value: left.value.filter((element) => keys.has(keyOf(element))) }
      : { type: 'set', value: [...left.value, ...right.value.filter((element) => !keys.has(keyOf(element)))] }
  }
  if (left.type !== 'count' || right.type !== 'count') return mismatch(operator, left, right)
  switch (operator) {
    case '&':
      return countOf(left.value & right.value)
    case '|':
      return countOf(left.value | right.value)
    case '^':
      return countOf(left.value ^ right.value)
    case '<<':
    case '>>':
      if (right.value > 63n) return { code: 'bad-number', problem: 'a count is shifted by 63 bits at most' }
      return countOf(operator === '<<' ? left.value << right.value : left.value >> right.value)
  }
}

function isEqual(left: RedefValue, right: RedefValue): boolean | undefined {
  if (isNumber(left) && isNumber(right)) return compare(left, right) === 0
  if (left.type !== right.type) return undefined
  // Lists are compared element by element in Zeek, which gives a list.
  if (left.type === 'table' || left.type === 'record' || left.type === 'vector') return undefined
  return keyOf(left) === keyOf(right)
}

/** Negative, 0 or positive; undefined when the two have no order. */
function compare(left: RedefValue, right: RedefValue): number | undefined {
  if (isNumber(left) && isNumber(right)) {
    // Of different types too: JavaScript compares them by their exact values.
    return left.value < right.value ? -1 : Number(left.value > right.value)
  }
  switch (left.type) {
    case 'interval':
      return right.type === 'interval' ? left.value - right.value : undefined
    case 'string':
      return right.type === 'string'
        ? Buffer.compare(Buffer.from(left.value), Buffer.from(right.value))
        : undefined
    case 'addr':
      return right.type === 'addr' ? left.value.compare(right.value) : undefined
    case 'port':
      return right.type === 'port' ? portOrder(left.value) - portOrder(right.value) : undefined
    default:
      return undefined
  }
}

function isIn(left: RedefValue, right: RedefValue): boolean | undefined {
  switch (right.type) {
    case 'string':
      return left.type === 'string' ? right.value.includes(left.value) : undefined
    case 'subnet':
      return left.type === 'addr' ? right.value.contains(left.value) : undefined
    case 'set':
    case 'table':
      return hasKey(right, left)
    case 'vector':
      return left.type === 'count' ? left.value < BigInt(right.value.length) : undefined
    default:
      return undefined
  }
}

/** Undefined when `key` is of another type than the keys. Networks have all their addresses as keys. */
function hasKey(container: ValueOf<'set' | 'table'>, key: RedefValue): boolean | undefined {
  const first = firstKey(container)
  if (first === undefined) return false
  if (first.type === 'subnet' && key.type === 'addr') {
    const keys = container.type === 'set' ? container.value : container.value.map(([each]) => each)
    return keys.some((network) => network.type === 'subnet' && network.value.contains(key.value))
  }
  return isSameType(first, key) ? elementsByKey(container).has(keyOf(key)) : undefined
}

/** Whether both can be keys of one table. */
export function isSameType(first: RedefValue, second: RedefValue): boolean {
  if (isWhole(first) && isWhole(second)) return true
  if (first.type !== second.type) return false
  if (first.type !== 'vector' || second.type !== 'vector') return true
  return (
    first.value.length === second.value.length &&
    first.value.every((part, index) => isSameType(part, second.value[index]!))
  )
}
