/**
 * Three processes over loopback: one publishes, one passes on, one receives. What is passed on is sent encoded, so
 * that the relay is what is measured; the receiver checks that every number arrives once and in order.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePorts } from '../test/support/free-ports.ts'
import type { BenchOptions } from './main.ts'

export interface RelayTask {
  readonly role: 'publisher' | 'relay' | 'receiver'
  readonly port: number
  readonly events: number
}

export interface RelayResult {
  readonly received?: number
  readonly inOrder?: boolean
  readonly seconds?: number
  readonly cpuSeconds: number
  readonly rssBytes: number
  readonly forwarded?: number
}

export async function benchRelay({ quick }: BenchOptions): Promise<Record<string, unknown>> {
  const events = quick ? 50_000 : 5_000_000
  const port = (await freePorts(1))[0]!
  const start = (role: RelayTask['role']): ChildProcess =>
    fork(
      fileURLToPath(new URL('./relay-peer.ts', import.meta.url)),
      [JSON.stringify({ role, port, events } satisfies RelayTask)],
      { execArgv: ['--import', new URL('./typescript.js', import.meta.url).href] },
    )
  const relay = start('relay')
  const children = [relay]
  try {
    await new Promise((resolve) => relay.once('message', resolve))
    const receiver = start('receiver')
    children.push(receiver)
    await new Promise((resolve) => receiver.once('message', resolve))
    const publisher = start('publisher')
    children.push(publisher)
    const received = await resultOf(receiver)
    relay.send('report')
    const relayed = await resultOf(relay)
    return {
      eventsPerSecond: Math.round(received.received! / received.seconds!),
      lost: events - received.received!,
      inOrder: received.inOrder,
      forwarded: relayed.forwarded,
      relayCpuUsPerEvent: Math.round((relayed.cpuSeconds * 1e9) / events) / 1000,
      relayRssMiB: Math.round(relayed.rssBytes / 2 ** 20),
    }
  } finally {
    for (const child of children) child.kill()
  }
}

function resultOf(child: ChildProcess): Promise<RelayResult> {
  return new Promise((resolve, reject) => {
    child.once('message', (message) => resolve(message as RelayResult))
    child.once('exit', (code) => reject(new Error(`a benchmark process ended early (exit code ${code})`)))
  })
}
