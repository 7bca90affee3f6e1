/** Expressions: what Zeek 9.0.0-rc1 printed for them (test/vectors/scripts), and what is wrong with others. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { runText } from '../../test/support/script-runs.js'
import { Address } from '../data/address.js'

const recorded = readFileSync(
  new URL('../../test/vectors/scripts/expressions.jsonl', import.meta.url),
  'utf8',
)
  .trim()
  .split('\n')
  .map((line): [string, string] => JSON.parse(line))

describe('expressions give what Zeek gives', () => {
  test.each(recorded)('%s', (expression, text) => {
    const { values, errors } = runText(`redef y = cat(${expression});`)
    expect(errors).toEqual([])
    expect(values['y']).toEqual({ type: 'string', value: text })
  })
})

describe('expressions that have no value', () => {
  test.each([
    ['5 / 0', '1:11 bad-number: this divides by zero'],
    ['5 % 0', '1:11 bad-number: this divides by zero'],
    ['1.0 / 0.0', '1:11 bad-number: this divides by zero'],
    ['1 - 2', '1:11 bad-number: -1 is no count: a count is 0 or more'],
    ['18446744073709551615 + 1', '1:11 bad-number: the result is too large for a count'],
    ['9223372036854775807 + +1', '1:11 bad-number: the result is too large for an int'],
    ['18446744073709551615 + -1', '1:11 bad-number: the result is too large for an int'],
    ['1e308 * 10', '1:11 bad-number: the result is too large for a double'],
    ['-9223372036854775809', '1:11 bad-number: this number is too large: an int has 63 bits and a sign'],
    ['1 << 64', '1:11 bad-number: a count is shifted by 63 bits at most'],
    ['"a" + 5', '1:11 wrong-type: the operator `+` does not take string and count'],
    ['2 + 3 sec', '1:11 wrong-type: the operator `+` does not take count and interval'],
    ['T + T', '1:11 wrong-type: the operator `+` does not take bool and bool'],
    ['5 == "a"', '1:11 wrong-type: the operator `==` does not take count and string'],
    ['[$a=1] == [$a=1]', '1:11 wrong-type: the operator `==` does not take record and record'],
    ['5 < "a"', '1:11 wrong-type: the operator `<` does not take count and string'],
    ['"a" in set(1)', '1:11 wrong-type: the operator `in` does not take string and set[count]'],
    ['-"a"', '1:11 wrong-type: the operator `-` does not take string'],
    ['~5.0', '1:11 wrong-type: the operator `~` does not take double'],
    ['!"a"', '1:11 wrong-type: the operator `!` does not take string'],
    ['|A::B|', '1:11 wrong-type: the operator `|…|` does not take enum'],
    ['5 && T', '1:11 wrong-type: a side of `&&` is a bool, not a count'],
    ['5 ? 1 : 2', '1:11 wrong-type: what stands before `?` is a bool, not a count'],
    ['nope', '1:11 unknown-name: `nope` is not known here: write its value, or a string in quotes'],
    ['tcpp', '1:11 unknown-name: `tcpp` is not known here; did you mean `tcp`?'],
    ['Nope::x', '1:11 unknown-name: `Nope::x` is not known here: write its value, or a string in quotes'],
    [
      'nothing_like_it(1)',
      '1:11 unknown-function: the function `nothing_like_it` is not known here: write the value that it gives',
    ],
    [
      'to_adr("::1")',
      '1:11 unknown-function: the function `to_adr` is not known here; did you mean `to_addr`?',
    ],
    ['to_addr("x")', '1:11 bad-argument: "x" is not an IP address'],
    ['to_addr(5)', '1:11 wrong-type: argument 1 of `to_addr` is string, not count'],
    ['to_addr()', '1:11 bad-argument: `to_addr` takes 1 argument, and 0 are given'],
    ['to_port("80")', '1:11 bad-argument: "80" is not a port: it looks like "80/tcp"'],
    ['to_count("-1")', '1:11 bad-argument: "-1" is not a count'],
    ['to_int("x")', '1:11 bad-argument: "x" is not an int'],
    ['to_double("x")', '1:11 bad-argument: "x" is not a double'],
    ['to_subnet("x")', '1:11 bad-argument: "x" is not a subnet'],
    ['count_to_port(70000, tcp)', '1:11 bad-argument: there is no port 70000: a port is from 0 to 65535'],
    ['fmt("%d", "a")', '1:11 wrong-type: `%d` does not take string'],
    ['fmt("%f", 5)', '1:11 wrong-type: `%f` does not take count'],
    ['fmt("%.1s", "a")', '1:11 wrong-type: `%.1s`: only %e, %f and %g have a precision'],
    ['fmt("%q", 5)', '1:11 wrong-type: `%q` is not supported: %s, %d, %x, %e, %f and %g are'],
    ['fmt("%s")', '1:11 wrong-type: the format has 1 places, and 0 values are given'],
    ['fmt("%999d", 5)', '1:11 wrong-type: `%999d` is too wide: 128 characters, 100 behind the point'],
    ['vector(1)[3]', '1:11 no-such-index: this vector has no index 3'],
    ['table(["a"]=1)["b"]', '1:11 no-such-index: this table has no index "b"'],
    ['table(["a"]=1)[5]', '1:11 wrong-type: the index of this table is string, not count'],
    ['set(1, "a")', '1:18 wrong-type: one element is a count, and this one is a string'],
    ['vector(vector(1), vector("a"))', '1:29 wrong-type: the elements are of different types inside'],
    ['[$a=1]$b', '1:11 no-such-field: this record has no `$b`'],
    ['5$b', '1:11 wrong-type: `$b` is a field of a record, and this is a count'],
    ['[$a=1, $a=2]', '1:18 duplicate-field: `$a` is given twice: remove one'],
    ['"ö"[0]', '1:11 bad-argument: this cuts a letter of several bytes'],
    ['10.0.0.1 / (30 + 3)', '1:11 bad-subnet: 33 is no length of a subnet: it is from 0 to 32'],
    ['10.0.0.0/33', '1:11 bad-subnet: `10.0.0.0/33` is no subnet: its length is from 0 to 32'],
    ['80/tpc', '1:11 bad-port: `80/tpc` is no port: its protocol is tcp, udp, icmp or unknown'],
    ['5 as string', '1:11 wrong-type: a count cannot be taken as `string`'],
    ['5 as Nope', '1:11 unknown-type: the type `Nope` is not known here'],
    ['3 < 4 < 5', '1:17 syntax: expected parentheses around one of two comparisons, found `<`'],
    ['{ 1, [2] = 3 }', '1:13 syntax: this is no entry of the table: write `[key] = value`'],
    ['set([1] = 2)', '1:15 syntax: `set(…)` has elements alone: remove what stands before `=`'],
    ['record(1)', '1:11 syntax: a `record(…)` has fields: write `record($field=value, …)`'],
    ['/a["};]\\/b/', '1:11 unsupported-syntax: a pattern is not supported: write the value itself'],
    [
      'function(a: count): bool { return a > 5; }',
      '1:11 unsupported-syntax: a function as a value is not supported: write the value itself',
    ],
    ['vector(1, 2)[0:1]', '1:11 unsupported-syntax: a slice is not supported: write the value itself'],
    ['++5', '1:11 unsupported-syntax: the operator `++` is not supported: write the value itself'],
    [
      'table() &default=5',
      '1:19 unsupported-syntax: an attribute behind a constructor is not supported: write the value itself',
    ],
    ['to_addr', '1:11 unsupported-syntax: `to_addr` is a function, which has no value here'],
  ])('%s', (expression, error) => {
    expect(runText(`redef y = ${expression};`).errors).toEqual([error])
  })

  test('each mistake of an expression is told, and what depends on one is not', () => {
    const { errors } = runText('redef y = cat(5 / 0 + 1, nope, "a" + 5);')
    expect(errors.map((error) => error.split(':')[1])).toEqual([
      '15 bad-number',
      '26 unknown-name',
      '32 wrong-type',
    ])
  })
})

describe('what the host knows', () => {
  const address = Address.parse('192.0.2.7')
  const host = {
    environment: { HOME_NET: '10.0.0.0/8' },
    hostName: 'sensor',
    lookUp: (name: string) =>
      name === 'mgr' || name === 'mgr.example.com' ? [address] : name === 'later' ? undefined : [],
  }
  test.each([
    ['getenv("HOME_NET")', '10.0.0.0/8'],
    ['getenv("NOTHING")', ''],
    ['gethostname()', 'sensor'],
    ['cat((blocking_lookup_hostname("mgr") as vector of addr)[0])', '192.0.2.7'],
    ['cat((mgr.example.com as vector of addr)[0])', '192.0.2.7'],
    ['cat((blocking_lookup_hostname("::1") as vector of addr)[0])', '::1'],
    ['cat(192.0.2.7 in mgr.example.com)', 'T'],
    ['@FILENAME', 'a.zeek'],
    ['@DIR', '/dir'],
  ])('%s', (expression, value) => {
    const { values, errors } = runText(`redef y = ${expression};`, { host, file: '/dir/a.zeek' })
    expect(errors).toEqual([])
    expect(values['y']).toEqual({ type: 'string', value })
  })

  test('a host without address', () => {
    const { errors } = runText('redef y = www.example.com;', { host })
    expect(errors).toEqual(['1:11 unknown-host: the host name "www.example.com" has no address here'])
  })

  test('a host that has not been asked for is no error', () => {
    const run = runText('redef y = blocking_lookup_hostname("later"); redef z = 1;', { host })
    expect(run).toMatchObject({ errors: [], pendingHosts: ['later'], isComplete: false })
    expect(Object.keys(run.values)).toEqual(['z'])
  })
})

test('what is not supported costs nothing where its value is not needed', () => {
  const { values, errors, isComplete } = runText(
    'redef y = T ? 1 : vector(1)[:1]; redef z = F && /x/ in "x";',
  )
  expect(errors).toEqual([])
  expect(isComplete).toBe(true)
  expect(Object.keys(values)).toEqual(['y', 'z'])
})
