/**
 * Runs transcripts against an implementation of Broker's protocol: on TCP against any program, in memory on a virtual
 * clock against our own endpoint.
 *
 *     for (const transcript of BROKER_TRANSCRIPTS) {
 *       const result = await runTranscript(transcript, { subject })
 *     }
 */
import { errorMessage } from '../base/errors.js'
import { formatAddress, type NetworkAddress } from '../base/network-address.js'
import { type Clock, systemClock, systemTimers, type Timers } from '../base/time.js'
import { NIL_ID } from '../broker/endpoint-id.js'
import { tcpNetwork } from '../transport/tcp.js'
import type { Connection, Listener, Network, Security } from '../transport/transport.js'
import { idOfWord } from './broker-frame-words.js'
import { BrokerScript, type ScriptEffect } from './broker-script.js'
import type { ScriptConnection } from './broker-script-connection.js'
import type { SubjectAction, Transcript } from './broker-transcript.js'
import { MemoryNetwork, type MemoryNetworkOptions } from './memory-network.js'
import { endpointSubject, type SubjectFactory, type SubjectUnderTest } from './subject-under-test.js'
import { VirtualTime } from './virtual-time.js'

export interface TranscriptSurroundings {
  readonly subject: SubjectFactory
  /** Default TCP and the real time. */
  readonly network?: Network
  readonly timers?: Timers
  readonly clock?: Clock
  /** Default `plain`. */
  readonly security?: Security
  /** How long a step may wait, in milliseconds; default 15 000. */
  readonly limitMs?: number
  /** Where the script listens; default a free port of 127.0.0.1. */
  readonly address?: NetworkAddress
  /** Prefixes of topics on which the subject publishes by itself, such as `zeek/`; default none. */
  readonly ignoredTopics?: readonly string[]
}

export type TranscriptResult =
  | { readonly kind: 'passed' }
  | { readonly kind: 'skipped'; readonly reason: string }
  /** `message`: `name:line: expected …, got …`. */
  | { readonly kind: 'failed'; readonly line: number; readonly message: string }

const CONNECT_TIMEOUT_MS = 5000
const NOTHING = (): void => {}

/** Plays one transcript. Rejects with `ClusterError` (`invalid-transcript`, `unknown-id`) when it makes no sense. */
export async function runTranscript(
  transcript: Transcript,
  surroundings: TranscriptSurroundings,
): Promise<TranscriptResult> {
  return new TranscriptRun(transcript, surroundings).run()
}

/** Plays one transcript in memory, on a virtual clock; `subject` defaults to our endpoint. */
export async function runTranscriptInMemory(
  transcript: Transcript,
  options: MemoryNetworkOptions & {
    readonly subject?: (network: Network, timers: Timers) => SubjectFactory
  } = {},
): Promise<TranscriptResult> {
  const time = new VirtualTime()
  const network = new MemoryNetwork(time, options)
  const subject = options.subject?.(network, time) ?? endpointSubject({ network, timers: time })
  const result = runTranscript(transcript, { network, timers: time, clock: time, subject })
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  result.then(over, over)
  await time.until(() => isOver, 3_600_000)
  return result
}

class TranscriptRun {
  readonly #transcript: Transcript
  readonly #surroundings: TranscriptSurroundings
  readonly #connections = new Map<ScriptConnection, Connection>()
  #script: BrokerScript | undefined
  #listener: Listener | undefined
  #subjectAddress: NetworkAddress | undefined
  /** Ends the wait for something to arrive. */
  #wake = NOTHING

  constructor(transcript: Transcript, surroundings: TranscriptSurroundings) {
    this.#transcript = transcript
    this.#surroundings = surroundings
  }

  async run(): Promise<TranscriptResult> {
    const subject = await this.#surroundings.subject({
      needs: this.#transcript.needs,
      onEvent: (event) => {
        this.#script?.event(event)
        this.#wake()
      },
    })
    if (subject === undefined)
      return { kind: 'skipped', reason: `needs ${this.#transcript.needs.join(', ')}` }
    try {
      const missing = actionsOf(this.#transcript).find(
        (action) => subject[action.kind] === undefined && !isFixed(subject, action),
      )
      if (missing !== undefined) return { kind: 'skipped', reason: `the subject cannot ${missing.kind}` }
      return await this.#play(subject)
    } finally {
      for (const connection of this.#connections.values()) connection.destroy()
      await this.#listener?.close()
      await subject.close()
    }
  }

  async #play(subject: SubjectUnderTest): Promise<TranscriptResult> {
    const {
      network = tcpNetwork,
      security = 'plain',
      address = { host: '127.0.0.1', port: 0 },
    } = this.#surroundings
    const { ignoredTopics = [], clock = systemClock } = this.#surroundings
    const script = new BrokerScript(this.#transcript, { tells: new Set(subject.tells), ignoredTopics })
    this.#script = script
    if (this.#transcript.steps.some((step) => step.kind === 'connect')) {
      this.#subjectAddress = await subject.listen()
    }
    this.#listener = await network.listen(address, security, (connection) => {
      const accepted = script.accepted()
      this.#connections.set(accepted, connection)
      return this.#handlerOf(accepted)
    })
    while (script.state.kind === 'running') {
      const effect = script.next(clock.monotonicMs())
      if (effect !== undefined) await this.#carryOut(script, subject, effect)
      else if (script.state.kind === 'running') await this.#wait(script)
    }
    return script.state
  }

  async #carryOut(script: BrokerScript, subject: SubjectUnderTest, effect: ScriptEffect): Promise<void> {
    if (effect.kind === 'act') return this.#act(subject, effect.action, effect.connection)
    if (effect.kind === 'connect') return this.#connect(script, effect.connection)
    const connection = this.#connections.get(effect.connection)
    switch (effect.kind) {
      case 'close':
        return connection?.end()
      case 'reset':
        return connection?.destroy()
      case 'pause':
        return connection?.pauseReading()
      case 'resume':
        return connection?.resumeReading()
      case 'send': {
        const chunkBytes = effect.connection.chunkBytes ?? effect.bytes.length
        for (let offset = 0; offset < effect.bytes.length; offset += chunkBytes) {
          connection?.send(effect.bytes.subarray(offset, offset + chunkBytes), NOTHING)
        }
      }
    }
  }

  async #connect(script: BrokerScript, end: ScriptConnection): Promise<void> {
    const { network = tcpNetwork, security = 'plain' } = this.#surroundings
    const address = this.#subjectAddress
    if (address === undefined) return
    await new Promise<void>((resolve) => {
      const handler = this.#handlerOf(end)
      network.connect(address, security, CONNECT_TIMEOUT_MS, {
        onOpen: (connection) => {
          this.#connections.set(end, connection)
          resolve()
        },
        onBytes: (bytes) => handler.onBytes(bytes),
        onClose: (error) => {
          handler.onClose()
          if (!this.#connections.has(end)) script.failed(error?.message ?? 'the end of the connection')
          resolve()
        },
      })
    })
  }

  #handlerOf(end: ScriptConnection): { onBytes(bytes: Uint8Array): void; onClose(): void } {
    return {
      onBytes: (bytes) => {
        end.bytes(bytes)
        this.#wake()
      },
      onClose: () => {
        end.closed()
        this.#wake()
      },
    }
  }

  async #act(
    subject: SubjectUnderTest,
    action: SubjectAction,
    end: ScriptConnection | undefined,
  ): Promise<void> {
    switch (action.kind) {
      case 'subscribe':
      case 'unsubscribe':
        if (!isFixed(subject, action)) await subject[action.kind]?.(action.prefix)
        return
      case 'publish':
        for (let n = 0; n < action.times; n += 1) await subject.publish?.(action.topic, action.payload)
        return
      case 'send':
        await subject.send?.(idText(action.to), action.topic, action.payload)
        return
      case 'dial':
        if (this.#listener !== undefined) await subject.dial?.(this.#listener.address, action.retryMs)
        return
      case 'unpeer':
        await subject.unpeer?.(this.#addressSeenBySubject(end))
        return
      case 'close':
        // Resolves when the peers have answered, which is the script's part.
        void subject.close().catch((error: unknown) => {
          this.#script?.failed(errorMessage(error))
          this.#wake()
        })
    }
  }

  #addressSeenBySubject(end: ScriptConnection | undefined): NetworkAddress {
    const connection = end === undefined ? undefined : this.#connections.get(end)
    const address = connection?.local ?? { host: '127.0.0.1', port: 0 }
    const listening = this.#listener?.address
    return listening !== undefined && formatAddress(listening) === formatAddress(address)
      ? listening
      : address
  }

  #wait(script: BrokerScript): Promise<void> {
    const { timers = systemTimers, limitMs = 15_000 } = this.#surroundings
    return new Promise((resolve) => {
      const timer = timers.after(limitMs, () => {
        script.timedOut(limitMs)
        this.#wake()
      })
      this.#wake = () => {
        this.#wake = NOTHING
        timer.cancel()
        resolve()
      }
    })
  }
}

function actionsOf(transcript: Transcript): SubjectAction[] {
  return transcript.steps.flatMap((step) => (step.kind === 'act' ? [step.action] : []))
}

/** A subscription that the subject has anyway. */
function isFixed(subject: SubjectUnderTest, action: SubjectAction): boolean {
  return action.kind === 'subscribe' && subject.subscriptions?.includes(action.prefix) === true
}

function idText(word: string): string {
  return (idOfWord(word) ?? NIL_ID).text
}
