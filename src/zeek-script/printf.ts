/** Zeek's `fmt`: a string with values in it, in the manner of C's printf. */
import { longExponent } from '../data/zeek-text.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import type { RedefValue } from '../options/redef-value.js'
import type { Problem } from './operators.js'

/** Width and precision at most, as in Zeek. */
const WIDTH_MAX = 128
/** JavaScript's numbers have so many digits at most. */
const PRECISION_MAX = 100

const DIRECTIVE = /%(-?)(0?)(\d*)(?:\.(\d*))?([A-Za-z%]?)/g

/** The text of `format` with `args` in it, or what does not fit. */
export function formatText(format: string, args: readonly RedefValue[]): string | Problem {
  let used = 0
  let problem: string | undefined
  const text = format.replaceAll(
    DIRECTIVE,
    (all, left: string, zero: string, width: string, precision: string | undefined, letter: string) => {
      if (all === '%%') return '%'
      const arg = args[used]
      used += 1
      if (arg === undefined || problem !== undefined) return ''
      const result =
        Number(width) > WIDTH_MAX || Number(precision ?? 0) > PRECISION_MAX
          ? { problem: `\`${all}\` is too wide: ${WIDTH_MAX} characters, ${PRECISION_MAX} behind the point` }
          : formatOne(all, letter, precision, arg)
      if (typeof result !== 'string') {
        problem = result.problem
        return ''
      }
      const size = Number(width)
      if (left !== '') return result.padEnd(size)
      if (zero === '' || letter === 's') return result.padStart(size)
      const sign = result.startsWith('-') ? '-' : ''
      return sign + result.slice(sign.length).padStart(size - sign.length, '0')
    },
  )
  if (problem !== undefined) return { code: 'wrong-type', problem }
  if (used === args.length) return text
  const values = args.length === 1 ? '1 value is' : `${args.length} values are`
  return { code: 'wrong-type', problem: `the format has ${used} places, and ${values} given` }
}

function formatOne(
  directive: string,
  letter: string,
  precision: string | undefined,
  arg: RedefValue,
): string | { readonly problem: string } {
  const refused = { problem: `\`${directive}\` does not take ${arg.type}` }
  if (precision !== undefined && !'efg'.includes(letter)) {
    return { problem: `\`${directive}\`: only %e, %f and %g have a precision` }
  }
  switch (letter) {
    case 's':
      return printAsZeek(arg)
    case 'd':
    case 'x': {
      const number = wholeOf(arg)
      if (number === undefined) return refused
      return letter === 'd' ? number.toString() : BigInt.asUintN(64, number).toString(16)
    }
    case 'e':
    case 'f':
    case 'g':
      if (arg.type !== 'double' && arg.type !== 'interval') return refused
      return formatReal(letter, arg.value, precision === undefined ? 6 : Number(precision))
    default:
      return { problem: `\`${directive}\` is not supported: %s, %d, %x, %e, %f and %g are` }
  }
}

function wholeOf(value: RedefValue): bigint | undefined {
  switch (value.type) {
    case 'count':
    case 'int':
      return value.value
    case 'bool':
      return value.value ? 1n : 0n
    case 'port':
      return BigInt(value.value.number)
    default:
      return undefined
  }
}

function formatReal(letter: 'e' | 'f' | 'g', value: number, precision: number): string {
  switch (letter) {
    case 'f':
      return fixed(value, precision)
    case 'e':
      return longExponent(scientific(value, precision))
    case 'g': {
      const digits = Math.max(1, precision)
      const text = scientific(value, digits - 1)
      const power = Number(text.slice(text.indexOf('e') + 1))
      if (power < -4 || power >= digits)
        return longExponent(text.replace(/\.?0*e/, 'e').replace(/^(-?)e/, '$10e'))
      const plain = fixed(value, digits - 1 - power)
      return plain.includes('.') ? plain.replace(/\.?0+$/, '') : plain
    }
  }
}

/** Half of the last digit goes to the even neighbour, as in C; JavaScript rounds it up. */
function fixed(value: number, precision: number): string {
  if (Math.abs(value) >= 1e21) {
    return BigInt(value).toString() + (precision === 0 ? '' : `.${'0'.repeat(precision)}`)
  }
  const rounded = value.toFixed(precision)
  const isTie = precision < PRECISION_MAX && /5$/.test(value.toFixed(precision + 1))
  if (!isTie || Number(value.toFixed(precision + 1)) !== value) return rounded
  const exact = value.toFixed(PRECISION_MAX)
  const point = exact.indexOf('.')
  if (!/^50*$/.test(exact.slice(point + 1 + precision))) return rounded
  const floor = exact.slice(0, point + 1 + precision).replace(/\.$/, '')
  return /[02468]$/.test(floor) ? floor : rounded
}

function scientific(value: number, precision: number): string {
  const rounded = value.toExponential(precision)
  const exact = value.toExponential(PRECISION_MAX)
  const [mantissa = '', power = ''] = exact.split('e')
  const end = mantissa.indexOf('.') + 1 + precision
  if (precision === PRECISION_MAX || !/^50*$/.test(mantissa.slice(end))) return rounded
  const floor = mantissa.slice(0, end).replace(/\.$/, '')
  return /[02468]$/.test(floor) ? `${floor}e${power}` : rounded
}
