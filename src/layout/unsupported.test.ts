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
      "
    `)
  })
  test('record', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef record Info += { x: count; };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: note: \`Info\` is not known here: what is added to it is ignored
      redef record Info += { x: count; };
                   ^^^^"
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
      "
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
      a.zeek:4:7: note: the handler of event \`zeek_init\` is left out: nothing here calls it
      event zeek_init() &priority=5
            ^^^^^^^^^"
    `)
  })
  test('type in a redef', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y: count = 5;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y: count = 5;
            ^^^^"
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
            ^^^^"
    `)
  })
  test('removal', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y -= { "a" };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y -= { "a" };
            ^^^^"
    `)
  })
  test('set', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Site::local_nets += { 10.0.0.0/8, [fe80::]/10 };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`Site::local_nets\` is kept, but no node of this library reads it
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
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = set("a", "b");
            ^^^^"
    `)
  })
  test('concatenation', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = "a" + "b";`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = "a" + "b";
            ^^^^"
    `)
  })
  test('condition', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = T ? 5 : 6;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = T ? 5 : 6;
            ^^^^"
    `)
  })
  test('size', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = |X::z|;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:15: error: \`X::z\` is not known here: write its value, or a string in quotes
      redef X::y = |X::z|;
                    ^^^^"
    `)
  })
  test('subnet', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = 10.0.0.0/8;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = 10.0.0.0/8;
            ^^^^"
    `)
  })
  test('host name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = www.example.com;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:14: error: the host name "www.example.com" has no address here
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
      a.zeek:4:14: error: a pattern is not supported: write the value itself
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
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
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
      a.zeek:4:14: error: a function as a value is not supported: write the value itself
      redef X::y = function(a: count): bool { return a > 5; };
                   ^^^^^^^^"
    `)
  })
  test('negation', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = !T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = !T;
            ^^^^"
    `)
  })
  test('membership', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = "a" in X::z;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:21: error: \`X::z\` is not known here: write its value, or a string in quotes
      redef X::y = "a" in X::z;
                          ^^^^"
    `)
  })
  test('record value', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef X::y = [$a=5];`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`X::y\` is kept, but no node of this library reads it
      redef X::y = [$a=5];
            ^^^^"
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
      "
    `)
  })
})
