/** The exact text of every diagnostic about syntax: place, message, source line, carets; one mistake gives one. */
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { formatDiagnostic, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('syntax', () => {
  test('no semicolon', () => {
    const text = `redef Cluster::manager_is_logger = T
redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:37: error: expected \`;\` at the end of the statement, found \`redef\`
      redef Cluster::manager_is_logger = T
                                          ^"
    `)
  })
  test('no equals sign', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::manager_is_logger T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:34: error: expected \`=\`, \`+=\` or \`-=\` after \`Cluster::manager_is_logger\`, found \`T\`
      redef Cluster::manager_is_logger T;
                                       ^"
    `)
  })
  test('no value', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::manager_is_logger = ;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:36: error: expected a value here, found \`;\`
      redef Cluster::manager_is_logger = ;
                                         ^"
    `)
  })
  test('no option', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef = 5;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: error: expected the name of an option after \`redef\`, found \`=\`
      redef = 5;
            ^"
    `)
  })
  test('no bracket behind a name', () => {
    const text = `redef Cluster::nodes = {
	["m" = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:7: error: expected \`,\` or \`]\` behind the value, found \`=\`
      	["m" = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
      	     ^"
    `)
  })
  test('no bracket behind a record', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1,
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:54: error: expected \`$field=value\` or \`]\` in the record, found \`}\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1,
      	                                                    ^"
    `)
  })
  test('no comma between entries', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp]
	["n"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=2/tcp]
};`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:64: error: expected \`,\` between two entries, found \`[\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp]
      	                                                              ^"
    `)
  })
  test('no comma between fields', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:39: error: expected \`,\` after the field \`$node_type\`, found \`$\`
      	["m"] = [$node_type=Cluster::MANAGER $ip=127.0.0.1],
      	                                     ^"
    `)
  })
  test('no dollar', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [node_type=Cluster::MANAGER],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:11: error: a field begins with \`$\`: write \`$node_type=…\`
      	["m"] = [node_type=Cluster::MANAGER],
      	         ^^^^^^^^^"
    `)
  })
  test('no brace at the end', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
redef Cluster::manager_is_logger = T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:24: error: this \`{\` is never closed: add \`}\` at the end of the table
      redef Cluster::nodes = {
                             ^"
    `)
  })
  test('no entry', () => {
    const text = `redef Cluster::nodes = {
	"m",
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:2: error: this is no entry of the table: write \`[key] = value\`
      	"m",
      	^^^"
    `)
  })
  test('two indexes', () => {
    const text = `redef Cluster::nodes = {
	["m", "n"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:2: error: the name of a node is a string: write it in quotes, as in \`["manager"]\`
      	["m", "n"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
      	^^^^^^^^^^"
    `)
  })
  test('statement', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
refed Cluster::manager_is_logger = T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: expected a statement, found \`refed\`; did you mean \`redef\`?
      refed Cluster::manager_is_logger = T;
      ^^^^^"
    `)
  })
  test('brace without beginning', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
}`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: expected a statement, found \`}\`
      }
      ^"
    `)
  })
  test('end of the file', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::manager_is_logger =`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:35: error: expected a value here, but the file ends here
      redef Cluster::manager_is_logger =
                                        ^"
    `)
  })
  test('end without beginning', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
@endif`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`@endif\` without an \`@if\` before it
      @endif
      ^^^^^^"
    `)
  })
  test('beginning without end', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
@if ( T )
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: this \`@if\` has no \`@endif\`
      @if ( T )
      ^^^"
    `)
  })
  test('load of nothing', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
@load
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`@load\` names no file
      @load
      ^^^^^"
    `)
  })
})
