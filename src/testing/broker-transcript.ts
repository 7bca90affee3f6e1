/**
 * Transcripts: what a scripted Broker peer does, what the implementation under test is told to do, and what is
 * expected of it; one step a line, in order. Times do not matter: each step waits until it can be made.
 *
 *     # a comment
 *     needs forwarding               # the subject must be set up for it, or the transcript is skipped
 *     do subscribe "/in"             # the subject is told: subscribe, unsubscribe, publish, send, dial, unpeer, close
 *     connect                        # the script connects to the subject; `accept`: the subject connects to the script
 *     > probe                        # from the subject to the script
 *     < hello low                    # from the script to the subject
 *     peering low ["/out"] ["/in"]   # the whole handshake: id and subscriptions of the script, then of the subject
 *     barrier                        # a ping, whose answer is the next thing to come: nothing else was on its way
 *     expect message "/in/x" "hi"    # what the subject tells its user
 *     > closed                       # the subject closes; `> closed after=2900`: not before so many milliseconds
 *     close                          # the script closes; `reset` at once, `pause` and `resume` stop and go on reading
 *     hold, flush                    # what is sent in between leaves in one piece; `chunks 1`: byte by byte
 *     drain                          # whatever comes, until the subject closes
 *
 * Several connections have names: `connect b`, `b> probe`, `b< hello low`, `barrier b`. The words of frames are in
 * `broker-frame-words.ts`. Every message that the subject delivers must be expected; statuses and errors (Broker's
 * names: `expect peer_added low`) only in transcripts that expect any.
 */
import { ClusterError, errorMessage } from '../base/errors.js'
import {
  type FrameWords,
  type IdWord,
  invalid,
  parseFrame,
  payloadOf,
  splitWords,
  textOf,
} from './broker-frame-words.js'
import { peeringSteps } from './broker-peering-steps.js'

/** What a subject must be set up for, beyond peering and messages. */
export type SubjectFeature =
  /** Passes messages of one peer on to others. */
  | 'forwarding'
  /** Counts the hops of what it passes on; Broker itself does not. */
  | 'hop-limit'
  /** Ends the peering with a peer that reads too slowly, when some hundred kilobytes wait. */
  | 'disconnect-on-overflow'
  /** Limits that Broker itself does not have (spec/broker-protocol.md 12). */
  | 'hardening'

const FEATURES: ReadonlySet<string> = new Set<SubjectFeature>([
  'forwarding',
  'hop-limit',
  'disconnect-on-overflow',
  'hardening',
])

/** What the subject is told to do. */
export type SubjectAction =
  | { readonly kind: 'subscribe' | 'unsubscribe'; readonly prefix: string }
  | { readonly kind: 'publish'; readonly topic: string; readonly payload: Uint8Array; readonly times: number }
  | { readonly kind: 'send'; readonly to: IdWord; readonly topic: string; readonly payload: Uint8Array }
  | { readonly kind: 'dial'; readonly retryMs: number }
  | { readonly kind: 'unpeer'; readonly connection: string }
  | { readonly kind: 'close' }

/** What the subject is to tell its user. */
export type ExpectedEvent =
  | { readonly kind: 'message'; readonly topic: string; readonly payload: Uint8Array }
  | { readonly kind: 'status'; readonly code: string; readonly id: IdWord | undefined }

export type TranscriptStep = { readonly line: number } & (
  | { readonly kind: 'act'; readonly action: SubjectAction }
  | { readonly kind: 'expect'; readonly event: ExpectedEvent }
  | { readonly kind: 'send' | 'receive'; readonly connection: string; readonly frame: FrameWords }
  | { readonly kind: 'accept' | 'closed'; readonly connection: string; readonly afterMs: number }
  | { readonly kind: 'chunks'; readonly connection: string; readonly chunkBytes: number }
  | { readonly kind: ConnectionStep; readonly connection: string }
)

const CONNECTION_STEPS = ['connect', 'close', 'reset', 'pause', 'resume', 'hold', 'flush', 'drain'] as const
type ConnectionStep = (typeof CONNECTION_STEPS)[number]

export interface Transcript {
  readonly name: string
  readonly needs: readonly SubjectFeature[]
  readonly steps: readonly TranscriptStep[]
}

/** The connection of steps that name none. */
export const ONLY_CONNECTION = ''

/** Reads a transcript. Throws `ClusterError` with code `invalid-transcript`; `data.line` counts from 1. */
export function parseTranscript(name: string, text: string): Transcript {
  const needs: SubjectFeature[] = []
  const steps: TranscriptStep[] = []
  for (const [index, source] of text.split('\n').entries()) {
    const line = index + 1
    const content = source.replace(/(?:^\s*|\s{2,})#.*$/, '').trim()
    if (content === '') continue
    try {
      if (content.startsWith('needs ')) needs.push(...featuresOf(content))
      else steps.push(...stepsOf(content, line, steps))
    } catch (error) {
      if (!(error instanceof ClusterError) || error.code !== 'invalid-transcript') throw error
      throw new ClusterError('invalid-transcript', `${name}:${line}: ${errorMessage(error)}`, { line }, error)
    }
  }
  return { name, needs, steps }
}

function featuresOf(content: string): SubjectFeature[] {
  return splitWords(content)
    .slice(1)
    .map((word) => {
      if (FEATURES.has(word)) return word as SubjectFeature
      throw invalid(`unknown feature '${word}'`)
    })
}

function stepsOf(
  content: string,
  line: number,
  before: readonly TranscriptStep[],
): readonly TranscriptStep[] {
  const frame = /^([a-z]\w*)?([<>])\s+(.*)$/.exec(content)
  if (frame !== null) {
    const connection = frame[1] ?? ONLY_CONNECTION
    const words = frame[3]!
    if (frame[2] === '<') return [{ line, kind: 'send', connection, frame: parseFrame(words) }]
    if (/^closed\b/.test(words)) return [{ line, kind: 'closed', connection, afterMs: afterOf(words) }]
    return [{ line, kind: 'receive', connection, frame: parseFrame(words) }]
  }
  const [verb = '', ...words] = splitWords(content)
  const connection = words.find((word) => /^[a-z]\w*$/.test(word)) ?? ONLY_CONNECTION
  if (isConnectionStep(verb)) return [{ line, kind: verb, connection }]
  switch (verb) {
    case 'accept':
      return [{ line, kind: 'accept', connection, afterMs: afterOf(content) }]
    case 'chunks':
      return [{ line, kind: 'chunks', connection, chunkBytes: Number(words[0]) }]
    case 'barrier': {
      const payload = Uint8Array.from(Buffer.from(`barrier ${line}`))
      return pingSteps(line, connection, payload)
    }
    case 'peering':
      return peering(line, words, before)
    case 'do':
      return [{ line, kind: 'act', action: actionOf(words) }]
    case 'expect':
      return [{ line, kind: 'expect', event: eventOf(words) }]
    default:
      throw invalid(`unknown step '${verb}'`)
  }
}

function isConnectionStep(word: string): word is ConnectionStep {
  return (CONNECTION_STEPS as readonly string[]).includes(word)
}

function pingSteps(line: number, connection: string, payload: Uint8Array): readonly TranscriptStep[] {
  const text = JSON.stringify(Buffer.from(payload).toString())
  return [
    { line, kind: 'send', connection, frame: parseFrame(`ping ${text}`) },
    { line, kind: 'receive', connection, frame: parseFrame(`pong ${text}`) },
  ]
}

/** `peering [CONNECTION] ID SCRIPT-FILTER SUBJECT-FILTER` */
function peering(
  line: number,
  words: readonly string[],
  before: readonly TranscriptStep[],
): readonly TranscriptStep[] {
  const [id = '', own = '', subject = ''] = words.slice(-3)
  const connection = words.length > 3 ? words[0]! : ONLY_CONNECTION
  const opened = before.findLast(
    (step) => (step.kind === 'connect' || step.kind === 'accept') && step.connection === connection,
  )
  if (opened === undefined) throw invalid('a peering needs a connection: `connect` or `accept` before it')
  const who = opened.kind === 'connect' ? 'connector' : 'listener'
  return peeringSteps(who, id, own, subject)
    .flatMap((text) => stepsOf(`${connection}${text}`, line, before))
    .concat(pingSteps(line, connection, Uint8Array.from(Buffer.from(`barrier ${line}`))))
}

function actionOf(words: readonly string[]): SubjectAction {
  const [kind, first = '', second = '', third = ''] = words
  switch (kind) {
    case 'subscribe':
    case 'unsubscribe':
      return { kind, prefix: textOf(first) }
    case 'publish': {
      const repeat = Number(optionOf(words, 'repeat') ?? 1)
      const times = Number(optionOf(words, 'times') ?? 1)
      return { kind, topic: textOf(first), payload: payloadOf(second, true, repeat), times }
    }
    case 'send':
      return { kind, to: first, topic: textOf(second), payload: payloadOf(third, true) }
    case 'dial':
      return { kind, retryMs: Number(optionOf(words, 'retry') ?? 0) }
    case 'unpeer':
      return { kind, connection: first }
    case 'close':
      return { kind }
    default:
      throw invalid(`unknown action '${kind}'`)
  }
}

function eventOf(words: readonly string[]): ExpectedEvent {
  const [kind = '', first = '', second = ''] = words
  if (kind !== 'message') return { kind: 'status', code: kind, id: words[1] }
  const repeat = Number(optionOf(words, 'repeat') ?? 1)
  return { kind: 'message', topic: textOf(first), payload: payloadOf(second, true, repeat) }
}

function afterOf(content: string): number {
  return Number(optionOf(splitWords(content), 'after') ?? 0)
}

function optionOf(words: readonly string[], name: string): string | undefined {
  return words.find((word) => word.startsWith(`${name}=`))?.slice(name.length + 1)
}
