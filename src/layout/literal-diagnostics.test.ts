/** The exact text of every diagnostic about literals: place, message, source line, carets; one mistake gives one. */
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { formatDiagnostic, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('literals', () => {
  test('port too large', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=65536/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:58: error: there is no port 65536/tcp: write a number from 0 to 65535
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=65536/tcp],
      	                                                        ^^^^^^^^^"
    `)
  })
  test('port of unknown protocol too large', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=256/unknown],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:58: error: there is no port 256/unknown: write a number from 0 to 255
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=256/unknown],
      	                                                        ^^^^^^^^^^^"
    `)
  })
  test('protocol misspelt', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=42900/tpc],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:58: error: \`42900/tpc\` is no port: its protocol is tcp, udp, icmp or unknown
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=42900/tpc],
      	                                                        ^^^^^^^^^"
    `)
  })
  test('address', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=10.0.0.256],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:44: error: \`10.0.0.256\` is not an IP address: check its parts
      	["m"] = [$node_type=Cluster::MANAGER, $ip=10.0.0.256],
      	                                          ^^^^^^^^^^"
    `)
  })
  test('IPv6 without brackets', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=fe80::1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:44: error: an IPv6 address stands in brackets: write \`[fe80::1]\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=fe80::1],
      	                                          ^^^^^^^"
    `)
  })
  test('IPv6 with too much', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=[1::2::3]],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:44: error: \`[1::2::3]\` is not an IP address: check its parts
      	["m"] = [$node_type=Cluster::MANAGER, $ip=[1::2::3]],
      	                                          ^^^^^^^^^"
    `)
  })
  test('count of more than 64 bits', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = 18446744073709551616;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: this number is too large: a count has 64 bits
      redef X::y = 18446744073709551616;
                   ^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('int of more than 64 bits', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = -9223372036854775809;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: this number is too large: an int has 63 bits and a sign
      redef X::y = -9223372036854775809;
                   ^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('double too large', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = 1e999;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: this number is too large for a double
      redef X::y = 1e999;
                   ^^^^^"
    `)
  })
  test('unit of time', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::retry_interval = 5 seconds;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:35: error: \`seconds\` is no unit of time: write usec, msec, sec, min, hr or day, each with or without an s
      redef Cluster::retry_interval = 5 seconds;
                                        ^^^^^^^"
    `)
  })
  test('string without end', () => {
    const text = `redef Cluster::nodes = {
	["m] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: error: the string that starts here is not closed on its line: add \`"\`
      	["m] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
      	 ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('string that is not UTF-8', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = "\\xff";`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: this string is not UTF-8: save the file as UTF-8 and check the \\x escapes
      redef X::y = "\\xff";
                   ^^^^^^"
    `)
  })
  test('character', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = §;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: unexpected character "§": remove it
      redef X::y = §;
                   ^"
    `)
  })
})
