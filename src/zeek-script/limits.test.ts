/** Whatever a script asks for, it ends soon, and with a diagnostic. */
import { describe, expect, test } from 'vitest'
import { runText } from '../../test/support/script-runs.js'

const MANY = 100_000

function firstError(script: string): string {
  return (runText(script).errors[0] ?? '').replace(/^\d+:\d+ /, '')
}

describe('nesting', () => {
  const values =
    'nesting-too-deep: more than 100 values are inside each other: the rest of the file is not read'
  const operators = 'nesting-too-deep: more than 500 operators are inside each other: split the expression'
  test.each([
    [`redef y = ${'!'.repeat(MANY)}T;`, values],
    [`redef y = ${'-'.repeat(MANY)}5;`, values],
    [`redef y = ${'('.repeat(MANY)}5;`, values],
    [`redef y = ${'{'.repeat(MANY)}5;`, values],
    [`redef y = ${'f('.repeat(MANY)}5;`, values],
    [`redef y = ${'T?1:'.repeat(MANY)}5;`, values],
    [`redef y = ${'T?'.repeat(MANY)}5;`, values],
    [`redef y = ${'| '.repeat(MANY)}5;`, values],
    [`redef y = 1${'+1'.repeat(MANY)};`, operators],
    [`redef y = T${' && T'.repeat(MANY)};`, operators],
    [`redef y = [$a=1]${'$a'.repeat(MANY)};`, operators],
    [`redef y = "a"${'[0]'.repeat(MANY)};`, operators],
    [`redef y = 5${' as int'.repeat(MANY)};`, operators],
    [
      `const y: ${'vector of '.repeat(MANY)}int;`,
      'nesting-too-deep: more than 100 types are inside each other: the rest of the file is not read',
    ],
    [
      `function f() ${'{'.repeat(MANY)}`,
      'nesting-too-deep: more than 100 brackets are open: the rest of the file is not read',
    ],
    ['@if ( T )\n'.repeat(MANY), 'syntax: this `@if` has no `@endif`'],
    [
      `const x0 = vector(1);\n${chain(200, (x) => `vector(${x})`)}`,
      'value-too-large: more than 100 tables, lists and records are inside each other',
    ],
  ])('%#', (script, error) => expect(firstError(script)).toBe(error))
})

/** Constants that are each made of the one before. */
function chain(length: number, make: (previous: string) => string): string {
  return Array.from({ length }, (_, index) => `const x${index + 1} = ${make(`x${index}`)};`).join('\n')
}

describe('what is computed', () => {
  const string = 'value-too-large: the computed string is longer than 1048576 bytes'
  const value = 'value-too-large: this value has more than 1000000 parts'
  const work = 'too-much-computed: this script computes too much: what stands from here on is not evaluated'
  test.each([
    [`const x = "a" &redef;\n${'redef x += x;\n'.repeat(1000)}`, string],
    [`const x0 = "a";\n${chain(100, (x) => `${x} + ${x}`)}`, string],
    [`const x0 = "a";\n${chain(100, (x) => `cat(${x}, ${x})`)}`, string],
    [`const x0 = "a";\n${chain(100, (x) => `fmt("%s%s", ${x}, ${x})`)}`, string],
    [`const x0 = vector(1);\n${chain(1000, (x) => `vector(${x}, ${x})`)}`, value],
    [`const x0 = [$a=1];\n${chain(1000, (x) => `[$a=${x}, $b=${x}]`)}`, value],
    [
      `const b = "${'a'.repeat(MANY)}";\nconst j = cat_sep(b, b, ${'1,'.repeat(100)}1);`,
      'value-too-large: the computed string is too long',
    ],
    [
      `const s: set[count] &redef;\n${Array.from({ length: 50_000 }, (_, index) => `redef s += {${index}};`).join('\n')}`,
      work,
    ],
  ])('%#', (script, error) => expect(firstError(script)).toBe(error))

  test('a long message is cut', () => {
    const error = firstError(`redef y = to_addr("${'a'.repeat(MANY)}");`)
    expect(error.length).toBeLessThan(400)
  })

  test('many lookups in a large table are no problem', () => {
    const entries = Array.from({ length: 5000 }, (_, index) => `[${index}]=${index}`).join(',')
    const lookups = Array.from({ length: 5000 }, (_, index) => `redef y${index} = t[${index}];`).join('\n')
    const { values, errors } = runText(`const t: table[count] of count = {${entries}};\n${lookups}`)
    expect(errors).toEqual([])
    expect(values['y4999']).toEqual({ type: 'count', value: 4999n })
  })
})
