/** The exact text of every diagnostic about constructs that are not supported yet: place, message, source line, carets; one mistake gives one. */
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { formatDiagnostic, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('unsupported', () => {
  test('enum', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef enum Log::ID += { X };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: error: \`redef enum\` is not supported yet
      redef enum Log::ID += { X };
            ^^^^"
    `)
  })
  test('record', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef record Info += { x: count; };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: error: \`redef record\` is not supported yet
      redef record Info += { x: count; };
            ^^^^^^"
    `)
  })
  test('export', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
export {
global x: count = 5;
}
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`export\` declarations are not supported yet
      export {
      ^^^^^^"
    `)
  })
  test('event', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
event zeek_init() &priority=5
	{
	if ( T ) { print "}"; }
	}
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`event\` declarations are not supported yet
      event zeek_init() &priority=5
      ^^^^^"
    `)
  })
  test('type in a redef', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y: count = 5;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:11: error: a type in a \`redef\` is not supported yet
      redef X::y: count = 5;
                ^"
    `)
  })
  test('attribute', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = 5 &redef;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = 5 &redef;
            ^^^^
      a.zeek:4:16: error: the attribute \`&redef\` is not supported yet
      redef X::y = 5 &redef;
                     ^^^^^^"
    `)
  })
  test('removal', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y -= { "a" };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:12: error: the operator \`-=\` is not supported yet
      redef X::y -= { "a" };
                 ^^"
    `)
  })
  test('set', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Site::local_nets += { 10.0.0.0/8, [fe80::]/10 };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: error: a table or set as the value of \`Site::local_nets\` is not supported yet
      redef Site::local_nets += { 10.0.0.0/8, [fe80::]/10 };
            ^^^^^^^^^^^^^^^^"
    `)
  })
  test('constructor', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = set("a", "b");`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the constructor \`set(…)\` is not supported yet: write the value itself
      redef X::y = set("a", "b");
                   ^^^^^^^^^^^^^"
    `)
  })
  test('concatenation', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = "a" + "b";`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the operator \`+\` is not supported yet: write the value itself
      redef X::y = "a" + "b";
                   ^^^^^^^^^"
    `)
  })
  test('condition', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = T ? 5 : 6;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the operator \`? :\` is not supported yet: write the value itself
      redef X::y = T ? 5 : 6;
                   ^^^^^^^^^"
    `)
  })
  test('size', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = |X::z|;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the size operator \`|…|\` is not supported yet: write the value itself
      redef X::y = |X::z|;
                   ^^^^^^"
    `)
  })
  test('subnet', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = 10.0.0.0/8;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a subnet constant is not supported yet
      redef X::y = 10.0.0.0/8;
                   ^^^^^^^^^^"
    `)
  })
  test('host name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = www.example.com;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the host name constant \`www.example.com\` is not supported yet: write its address
      redef X::y = www.example.com;
                   ^^^^^^^^^^^^^^^"
    `)
  })
  test('pattern', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = /a["};]\\/b/;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a pattern constant is not supported yet
      redef X::y = /a["};]\\/b/;
                   ^^^^^^^^^^^"
    `)
  })
  test('directory', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = @DIR;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: \`@DIR\` is not supported yet: write the value itself
      redef X::y = @DIR;
                   ^^^^"
    `)
  })
  test('function', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = function(a: count): bool { return a > 5; };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a \`function\` value is not supported yet
      redef X::y = function(a: count): bool { return a > 5; };
                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('negation', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = !T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the operator \`!\` is not supported yet: write the value itself
      redef X::y = !T;
                   ^^"
    `)
  })
  test('membership', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = "a" in X::z;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the operator \`in\` is not supported yet: write the value itself
      redef X::y = "a" in X::z;
                   ^^^^^^^^^^^"
    `)
  })
  test('record value', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = [$a=5];`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: a record as the value of \`X::y\` is not supported yet
      redef X::y = [$a=5];
                   ^^^^^^"
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
      a.zeek:4:1: error: \`@prefixes\` is not supported yet
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
      a.zeek:4:1: error: a call of \`Log::disable_stream\` as a statement is not supported yet
      Log::disable_stream(X::LOG);
      ^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('nested conditional', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
@ifdef ( X )
@if ( T )
@endif
nonsense {
@else
@endif
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:1: error: \`@ifdef\` is not supported yet: everything up to its \`@endif\` is left out
      @ifdef ( X )
      ^^^^^^"
    `)
  })
})
