/**
 * The side of a node that takes commands (`policy/frameworks/control/controllee` of Zeek): it answers questions, takes
 * new values of options and ends when it is told to. Who may give which command: `Control::stranger_commands`.
 */
import type { Timers } from '../base/time.js'
import type { Cluster } from '../cluster/cluster.js'
import type { UpdateOutcome } from '../cluster/cluster-events.js'
import { idValue } from './id-value.js'
import { type ControlCommand, REQUESTS, RESPONSES, requestTopic } from './messages.js'

/** What a packet source has seen (`NetStats`). */
export interface NetStats {
  readonly received: number
  readonly dropped: number
  /** Packets on the link, taken or not. */
  readonly link: number
}

export interface ControlleeSettings {
  readonly cluster: Cluster
  readonly timers: Timers
  /** Zeros on a node without a packet source. */
  readonly netStats: () => NetStats
  /** Ends the node. */
  readonly shutdown: () => void
}

/** Time between the answer to a shutdown and the shutdown, so that the answer gets out. */
const SHUTDOWN_DELAY_MS = 1000

/** Takes commands from now on. Call it before the node connects. */
export function startControllee({ cluster, timers, netStats, shutdown }: ControlleeSettings): void {
  const reported = new Set<string>()
  const outcomes = new Map<UpdateOutcome, number>()
  cluster.subscribe(requestTopic(cluster.id))

  /** Says no once per peer and command: a stranger must not fill a log. */
  const isAllowed = (command: ControlCommand): boolean => {
    const peer = cluster.eventSender
    if (cluster.configuration.mayCommand(peer, command)) return true
    cluster.configuration.counters.refusedCommands += 1
    const key = `${peer?.id} ${command}`
    if (!reported.has(key) && reported.size < REPORTED_LIMIT) {
      reported.add(key)
      const message = `${command} of ${peer?.id} is refused: it is no CONTROL node of the layout, and Control::stranger_commands does not have ${command}`
      cluster.report('warning', 'control-refused', message)
    }
    return false
  }
  const topicOf = (command: ControlCommand): string =>
    cluster.dialect.controlResponseTopic(`${command}_response`, cluster.name)
  const networkTime = (): string => (cluster.clock.wallMs() / 1000).toFixed(6)

  cluster.on(REQUESTS.id_value, (id) => {
    if (!isAllowed('id_value')) return
    cluster.publish(topicOf('id_value'), RESPONSES.id_value(id, idValue(cluster, id)))
  })
  cluster.on(REQUESTS.peer_status, () => {
    if (!isAllowed('peer_status')) return
    const lines = cluster.bus
      .peers()
      .map(({ id, address }) => `${networkTime()} peer=${id} host=${address.host} status=Broker::PEERED\n`)
    cluster.publish(topicOf('peer_status'), RESPONSES.peer_status(lines.join('')))
  })
  cluster.on(REQUESTS.net_stats, () => {
    if (!isAllowed('net_stats')) return
    const { received, dropped, link } = netStats()
    const line = `${networkTime()} recvd=${received} dropped=${dropped} link=${link}\n`
    cluster.publish(topicOf('net_stats'), RESPONSES.net_stats(line))
  })
  cluster.on('identifierUpdate', ({ outcome, from, name }) => {
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    if (outcome === 'accepted' || reported.has(from) || reported.size >= REPORTED_LIMIT) return
    reported.add(from)
    cluster.report('warning', 'update-refused', `${from} may not set ${name}: ${REASONS[outcome]}`)
  })
  cluster.on(REQUESTS.configuration_update, () => {
    const counts = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(', ')
    outcomes.clear()
    if (!isAllowed('configuration_update')) return
    cluster.emit('configurationUpdate')
    cluster.report('info', 'configuration-update', `configuration update: ${counts || 'no values'}`)
    cluster.publish(topicOf('configuration_update'), RESPONSES.configuration_update())
  })
  cluster.on(REQUESTS.shutdown, () => {
    if (!isAllowed('shutdown')) return
    cluster.report('info', 'control-shutdown', `told to stop by ${cluster.eventSender?.id}`)
    cluster.publish(topicOf('shutdown'), RESPONSES.shutdown())
    timers.after(SHUTDOWN_DELAY_MS, shutdown)
  })
}

const REPORTED_LIMIT = 1000

const REASONS: Readonly<Record<Exclude<UpdateOutcome, 'accepted'>, string>> = {
  'not-allowed':
    'it is no CONTROL node of the layout, and Control::stranger_commands does not have configuration_update',
  'not-changeable': 'it is fixed after the start; scripts declare changeable options',
  unknown: 'no script declares an option of this name',
  'wrong-type': 'the value is not of its type',
}
