#!/usr/bin/env node
/**
 * The command line: `zeek-cluster`. Exit codes: 0 ok, 1 the thing asked for failed, 2 bad usage or bad input.
 * Commands are loaded when they are called: a node starts faster without the others.
 */
import { Command, CommanderError, Option } from 'commander'
import { errorMessage } from '../base/errors.js'
import { packageVersion } from '../node/package-version.js'
import { DIALECT_NAMES } from '../options/dialect.js'
import { CommandError, printError, printRaw, survivePipeErrors } from './output.js'

const STATE_DIR = ['--state-dir <dir>', 'logs, sockets and node output', './.zeek-cluster'] as const
const DIALECT = [
  '--dialect <name>',
  `names and defaults: ${DIALECT_NAMES.join(' or ')}`,
  'reference',
] as const
const REDEFS = 'Module::option=value, for example Cluster::retry_interval=5sec'

function collect(value: string, previous: readonly string[]): readonly string[] {
  return [...previous, value]
}

function buildProgram(): Command {
  const program = new Command('zeek-cluster')
    .description(
      "Every node of a Zeek cluster: starts, watches and inspects nodes that speak Broker's wire protocol.",
    )
    .version(packageVersion())
    .showHelpAfterError('(--help shows the usage)')
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error:/, 'zeek-cluster: error:')) })

  program
    .command('up')
    .description(
      'start every local node of the layout as processes and watch them; Ctrl-C stops all in order',
    )
    .argument(
      '[layout]',
      'layout: .zeek, node.cfg, zeek.conf or a folder of HOST.zeek.conf; default: cluster-layout.zeek on $ZEEKPATH, $BROPATH, then .',
    )
    .argument('[redefs...]', REDEFS)
    .option(
      '--script <file>',
      'user script (.ts, .js) that every node runs, or script with redefs (.zeek); may be repeated',
      collect,
      [],
    )
    .option('--read <file.pcap>', 'workers analyse this capture, split between them')
    .option(...DIALECT)
    .option(...STATE_DIR)
    .option('--for <seconds>', 'stop by itself after this time')
    .action(async (layout, redefs, flags) => (await import('./commands/up.js')).runUp(layout, redefs, flags))

  program
    .command('node')
    .description('run one node in the foreground')
    .argument('[name]', 'name in the layout; default: $CLUSTER_NODE')
    .argument('[scripts...]', `user scripts, and ${REDEFS}`)
    .option('--layout <file>', 'default: cluster-layout.zeek on $ZEEKPATH, $BROPATH, then .')
    .option('--read <file.pcap>', 'a worker analyses its part of this capture')
    .option('--keep-log-names', 'log files are not rotated: they keep their names, also at the end')
    .option('--set-aside-logs <folder>', 'first move the log files of earlier runs there')
    .option('--listen-websocket <host:port>', "serve Zeek's WebSocket API here")
    .option('--websocket-cert <file>', 'PEM: certificate of the WebSocket server; with it, it speaks TLS')
    .option('--websocket-key <file>', 'PEM: its key')
    .option(...DIALECT)
    .option(...STATE_DIR)
    .action(async (name, scripts, flags) =>
      (await import('./commands/node.js')).runNode(name, scripts, flags),
    )

  program
    .command('check')
    .description('validate a layout; all problems at once')
    .argument('[layout]')
    .argument('[redefs...]', REDEFS)
    .option(...DIALECT)
    .option('--json', 'print JSON')
    .action(async (layout, redefs, flags) =>
      (await import('./commands/layout.js')).runCheck(layout, redefs, flags),
    )

  program
    .command('layout')
    .description('print a layout normalised, in Zeek syntax')
    .argument('[layout]')
    .argument('[redefs...]', REDEFS)
    .option(...DIALECT)
    .option('--zeek', 'print Zeek syntax (the default)')
    .option('--json', 'print JSON')
    .action(async (layout, redefs, flags) =>
      (await import('./commands/layout.js')).runLayout(layout, redefs, flags),
    )

  program
    .command('types')
    .description(
      'print the events, records and enums that Zeek scripts declare as a TypeScript module; events that a script only handles are among them when they are of its own module',
    )
    .argument('<file...>', 'Zeek scripts')
    .option(
      '--with <file>',
      'take from this script the types that the others use; may be repeated',
      collect,
      [],
    )
    .option('--json', 'print JSON')
    .action(async (files, flags) => (await import('./commands/types.js')).runTypes(files, flags))

  program
    .command('status')
    .description('show the nodes of the running cluster')
    .option(...STATE_DIR)
    .option('--json', 'print JSON')
    .action(async (flags) => (await import('./commands/status.js')).runStatus(flags))

  program
    .command('down')
    .description('stop the running cluster and wait until it is gone')
    .option(...STATE_DIR)
    .option('--json', 'print JSON')
    .action(async (flags) => (await import('./commands/status.js')).runDown(flags))

  program
    .command('control')
    .description('give a node a command: of the running cluster, of a layout, or a Zeek process at HOST:PORT')
    .argument('<node>', 'name of a node, or HOST:PORT')
    .argument(
      '<command>',
      'id_value NAME, peer_status, net_stats, configuration_update NAME=VALUE…, shutdown',
    )
    .argument('[args...]')
    .option('--layout <file>', 'default: that of the running cluster, else as for node')
    .option('--as <name>', 'come as this node; default: the first CONTROL node of the layout')
    .option('--timeout <seconds>', 'how long to wait for the answer', '10')
    .option('--no-tls', 'plain TCP, for peers with Broker::disable_ssl; default: as the layout says')
    .option('--tls-ca <file>', 'PEM: authorities whose certificates are accepted; both sides then show one')
    .option('--tls-cert <file>', 'PEM: own certificate')
    .option('--tls-key <file>', 'PEM: its key; the passphrase, if any, in $ZEEK_CLUSTER_TLS_PASSPHRASE')
    .option('--dialect <name>', `without a running cluster: ${DIALECT_NAMES.join(' or ')}`)
    .option(...STATE_DIR)
    .option('--json', 'print JSON')
    .action(async (node, command, args, flags) =>
      (await import('./commands/control.js')).runControl(node, command, args, flags),
    )

  withBusOptions(
    program
      .command('publish')
      .description('publish one event to whoever subscribes the topic')
      .argument('<topic>')
      .argument('<event>', 'full name, for example Demo::seen')
      .argument(
        '[args...]',
        'count:5 int:-3 real:1.5 string:x addr:10.0.0.1 subnet:10.0.0.0/8 port:80/tcp time:2026-01-31T12:00:00 interval:1.5s enum:Notice::LOG bool:T, or Broker JSON',
      )
      .option('--json', 'print JSON'),
  ).action(async (topic, name, args, flags) =>
    (await import('./commands/publish.js')).runPublish(topic, name, args, flags),
  )

  withBusOptions(
    program
      .command('subscribe')
      .description('print what is published, one JSON object a line')
      .argument('<prefix...>', 'topic prefixes')
      .option('--count <n>', 'end after this many messages')
      .option('--for <seconds>', 'end after this time')
      .option('--rate', 'print one line a second with the number of messages and bytes'),
  ).action(async (prefixes, flags) => (await import('./commands/subscribe.js')).runSubscribe(prefixes, flags))

  withBusOptions(
    program
      .command('store')
      .description(
        'read, write, watch and compare a data store of the cluster; joins as a clone, or as the master',
      )
      .argument('<name>', 'of the store')
      .argument(
        '[action]',
        'get KEY, put KEY VALUE, put-unique KEY VALUE, erase KEY, keys, dump, load [FILE], watch, verify',
      )
      .argument('[args...]', 'keys and values as for publish: string:x count:5 addr:10.0.0.1, or Broker JSON')
      .option(
        '--master',
        'be the master, and without an action serve it until a signal; with one and no --peer or --listen, connect to nobody',
      )
      .option('--backend <name>', 'of the master: memory, sqlite or rocksdb; default: memory')
      .option('--path <file>', 'of the master: where sqlite or rocksdb keeps the store')
      .option(
        '--durability <what>',
        'of the master: what a write outlives, process or machine; default: machine',
      )
      .option('--expiry <seconds>', 'put, put-unique, load: how long the entry is kept; also 30s, 10min, 1hr')
      .option('--count <n>', 'watch: end after this many changes')
      .option('--for <seconds>', 'watch: end after this time')
      .option('--timeout <seconds>', 'how long to wait for the master, and for answers', '10')
      .option('--json', 'print JSON'),
    { websocket: false },
  ).action(async (name, action, args, flags) =>
    (await import('./commands/store.js')).runStore(name, action, args, flags),
  )

  const bench = program.command('bench').description('how fast a link is: rate, loss and latency')
  withBusOptions(
    bench
      .command('pub')
      .description('publish numbered events as fast as they are taken, or at a rate')
      .argument('<topic>')
      .option('--count <n>', 'how many', '1000000')
      .option('--rate <n>', 'so many a second')
      .option('--shape <name>', 'small: a count, a time and a text; conn: a line of conn.log; table', 'small')
      .option('--size <bytes>', 'length of the text, or size of the table', '16')
      .option('--json', 'print JSON'),
  ).action(async (topic, flags) => (await import('./commands/bench.js')).runBenchPub(topic, flags))
  withBusOptions(
    bench
      .command('sub')
      .description('count what bench pub publishes, until it is done')
      .argument('<prefix...>', 'topic prefixes')
      .option('--count <n>', 'end after this many events')
      .option('--for <seconds>', 'end after this time')
      .option('--json', 'print JSON'),
  ).action(async (prefixes, flags) => (await import('./commands/bench.js')).runBenchSub(prefixes, flags))

  withFormat(
    program
      .command('decode')
      .description('print what lines on standard input stand for, one JSON object a line')
      .option('--as-zeek', 'print the text that Zeek prints for a value: not always valid JSON or UTF-8'),
  ).action(async (flags) => (await import('./commands/decode.js')).runDecode(flags))

  withFormat(
    program
      .command('encode')
      .description('turn lines of JSON, as decode prints them, back into what they stand for'),
  ).action(async (flags) => (await import('./commands/decode.js')).runEncode(flags))

  const logs = program.command('logs').description('the logs of all loggers as one')
  logs
    .command('ls')
    .description('list the logs: records, size, time of the first and the last record')
    .option('--files', 'a line for each file')
    .option('--fast', 'do not count: large and compressed files are not read')
    .option(...STATE_DIR)
    .option('--json', 'print JSON, an object for each file')
    .action(async (flags) => (await import('./commands/logs.js')).runLogsList(flags))
  withSelection(
    logs
      .command('cat')
      .description(
        'print a log: files of all loggers, rotated and compressed ones, merged by time. Exactly in order up to 200000 lines (128 MiB), nearly beyond: only so many are sorted at once',
      ),
  )
    .option('--header', 'print the header also in front of chosen columns')
    .action(async (name, filters, flags) =>
      (await import('./commands/logs.js')).runLogsCat(name, filters, flags),
    )
  withSelection(
    logs
      .command('tail')
      .description('print the last lines of a log, by time; those of JSON files as they are'),
  )
    .option('-n, --lines <n>', 'how many', '10')
    .option('-f, --follow', 'go on with what is written; waits for a log that is not there yet')
    .action(async (name, filters, flags) =>
      (await import('./commands/logs.js')).runLogsTail(name, filters, flags),
    )
  logs
    .command('ledger')
    .description('where the records of each node and stream are; exit code 1 when the figures do not add up')
    .option('--runs', 'each process of a node apart')
    .option(...STATE_DIR)
    .option('--json', 'print JSON')
    .action(async (flags) => (await import('./commands/logs.js')).runLogsLedger(flags))

  return program
}

function withSelection(command: Command): Command {
  return command
    .argument('<name>', 'for example conn')
    .argument(
      '[filters...]',
      'field=value, field!=value: the text of the column, for sets and vectors of any element; all have to hold',
    )
    .option('-c, --columns <names>', 'only these columns, in this order: ts,id.orig_h')
    .option('--since <time>', 'seconds since the epoch, 2026-01-31T12:00:00, or 10min for ten minutes ago')
    .option('--until <time>', 'the same')
    .option('--json', "one JSON object a line, as Zeek's JSON logs")
    .option(...STATE_DIR)
}

function withFormat(command: Command): Command {
  return command
    .option(
      '--format <name>',
      "broker-bin: a value or message of Broker; broker-json: Broker's JSON as Zeek writes it; broker-frame: a frame of a peering, its length in front; zeek-log: a log record, or a message with records",
      'broker-bin',
    )
    .option(
      '--hex',
      'lines of the format are hex; always so but for broker-json, because binary data has no lines',
    )
}

function withBusOptions(command: Command, { websocket = true } = {}): Command {
  const url = new Option(
    '--websocket <url>',
    'use a WebSocket server, for example ws://127.0.0.1:27759/v1/messages/json',
  )
  return command
    .option(
      '--peer <host:port>',
      'connect here; may be repeated; default: every node of the running cluster',
      collect,
      [],
    )
    .option('--listen <host:port>', 'wait for peers here')
    .addOption(url.hideHelp(!websocket))
    .option('--no-tls', 'plain TCP, for peers with Broker::disable_ssl')
    .option('--tls-ca <file>', 'PEM: authorities whose certificates are accepted; both sides then show one')
    .option('--tls-cert <file>', 'PEM: own certificate')
    .option('--tls-key <file>', 'PEM: its key; the passphrase, if any, in $ZEEK_CLUSTER_TLS_PASSPHRASE')
    .option(...STATE_DIR)
}

async function main(): Promise<void> {
  survivePipeErrors()
  try {
    await buildProgram().parseAsync()
  } catch (error) {
    process.exitCode = exitCodeOf(error)
  }
}

function exitCodeOf(error: unknown): number {
  // Commander has printed its own complaints.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  if (error instanceof CommandError) {
    if (error.message !== '') printError(error.message)
    return error.data.exitCode
  }
  printRaw(`zeek-cluster: error: ${errorMessage(error)}`)
  return 1
}

await main()
