/** The exact text of every diagnostic about a layout as a whole: place, message, source line, carets; one mistake gives one. */
import { describe, expect, test } from 'vitest'
import { DIALECTS } from '../options/dialect.js'
import { formatDiagnostic, parseLayout } from './index.js'

function problems(text: string): string {
  const { diagnostics } = parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
  return `\n${diagnostics.map(formatDiagnostic).join('\n')}`
}

describe('cluster', () => {
  test('node twice', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:3: warning: node "m" is given before, on line 2: this entry replaces that one
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
      	 ^^^"
    `)
  })
  test('no nodes', () => {
    const text = `# nothing
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:1:1: warning: the layout has no nodes: add \`redef Cluster::nodes = { ["manager"] = […], … };\`
      # nothing
      ^"
    `)
  })
  test('no manager', () => {
    const text = `redef Cluster::nodes = {
	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=1/tcp],
};
redef Cluster::manager_is_logger = F;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: warning: the layout has no manager: add a node of type Cluster::MANAGER
      	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=1/tcp],
      	 ^^^"
    `)
  })
  test('same address and port', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["c"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:3: warning: node "c" has the address and port of "m" (line 2), 127.0.0.1 1/tcp: only one of them can listen
      	["c"] = [$node_type=Cluster::CONTROL, $ip=127.0.0.1, $p=1/tcp],
      	 ^^^"
    `)
  })
  test('logger beside a manager that logs by default', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=1/tcp],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:3: warning: \`Cluster::manager_is_logger\` is T when it is not given, and the layout has loggers: add \`redef Cluster::manager_is_logger = F;\`
      	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=1/tcp],
      	 ^^^"
    `)
  })
  test('logger beside a manager that logs', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=1/tcp],
};
redef Cluster::manager_is_logger = T;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:5:7: warning: \`Cluster::manager_is_logger\` is T, and the layout has loggers: add \`redef Cluster::manager_is_logger = F;\`
      redef Cluster::manager_is_logger = T;
            ^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('nobody logs', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
};
redef Cluster::manager_is_logger = F;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:7: warning: no node writes logs: add a logger, or set \`Cluster::manager_is_logger\` to T
      redef Cluster::manager_is_logger = F;
            ^^^^^^^^^^^^^^^^^^^^^^^^^^"
    `)
  })
  test('no proxy', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:3: warning: the layout has workers and no proxy: what they publish to the proxies reaches nobody
      	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m"],
      	 ^^^"
    `)
  })
  test('manager that does not exist', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="x"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:53: warning: \`$manager\` of node "w" names "x", which is not in the layout: there will be no connection
      	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="x"],
      	                                                   ^^^^^^^^"
    `)
  })
  test('manager that is none', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="p"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:53: warning: \`$manager\` of node "w" names "p", which is of type Cluster::PROXY: there will be no connection
      	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="p"],
      	                                                   ^^^^^^^^"
    `)
  })
  test('time machine that does not exist', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m", $time_machine="t"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:67: warning: \`$time_machine\` of node "w" names "t", which is not in the layout: there will be no connection
      	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m", $time_machine="t"],
      	                                                                 ^^^^^^^^^^^^^"
    `)
  })
  test('no manager field', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:4:3: warning: node "w" does not connect to a manager: add \`$manager="m"\`
      	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1],
      	 ^^^"
    `)
  })
  test('empty name', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	[""] = [$node_type=Cluster::NONE, $ip=0.0.0.0],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:3: warning: a node with an empty name can never be started: an empty name means no cluster
      	[""] = [$node_type=Cluster::NONE, $ip=0.0.0.0],
      	 ^^"
    `)
  })
  test('no port of a manager', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:2:3: warning: node "p" must connect to "m", which has no port: add one, as in \`$p=27760/tcp\`
      	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],
      	 ^^^"
    `)
  })
  test('port 0 of a logger', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=0/tcp],
};
redef Cluster::manager_is_logger = F;`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:53: warning: node "m" must connect to "l", but port 0 is none to connect to: write its number
      	["l"] = [$node_type=Cluster::LOGGER, $ip=10.0.0.3, $p=0/tcp],
      	                                                   ^^"
    `)
  })
  test('UDP port of a proxy', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=5/udp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m"],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:3:52: warning: node "w" must connect to "p", but 5/udp is no TCP port: write \`5/tcp\`
      	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=5/udp, $manager="m"],
      	                                                  ^^"
    `)
  })
  test('no port of a time machine', () => {
    const text = `redef Cluster::nodes = {
	["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=1/tcp],
	["p"] = [$node_type=Cluster::PROXY, $ip=10.0.0.2, $p=1/tcp, $manager="m"],
	["w"] = [$node_type=Cluster::WORKER, $ip=10.0.0.1, $manager="m", $time_machine="t"],
	["t"] = [$node_type=Cluster::TIME_MACHINE, $ip=10.0.0.9],
};
`
    expect(problems(text)).toMatchInlineSnapshot(`
      "
      a.zeek:5:3: warning: node "w" must connect to "t", which has no port: add one, as in \`$p=27760/tcp\`
      	["t"] = [$node_type=Cluster::TIME_MACHINE, $ip=10.0.0.9],
      	 ^^^"
    `)
  })
})
