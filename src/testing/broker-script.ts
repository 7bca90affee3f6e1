/**
 * A scripted Broker peer as a pure machine: a transcript and what arrives go in, effects come out. No network, clock
 * or timer inside; `run-transcript.ts` lends it those.
 */
import { ClusterError } from '../base/errors.js'
import type { EndpointId } from '../broker/endpoint-id.js'
import { describePayload } from './broker-frame-description.js'
import { type IdWord, idOfWord } from './broker-frame-words.js'
import { ScriptConnection, type ScriptIds } from './broker-script-connection.js'
import type { ExpectedEvent, SubjectAction, Transcript, TranscriptStep } from './broker-transcript.js'

/** What the implementation under test tells its user. */
export type SubjectEvent =
  /** A delivered message; the payload is one encoded value. */
  | { readonly kind: 'message'; readonly topic: string; readonly payload: Uint8Array }
  /** A status or an error by its name in Broker (spec/broker-protocol.md 3.12), and whom it is about. */
  | { readonly kind: 'status'; readonly code: string; readonly id?: string }

/** What the script wants done. */
export type ScriptEffect =
  | {
      readonly kind: 'connect' | 'close' | 'reset' | 'pause' | 'resume'
      readonly connection: ScriptConnection
    }
  | { readonly kind: 'send'; readonly connection: ScriptConnection; readonly bytes: Uint8Array }
  | {
      readonly kind: 'act'
      readonly action: SubjectAction
      readonly connection: ScriptConnection | undefined
    }

export type ScriptState =
  | { readonly kind: 'running' }
  | { readonly kind: 'passed' }
  /** `message` says where, what was expected and what came. */
  | { readonly kind: 'failed'; readonly line: number; readonly message: string }

export interface ScriptSettings {
  /** What the subject tells its user; what it does not is not expected of it. */
  readonly tells: ReadonlySet<SubjectEvent['kind']>
  /** Frames of data on topics with these prefixes are not looked at. */
  readonly ignoredTopics?: readonly string[]
}

export class BrokerScript implements ScriptIds {
  readonly #transcript: Transcript
  readonly #settings: ScriptSettings
  readonly #statusesMatter: boolean
  readonly #connections = new Map<string, ScriptConnection>()
  /** Connections of the subject that no step has accepted. */
  readonly #accepted: ScriptConnection[] = []
  readonly #events: SubjectEvent[] = []
  /** Known when the subject has introduced itself. */
  #subjectId: EndpointId | undefined
  #state: ScriptState = { kind: 'running' }
  #position = 0
  /** When the current step began to wait. */
  #waitingSinceMs: number | undefined

  constructor(transcript: Transcript, settings: ScriptSettings) {
    this.#transcript = transcript
    this.#settings = settings
    this.#statusesMatter = transcript.steps.some(
      (step) => step.kind === 'expect' && step.event.kind === 'status',
    )
  }

  get state(): ScriptState {
    return this.#state
  }

  get subjectId(): EndpointId | undefined {
    return this.#subjectId
  }

  get ignoredTopics(): readonly string[] {
    return this.#settings.ignoredTopics ?? []
  }

  learnSubject(id: EndpointId): void {
    this.#subjectId ??= id
  }

  /** Where a connection that the subject has opened delivers to. */
  accepted(): ScriptConnection {
    const connection = this.#newConnection()
    this.#accepted.push(connection)
    return connection
  }

  event(event: SubjectEvent): void {
    if (!this.#settings.tells.has(event.kind)) return
    if (event.kind === 'message' || this.#statusesMatter) this.#events.push(event)
  }

  /** Nothing has come for as long as anybody would wait. */
  timedOut(limitMs: number): void {
    const got = `nothing within ${limitMs} ms${this.#seenElsewhere()}`
    this.#fail(this.#transcript.steps[this.#position], got)
  }

  /** An effect could not be carried out. */
  failed(reason: string): void {
    this.#fail(this.#transcript.steps[this.#position - 1], reason)
  }

  /** The next thing to do; undefined while the script waits for something to arrive, or is over. */
  next(nowMs: number): ScriptEffect | undefined {
    while (this.#state.kind === 'running') {
      const step = this.#transcript.steps[this.#position]
      if (step === undefined) {
        this.#end()
        return undefined
      }
      this.#waitingSinceMs ??= nowMs
      const outcome = this.#try(step, nowMs - this.#waitingSinceMs)
      if (outcome === 'wait') return undefined
      if (typeof outcome === 'string' && outcome !== 'done') {
        this.#fail(step, outcome.slice(FAILURE.length))
        return undefined
      }
      this.#position += 1
      this.#waitingSinceMs = undefined
      if (outcome !== 'done') return outcome
    }
    return undefined
  }

  /** `done` goes on with the next step; what starts with `FAILURE` is what came instead. */
  #try(
    step: TranscriptStep,
    waitedMs: number,
  ): ScriptEffect | 'done' | 'wait' | `${typeof FAILURE}${string}` {
    switch (step.kind) {
      case 'act': {
        const { action } = step
        const connection = action.kind === 'unpeer' ? this.#connection(action.connection) : undefined
        return { kind: 'act', action, connection }
      }
      case 'connect': {
        const connection = this.#newConnection()
        this.#connections.set(step.connection, connection)
        return { kind: 'connect', connection }
      }
      case 'accept': {
        const connection = this.#accepted.shift()
        if (connection === undefined) return 'wait'
        if (waitedMs < step.afterMs) return `${FAILURE}a connection after ${Math.round(waitedMs)} ms`
        this.#connections.set(step.connection, connection)
        return 'done'
      }
      case 'expect':
        return this.#expect(step.event)
      case 'close':
      case 'reset':
      case 'pause':
      case 'resume':
        return { kind: step.kind, connection: this.#connection(step.connection) }
      case 'send': {
        const connection = this.#connection(step.connection)
        const bytes = connection.toSend(step.frame)
        return bytes === undefined ? 'done' : { kind: 'send', connection, bytes }
      }
      case 'flush': {
        const connection = this.#connection(step.connection)
        return { kind: 'send', connection, bytes: connection.flush() }
      }
      case 'hold':
        this.#connection(step.connection).hold()
        return 'done'
      case 'chunks':
        this.#connection(step.connection).chunkBytes = step.chunkBytes
        return 'done'
      case 'receive': {
        const connection = this.#connection(step.connection)
        const frame = connection.take()
        if (frame === undefined) return connection.isClosed ? `${FAILURE}the end of the connection` : 'wait'
        const mismatch = connection.mismatch(step.frame, frame)
        return mismatch === undefined ? 'done' : `${FAILURE}${mismatch}`
      }
      case 'closed': {
        const connection = this.#connection(step.connection)
        const frame = connection.take()
        if (frame !== undefined) return `${FAILURE}${connection.describe(frame)}`
        if (!connection.isClosed) return 'wait'
        return waitedMs < step.afterMs ? `${FAILURE}the end after ${Math.round(waitedMs)} ms` : 'done'
      }
      case 'drain': {
        const connection = this.#connection(step.connection)
        connection.forget()
        return connection.isClosed ? 'done' : 'wait'
      }
    }
  }

  #expect(expected: ExpectedEvent): 'done' | 'wait' | `${typeof FAILURE}${string}` {
    if (!this.#settings.tells.has(expected.kind)) return 'done'
    const event = this.#events.shift()
    if (event === undefined) return 'wait'
    if (expected.kind === 'message') {
      const isSame =
        event.kind === 'message' &&
        event.topic === expected.topic &&
        Buffer.compare(event.payload, expected.payload) === 0
      return isSame ? 'done' : `${FAILURE}${this.#describeEvent(event)}`
    }
    const id = expected.id === undefined ? undefined : this.id(expected.id, undefined).text
    const isSame =
      event.kind === 'status' && event.code === expected.code && (id === undefined || event.id === id)
    return isSame ? 'done' : `${FAILURE}${this.#describeEvent(event)}`
  }

  /** What is left over was not expected. */
  #end(): void {
    const [event] = this.#events
    const left = [...this.#connections.values()].map((connection) => connection.take())
    const index = left.findIndex((frame) => frame !== undefined)
    if (event !== undefined) this.#fail(undefined, this.#describeEvent(event))
    else if (index >= 0) this.#fail(undefined, [...this.#connections.values()][index]!.describe(left[index]!))
    else if (this.#accepted.length > 0) this.#fail(undefined, 'a connection')
    else this.#state = { kind: 'passed' }
  }

  #fail(step: TranscriptStep | undefined, got: string): void {
    const last = this.#transcript.steps.at(-1)
    const { line } = step ?? last ?? { line: 1 }
    const expected = step === undefined ? 'nothing more' : this.#describeStep(step)
    const message = `${this.#transcript.name}:${line}: expected ${expected}, got ${got}`
    this.#state = { kind: 'failed', line, message }
  }

  #describeStep(step: TranscriptStep): string {
    switch (step.kind) {
      case 'receive':
        return this.#connection(step.connection).describeExpected(step.frame)
      case 'closed':
        return step.afterMs === 0 ? 'the end of the connection' : `the end after ${step.afterMs} ms`
      case 'accept':
        return step.afterMs === 0 ? 'a connection' : `a connection after ${step.afterMs} ms`
      case 'expect':
        return step.event.kind === 'message'
          ? this.#describeEvent(step.event)
          : `${step.event.code} ${step.event.id ?? ''}`.trim()
      case 'act':
        return `that it can ${step.action.kind}`
      case 'connect':
        return 'to be accepted'
      default:
        return `that the script can ${step.kind}`
    }
  }

  #describeEvent(event: SubjectEvent): string {
    if (event.kind === 'status') return `${event.code} ${event.id ?? ''}`.trim()
    return `the message ${JSON.stringify(event.topic)} ${describePayload(event.payload, true)}`
  }

  /** When one connection is silent, what another one got may say why. */
  #seenElsewhere(): string {
    const frames = [...this.#connections].flatMap(([name, connection]) => {
      const frame = connection.take()
      return frame === undefined
        ? []
        : [`; on ${name === '' ? 'the connection' : name} came ${connection.describe(frame)}`]
    })
    return frames.join('')
  }

  #connection(name: string): ScriptConnection {
    const connection = this.#connections.get(name)
    if (connection !== undefined) return connection
    throw new ClusterError('invalid-transcript', `${this.#transcript.name}: no connection '${name}'`, {
      line: 0,
    })
  }

  #newConnection(): ScriptConnection {
    return new ScriptConnection(this)
  }

  id(word: IdWord, peer: EndpointId | undefined): EndpointId {
    const id = word === 'self' ? this.#subjectId : word === 'peer' ? peer : idOfWord(word)
    if (id !== undefined) return id
    throw new ClusterError('unknown-id', `${this.#transcript.name}: the id '${word}' is not known here`, {
      word,
    })
  }
}

const FAILURE = 'got '
