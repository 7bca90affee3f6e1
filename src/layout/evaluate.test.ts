/** The exact text of every diagnostic about the meaning of a file: place, message, source line, carets; one mistake gives one. */

import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { optionAsRedef } from '../options/option-redef.js'
import { printAsZeek } from '../options/print-as-zeek.js'
import { resolveOptions } from '../options/registry.js'
import { formatDiagnostic, type JsonRedef, layoutToJson, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('fields', () => {
  test('unknown field with a near name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $metric_port=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:55: error: \`$metric_port\` is not a field of a node; did you mean \`$metrics_port\`? the fields are $node_type, $ip, $zone_id, $p, $interface, $manager, $time_machine, $id, $lb_filter, $metrics_port
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $metric_port=1/tcp],
      	                                                     ^^^^^^^^^^^^"
    `)
  })
  test('unknown field', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $colour="red"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:55: error: \`$colour\` is not a field of a node: the fields are $node_type, $ip, $zone_id, $p, $interface, $manager, $time_machine, $id, $lb_filter, $metrics_port
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $colour="red"],
      	                                                     ^^^^^^^"
    `)
  })
  test('field twice', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $zone_id="a", $zone_id="b"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:69: error: \`$zone_id\` is given twice: remove one
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $zone_id="a", $zone_id="b"],
      	                                                                   ^^^^^^^^"
    `)
  })
  test('no node_type and no ip', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: error: node "m" has no \`$node_type\`: add one, as in \`$node_type=Cluster::WORKER\`
      	["m"] = [$p=1/tcp],
      	 ^^^
      a.zeek:2:3: error: node "m" has no \`$ip\`: add one, as in \`$ip=127.0.0.1\`
      	["m"] = [$p=1/tcp],
      	 ^^^"
    `)
  })
  test('empty record', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: error: node "m" has no \`$node_type\`: add one, as in \`$node_type=Cluster::WORKER\`
      	["m"] = [],
      	 ^^^
      a.zeek:2:3: error: node "m" has no \`$ip\`: add one, as in \`$ip=127.0.0.1\`
      	["m"] = [],
      	 ^^^"
    `)
  })
  test('unknown node type', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:22: error: \`Cluster::MANGER\` is not a node type; did you mean \`Cluster::MANAGER\`? the types are Cluster::NONE, Cluster::CONTROL, Cluster::LOGGER, Cluster::MANAGER, Cluster::PROXY, Cluster::WORKER, Cluster::TIME_MACHINE
      	["m"] = [$node_type=Cluster::MANGER, $ip=127.0.0.1],
      	                    ^^^^^^^^^^^^^^^"
    `)
  })
  test('node type without module', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=MANAGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:22: error: \`MANAGER\` is known in the module Cluster only: write \`Cluster::MANAGER\`
      	["m"] = [$node_type=MANAGER, $ip=127.0.0.1],
      	                    ^^^^^^^"
    `)
  })
  test('node type in quotes', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type="MANAGER", $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:22: error: \`$node_type\` is a node type, not a string: write \`Cluster::MANAGER\` without quotes
      	["m"] = [$node_type="MANAGER", $ip=127.0.0.1],
      	                    ^^^^^^^^^"
    `)
  })
  test('IPv6 address in quotes', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip="::1"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:44: error: \`$ip\` of node "m" is an address, not a string: write \`$ip=[::1]\` without quotes
      	["m"] = [$node_type=Cluster::MANAGER, $ip="::1"],
      	                                          ^^^^^"
    `)
  })
  test('port without protocol', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=42900],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:58: error: \`$p\` of node "m" is a port, not a count: write \`$p=42900/tcp\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=42900],
      	                                                        ^^^^^"
    `)
  })
  test('name where a string belongs', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $manager=other],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:64: error: \`$manager\` of node "m" is a string, not the name \`other\`: write \`$manager="other"\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $manager=other],
      	                                                              ^^^^^"
    `)
  })
  test('run-time field', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $id="x"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:55: warning: \`$id\` is set while the node is connected: the value given here is ignored
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $id="x"],
      	                                                     ^^^"
    `)
  })
  test('record that is none', () => {
    const text = `redef Cluster::nodes = {
	["m"] = "manager",
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:10: error: node "m" is not a record: write \`[$node_type=…, $ip=…]\`
      	["m"] = "manager",
      	        ^^^^^^^^^"
    `)
  })
  test('name that is none', () => {
    const text = `redef Cluster::nodes = {
	[5] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: error: the name of a node is a string: write it in quotes, as in \`["manager"]\`
      	[5] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
      	 ^"
    `)
  })
})

describe('options', () => {
  test('interval without unit', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::retry_interval = 5;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:33: error: \`Cluster::retry_interval\` is an interval, not a count: write a unit, as in \`5 secs\`
      redef Cluster::retry_interval = 5;
                                      ^"
    `)
  })
  test('bool in quotes', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::manager_is_logger = "F";`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:36: error: \`Cluster::manager_is_logger\` is a bool, not a string: write \`T\` or \`F\`
      redef Cluster::manager_is_logger = "F";
                                         ^^^"
    `)
  })
  test('string without quotes', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::worker_topic = Topics::WORKER;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:31: error: \`Cluster::worker_topic\` is a string, not a name: write it in quotes
      redef Cluster::worker_topic = Topics::WORKER;
                                    ^^^^^^^^^^^^^^"
    `)
  })
  test('bare name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::worker_topic = worker;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:31: error: \`worker\` is not known here: write its value, or a string in quotes
      redef Cluster::worker_topic = worker;
                                    ^^^^^^"
    `)
  })
  test('adding to a simple value', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::retry_interval += 5 secs;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      "
    `)
  })
  test('unknown option with a near name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::retry_intervall = 5 secs;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: warning: \`Cluster::retry_intervall\` is not an option of this library; did you mean \`Cluster::retry_interval\`?
      redef Cluster::retry_intervall = 5 secs;
            ^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('unknown option', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Telemetry::metrics_port = 9911/tcp;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: note: \`Telemetry::metrics_port\` is kept, but no node of this library reads it
      redef Telemetry::metrics_port = 9911/tcp;
            ^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('table with a near name', () => {
    const text = `redef nodes = { ["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp] };`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:7: error: \`nodes\` is not defined; did you mean \`Cluster::nodes\`?
      redef nodes = { ["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp] };
            ^^^^^"
    `)
  })
  test('nodes that are no table', () => {
    const text = `redef Cluster::nodes = 5;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:24: error: \`Cluster::nodes\` is a table: write \`{ ["name"] = [$node_type=…, $ip=…], … }\`
      redef Cluster::nodes = 5;
                             ^"
    `)
  })
  test('nodes replaced', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::nodes = {
	["n"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp]
};`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: warning: this \`=\` drops the nodes given before it: write \`+=\` to add to them
      redef Cluster::nodes = {
            ^^^^^^^^^^^^^^"
    `)
  })
})

describe('computed layouts', () => {
  const node = '[$node_type=Cluster::MANAGER, $ip=10.0.0.1]'
  const options = { file: 'a.zeek', dialect: DIALECTS['zeek-9.0'] }
  function redefs(text: string): readonly JsonRedef[] {
    const { layout, diagnostics } = parseLayout(text, options)
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    return layoutToJson(layout).redefs
  }
  const parse = (text: string) => parseLayout(text, options)
  function names(text: string): string[] {
    const { layout, diagnostics } = parseLayout(text, options)
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    return [...layout.nodes.keys()]
  }

  test('stores: what += makes of the stores before is what counts', () => {
    const text =
      'redef Cluster::stores += { ["x"] = [$master=T, $backend=Broker::SQLITE, $options=[$sqlite=[$path="/x"]]] };'
    const record = { master: true, backend: 'Broker::SQLITE', options: { sqlite: { path: '/x' } } }
    expect(redefs(text)).toEqual([{ name: 'Cluster::stores', type: 'table', value: [['x', record]] }])
    const more = `${text} redef Cluster::stores += { ["y"] = [$clone_stale_interval=1 hr] };`
    expect(redefs(more).at(-1)?.value).toEqual([
      ['x', record],
      ['y', { clone_stale_interval: 3600 }],
    ])
    const { layout } = parse(more)
    expect([
      ...resolveOptions({ dialect: DIALECTS['zeek-9.0'], redefs: layout.redefs }).options.stores,
    ]).toEqual([
      ['x', { master: true, backend: 'Broker::SQLITE', options: { sqlite: { path: '/x' } } }],
      ['y', { cloneStaleInterval: 3600 }],
    ])
  })

  test('stores: what tunes SQLite, by the names that Zeek has for it', () => {
    const { layout, diagnostics } = parse(`redef Cluster::stores += { ["x"] = [$options=[$sqlite=[
      $path="/x", $synchronous=Broker::SQLITE_SYNCHRONOUS_NORMAL, $journal_mode=Broker::SQLITE_JOURNAL_MODE_WAL,
      $failure_mode=Broker::SQLITE_FAILURE_MODE_DELETE, $integrity_check=T]]] };`)
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toEqual([])
    const { options } = resolveOptions({ dialect: DIALECTS['zeek-9.0'], redefs: layout.redefs })
    const sqlite = {
      path: '/x',
      synchronous: 'NORMAL',
      journalMode: 'WAL',
      failureMode: 'DELETE',
      integrityCheck: true,
    }
    expect(options.stores.get('x')).toEqual({ options: { sqlite } })
    const asZeek = printAsZeek(optionAsRedef('table[string] of Cluster::StoreInfo', options.stores))
    expect(asZeek).toContain(
      'sqlite=[path=/x, synchronous=Broker::SQLITE_SYNCHRONOUS_NORMAL, journal_mode=Broker::SQLITE_JOURNAL_MODE_WAL, failure_mode=Broker::SQLITE_FAILURE_MODE_DELETE, integrity_check=T]',
    )
  })

  test.each([
    ['redef Cluster::stores += { ["x"] = [$backend=Broker::REDIS] };', 'REDIS'],
    [
      'redef Cluster::stores += { ["x"] = [$options=[$sqlite=[$synchronous=Broker::SQLITE_JOURNAL_MODE_WAL]]] };',
      '`$synchronous` of `Broker::SQLiteOptions`',
    ],
    ['redef Cluster::stores += { ["x"] = [$options=[$sqlite=[$integrity_check=1]]] };', '`$integrity_check`'],
    [
      'redef Cluster::stores += { ["x"] = [$options=[$rocksdb=[$synchronous="x"]]] };',
      'is not a field of `Broker::RocksDBOptions`',
    ],
    ['redef Cluster::stores += { ["x"] = [$master=1] };', '`$master` of `Cluster::StoreInfo`'],
    ['redef Cluster::stores += { ["x"] = [$mster=T] };', 'did you mean `$master`'],
    ['redef Cluster::default_backend = Broker::MEMROY;', 'did you mean `Broker::MEMORY`'],
    [
      'redef Cluster::proxy_pool_spec = Cluster::PoolSpec($topic="x", $node_type=Cluster::MANAGER);',
      'MANAGER',
    ],
    ['redef Control::stranger_commands = { 1 };', 'string'],
  ])('%s is refused', (text, part) => {
    const errors = parse(text).diagnostics.filter(({ severity }) => severity === 'error')
    expect(errors.map(({ message }) => message)).toEqual([expect.stringContaining(part)])
  })

  test('an operator on an option gives its value', () => {
    const text = 'redef Cluster::worker_topic += "/x"; redef Cluster::retry_interval += 4 secs;'
    expect(redefs(text)).toEqual([
      { name: 'Cluster::worker_topic', type: 'string', value: 'zeek/cluster/worker/x' },
      { name: 'Cluster::retry_interval', type: 'interval', value: 5 },
    ])
  })

  test.each([
    ['Cluster::node_topic("a")', 'zeek/cluster/node/a/'],
    ['Cluster::nodeid_topic("b")', 'zeek/cluster/nodeid/b/'],
    ['cat(Cluster::is_enabled())', 'F'],
    ['cat(Cluster::local_node_type())', 'Cluster::NONE'],
    ['cat(Cluster::local_node_metrics_port())', '0/unknown'],
    ['cat(Cluster::retry_interval, Cluster::manager_is_logger)', '1.0 secT'],
    ['Cluster::worker_pool_spec$topic', 'zeek/cluster/pool/worker'],
    ['cat(|Cluster::nodes|)', '0'],
  ])('%s', (expression, value) => {
    expect(redefs(`redef X::y = ${expression};`)).toEqual([{ name: 'X::y', type: 'string', value }])
  })

  test('what has been redefined is read again', () => {
    const text =
      'redef X::a = "a"; redef X::a += "b"; redef Cluster::node = "n"; redef X::y = X::a + Cluster::node;'
    expect(redefs(text)).toContainEqual({ name: 'X::y', type: 'string', value: 'abn' })
  })

  test.each([
    [`redef Cluster::nodes += table(["m"] = ${node});`],
    [`const n: Cluster::Node = ${node}; redef Cluster::nodes += { ["m"] = n };`],
    [
      `const n = Cluster::Node($node_type=Cluster::MANAGER, $ip=10.0.0.1); redef Cluster::nodes += { ["m"] = n };`,
    ],
    [`const t: table[string] of Cluster::Node = { ["m"] = ${node} }; redef Cluster::nodes += t;`],
    [`module Cluster; redef nodes += { ["m"] = [$node_type=MANAGER, $ip=10.0.0.1] };`],
    [
      `redef Cluster::nodes = { ["m"] = ${node}, ["x"] = ${node} }; redef Cluster::nodes -= { ["x"] = Cluster::nodes["x"] };`,
    ],
    [
      `redef record Cluster::Node += { rack: string &optional; }; redef Cluster::nodes += { ["m"] = [$node_type=Cluster::MANAGER, $ip=10.0.0.1, $rack="a"] };`,
    ],
    [
      `redef Cluster::nodes += { [fmt("%s", "m")] = [$node_type=T ? Cluster::MANAGER : Cluster::WORKER, $ip=to_addr("10.0.0.1")] };`,
    ],
  ])('%s', (text) => expect(names(text)).toEqual(['m']))

  test.each([
    ['redef Cluster::manager_is_logger = 1 > 2 ? 3 : nope;', 'unknown-name'],
    ['redef Cluster::manager_is_logger += T;', 'wrong-type'],
    [`const n = Cluster::Node($node_type=Cluster::MANAGER, $ip=10.0.0.1, $colour="red");`, 'unknown-field'],
    ['redef Cluster::nodes = { ["m"] = [$node_type=Broker::MEMORY, $ip=10.0.0.1] };', 'unknown-node-type'],
    [
      'redef Cluster::nodes = { ["m"] = [$node_type=Cluster::NONE, $ip=Cluster::nodes["x"]$ip] };',
      'no-such-index',
    ],
    ['redef X::y = Cluster::is_enabled(5);', 'bad-argument'],
    ['redef Cluster::nodes -= { "m" };', 'not-a-table'],
  ])('%s', (text, code) => {
    const { diagnostics } = parseLayout(text, options)
    expect(diagnostics.filter(({ severity }) => severity === 'error').map((each) => each.code)).toEqual([
      code,
    ])
  })
})
