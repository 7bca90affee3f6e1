/** The control framework between real Zeek processes and ours. Needs `zeek` with the Broker backend on PATH. */
import { afterEach, describe, expect, test } from 'vitest'
import { endAll, layoutOf, run, start, temporaryDirectory, write } from '../process/support.js'
import { BACKEND, hasBackendScript, isUsable, skipReason } from './real-zeek.js'

afterEach(endAll)

const backend = hasBackendScript ? [BACKEND] : []

describe.skipIf(!isUsable)(`control with a real Zeek${skipReason}`, () => {
  test('a Zeek takes our commands', { timeout: 60_000 }, async () => {
    const cwd = temporaryDirectory()
    const { text, ports } = await layoutOf('manager')
    write(cwd, 'cluster-layout.zeek', text)
    write(
      cwd,
      'script.zeek',
      `module Demo;
export {
  const names: set[string] = { "a", "b" } &redef;
  const threshold: count = 5 &redef;
}
event Control::configuration_update() { print fmt("threshold %s", Demo::threshold); flush_all(); }
event zeek_init() &priority=-20 { print "ready"; flush_all(); }
`,
    )
    const zeek = start(
      [
        '-b',
        ...backend,
        'frameworks/control/controllee',
        'Control::controllee_listen=F',
        'script.zeek',
        'exit_only_after_terminate=T',
      ],
      { command: 'zeek', cwd, env: { CLUSTER_NODE: 'manager', ZEEK_DEFAULT_LISTEN_ADDRESS: '127.0.0.1' } },
    )
    await zeek.line(/^ready$/)
    const control = (...args: readonly string[]) =>
      run(['control', 'manager', ...args, '--dialect', 'zeek-9.0'], { cwd })
    expect((await control('id_value', 'Cluster::worker_topic')).stdout).toEqual(['zeek/cluster/worker'])
    // Sets have the order of Zeek's hashes.
    const names = (await control('id_value', 'Demo::names')).stdout.map((line) => line.replace(',', ''))
    expect(names.sort()).toEqual(['a', 'b', '{', '}'])
    expect((await control('net_stats')).stdout).toEqual(['packets received 0, dropped 0, on the link 0'])
    const peers = JSON.parse((await control('peer_status', '--json')).stdout.join('')) as { peers: object[] }
    expect(peers.peers).toMatchObject([{ host: '127.0.0.1', status: 'PEERED' }])
    expect((await control('configuration_update', 'Demo::threshold=7')).exit).toBe(0)
    await zeek.line(/^threshold 7$/)
    expect(
      (await run(['control', `127.0.0.1:${ports[0]}`, 'id_value', 'Demo::threshold'], { cwd })).stdout,
    ).toEqual(['7'])
    expect((await control('shutdown')).stdout).toEqual(['manager stops'])
    expect(await zeek.end()).toBe(0)
  })

  test('our node takes the commands of a Zeek, but for what strangers may not do', {
    timeout: 60_000,
  }, async () => {
    const cwd = temporaryDirectory()
    const { text, ports } = await layoutOf('manager')
    write(cwd, 'cluster-layout.zeek', text)
    write(
      cwd,
      'controller.zeek',
      `event Control::id_value_response(id: string, val: string) { print id, val; }
event Control::peer_status_response(s: string) { print s; }
event Control::net_stats_response(s: string) { print s; }
event Control::shutdown_response() { print "stops"; }
`,
    )
    const node = start(['node', 'manager', '--dialect', 'zeek-9.0'], { cwd })
    await node.line(/^manager: listening on /)
    const controller = (...args: readonly string[]) =>
      start(
        [
          '-b',
          ...backend,
          'frameworks/control/controller',
          'controller.zeek',
          'Control::host=127.0.0.1',
          `Control::host_port=${ports[0]}/tcp`,
          ...args,
        ],
        { command: 'zeek', cwd },
      )
    const asked = async (...args: readonly string[]): Promise<string> => {
      const zeek = controller(...args)
      await zeek.end()
      return zeek.stdout.join('\n')
    }
    expect(await asked('Control::cmd=id_value', 'Control::arg=Cluster::worker_topic')).toBe(
      'Cluster::worker_topic, zeek/cluster/worker',
    )
    expect(await asked('Control::cmd=peer_status')).toMatch(/ host=127\.0\.0\.1 status=Broker::PEERED/)
    expect(await asked('Control::cmd=net_stats')).toMatch(/ recvd=0 dropped=0 link=0/)
    const refused = controller('Control::cmd=configuration_update')
    await node.line(/^manager: warning: configuration_update of .* is refused/)
    refused.signal('SIGKILL')
    expect(await asked('Control::cmd=shutdown')).toBe('stops')
    expect(await node.end()).toBe(0)
  })
})
