/** The exact text of every diagnostic about constructs that are not supported: place, message, source line, carets; one mistake gives one. */
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { formatDiagnostic, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('unsupported', () => {
  test('pattern', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = /a["};]\\/b/;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a pattern is not supported: write the value itself
      redef X::y = /a["};]\\/b/;
                   ^^^^^^^^^^^"
    `)
  })
  test('function', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = function(a: count): bool { return a > 5; };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a function as a value is not supported: write the value itself
      redef X::y = function(a: count): bool { return a > 5; };
                   ^^^^^^^^"
    `)
  })
  test('prefixes', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
@prefixes += x
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`@prefixes\` is not supported
      @prefixes += x
      ^^^^^^^^^"
    `)
  })
  test('statement', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
Log::disable_stream(X::LOG);`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: a call of \`Log::disable_stream\` as a statement is not supported
      Log::disable_stream(X::LOG);
      ^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('print', () => {
    expect(problems('print 5;')).toMatchInlineSnapshot(`
      "
      a.zeek:1:1: error: \`print\` statements are not supported
      print 5;
      ^^^^^"
    `)
  })
  test('assignment', () => {
    expect(problems('Cluster::manager_is_logger = T;')).toMatchInlineSnapshot(`
      "
      a.zeek:1:1: error: assignments are not supported: write \`redef Cluster::manager_is_logger = …\`
      Cluster::manager_is_logger = T;
      ^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('slice', () => {
    expect(problems('redef X::y = vector(1, 2)[0:1];')).toMatchInlineSnapshot(`
      "
      a.zeek:1:14: error: a slice is not supported: write the value itself
      redef X::y = vector(1, 2)[0:1];
                   ^^^^^^^^^^^^^^^^^"
    `)
  })
  test('call of a function of the layout', () => {
    const text = 'function f(): count { return 5; } redef X::y = f();'
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:10: note: the function \`f\` is left out: nothing here calls it
      function f(): count { return 5; } redef X::y = f();
               ^
      a.zeek:1:48: error: a call of \`f\`, which is a function of the script, is not supported: write the value that it gives
      function f(): count { return 5; } redef X::y = f();
                                                     ^"
    `)
  })
})
