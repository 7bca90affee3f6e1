/**
 * What `zeek-cluster store NAME verify` does: every master and clone of ours says what it holds, in digests; where
 * they differ, the keys are named. A stock Zeek does not answer: then the own copy, which is as fresh as can be,
 * stands for it.
 */

import { valueToExactJson } from '../data/json.js'
import { any } from '../data/types.js'
import type { Digest, ShardDigest } from '../store/command.js'
import { type Difference, type DigestAnswer, differingShards, lastingDifferences } from '../store/digest.js'
import { decode, type Encoded } from '../store/encoded.js'
import { endpointOf } from '../store/entity.js'
import { CommandError, formatTable, print, printRaw } from './output.js'
import type { StoreClient } from './store-client.js'
import { valueLine } from './value-text.js'

export interface ComparisonSettings {
  readonly isJson: boolean
  /** How long to wait for answers to one question. */
  readonly timeoutMs: number
}

/**
 * `equal` to the master; `different` for good; `busy`: changes while it is compared, and what does not is equal;
 * `behind`: did not get as far as the master was; `silent`: did not answer; `stock`: a Zeek, which cannot be asked.
 */
type Verdict = 'equal' | 'different' | 'busy' | 'behind' | 'silent' | 'stock'

interface Participant {
  readonly name: string
  /** Id of its endpoint. */
  readonly endpoint: string
  readonly isMaster: boolean
  answer: Digest | undefined
  verdict: Verdict
  readonly differences: Map<Encoded, Difference>
}

/** Whole stores are compared this often; changes are on their way for a moment. */
const ROUNDS = 3
/** Between two questions: a write is made safe and on every clone within it. */
const PAUSE_MS = 500
/** Shards whose keys are compared at a time. */
const SHARDS_AT_ONCE = 16

/** Throws a `CommandError` with exit code 1 unless all are equal, or busy. */
export async function compareStores(client: StoreClient, settings: ComparisonSettings): Promise<void> {
  const participants = participantsOf(client)
  const asked = participants.filter(({ verdict }) => verdict !== 'stock')
  const reference = await compareWhole(client, asked, settings.timeoutMs)
  await compareKeys(client, reference, asked, settings.timeoutMs)
  report(participants, settings.isJson)
  if (!reference.isMaster) printRaw('no master of ours: all were compared with the copy of this command')
  const faulty = participants.filter(({ verdict }) => FAULTS.has(verdict))
  if (faulty.length === 0) return
  const names = faulty.map(({ name, verdict }) => `${name} ${FAULTS.get(verdict)}`).join(', ')
  throw new CommandError(1, `store ${client.name}: ${names}`)
}

const FAULTS: ReadonlyMap<Verdict, string> = new Map([
  ['different', 'differs'],
  ['behind', 'is behind'],
  ['silent', 'did not answer'],
])

function participantsOf(client: StoreClient): Participant[] {
  const own: Participant = {
    name: 'this command',
    endpoint: endpointOf(client.engine.identity),
    isMaster: false,
    answer: undefined,
    verdict: 'silent',
    differences: new Map(),
  }
  const peers = client.participants().map(
    ({ peer, isMaster, isOurs }): Participant => ({
      name: client.describe(peer),
      endpoint: peer.id,
      isMaster,
      answer: undefined,
      verdict: isOurs ? 'silent' : 'stock',
      differences: new Map(),
    }),
  )
  return [...peers.sort((a, b) => Number(b.isMaster) - Number(a.isMaster)), own]
}

/** Compares digests of whole stores, until all are equal or it has been done often enough. Returns who is right. */
async function compareWhole(
  client: StoreClient,
  participants: readonly Participant[],
  timeoutMs: number,
): Promise<Participant> {
  let asked = participants
  // The own copy always answers.
  let reference = participants.at(-1)!
  for (let round = 1; round <= ROUNDS; round += 1) {
    if (round > 1) await pause()
    const answers = await ask(client, undefined, asked, timeoutMs)
    asked = asked.filter((participant) => {
      const answer = answers.get(participant.endpoint)
      if (answer?.kind === 'digest') participant.answer = answer
      else participant.verdict = 'silent'
      return answer?.kind === 'digest'
    })
    reference = asked.find(({ isMaster }) => isMaster) ?? participants.at(-1)!
    for (const participant of asked) {
      const isEqual = differingShards(reference.answer!, participant.answer!).length === 0
      if (participant.verdict !== 'equal') participant.verdict = isEqual ? 'equal' : 'busy'
    }
    if (asked.every(({ verdict }) => verdict === 'equal')) break
  }
  return reference
}

/** Finds the keys in which those differ that were not equal as a whole. */
async function compareKeys(
  client: StoreClient,
  reference: Participant,
  participants: readonly Participant[],
  timeoutMs: number,
): Promise<void> {
  const suspects = participants.filter(({ verdict }) => verdict === 'busy')
  const shards = [...new Set(suspects.flatMap(({ answer }) => differingShards(reference.answer!, answer!)))]
  const asked = [reference, ...suspects]
  for (let start = 0; start < shards.length; start += SHARDS_AT_ONCE) {
    const some = shards.slice(start, start + SHARDS_AT_ONCE)
    const askAll = (): Promise<Map<string, DigestAnswer>[]> =>
      Promise.all(some.map((shard) => ask(client, shard, asked, timeoutMs)))
    const before = await askAll()
    await pause()
    const after = await askAll()
    for (const index of some.keys()) {
      const twice = ({ endpoint }: Participant): [ShardDigest, ShardDigest] | undefined => {
        const answers = [before[index]?.get(endpoint), after[index]?.get(endpoint)]
        return answers.every((answer) => answer?.kind === 'shard-digest')
          ? (answers as [ShardDigest, ShardDigest])
          : undefined
      }
      for (const suspect of suspects) compareShard(twice(reference), twice(suspect), suspect)
    }
  }
}

function compareShard(
  right: readonly [ShardDigest, ShardDigest] | undefined,
  found: readonly [ShardDigest, ShardDigest] | undefined,
  suspect: Participant,
): void {
  if (right === undefined || found === undefined) {
    suspect.verdict = 'silent'
    return
  }
  const differences = lastingDifferences(right, found)
  for (const [key, difference] of differences) suspect.differences.set(key, difference)
  if (suspect.verdict === 'silent') return
  if (suspect.differences.size > 0) suspect.verdict = 'different'
  else if (found[1].at < right[0].at) suspect.verdict = 'behind'
}

/** Asks everybody once; the answers by endpoint, when all are there or time is over. */
async function ask(
  client: StoreClient,
  shard: number | undefined,
  participants: readonly Participant[],
  timeoutMs: number,
): Promise<Map<string, DigestAnswer>> {
  const answers = new Map<string, DigestAnswer>()
  const missing = new Set(participants.map(({ endpoint }) => endpoint))
  let end: () => void = () => {}
  let timer: ReturnType<typeof setTimeout> | undefined
  await new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeoutMs)
    end = client.digests.ask(client.engine, shard, (from, answer) => {
      const endpoint = endpointOf(from)
      answers.set(endpoint, answer)
      missing.delete(endpoint)
      if (missing.size === 0) resolve()
    })
  })
  clearTimeout(timer)
  end()
  return answers
}

function pause(): Promise<void> {
  return new Promise((wake) => setTimeout(wake, PAUSE_MS))
}

const WORDS: Readonly<Record<Difference, string>> = {
  missing: 'is missing',
  extra: 'is there in addition',
  'other-value': 'has another value',
}

function report(participants: readonly Participant[], isJson: boolean): void {
  if (isJson) {
    for (const { name, endpoint, isMaster, answer, verdict, differences } of participants) {
      const role = isMaster ? 'master' : 'clone'
      const held = answer === undefined ? {} : { keys: answer.size, position: answer.at }
      print(JSON.stringify({ participant: name, endpoint, role, ...held, result: verdict }))
      for (const [key, difference] of differences) {
        const head = JSON.stringify({ participant: name, endpoint, difference })
        print(`${head.slice(0, -1)},"key":${valueToExactJson(decode(any, key))}}`)
      }
    }
    return
  }
  const rows = participants.map(({ name, isMaster, answer, verdict }) => [
    name,
    isMaster ? 'master' : 'clone',
    answer === undefined ? '-' : String(answer.size),
    answer === undefined ? '-' : String(answer.at),
    RESULTS[verdict],
  ])
  for (const line of formatTable([['PARTICIPANT', 'ROLE', 'KEYS', 'POSITION', 'RESULT'], ...rows]))
    print(line)
  for (const { name, differences } of participants) {
    for (const [key, difference] of differences)
      print(`${name}: ${valueLine(decode(any, key))} ${WORDS[difference]}`)
  }
}

const RESULTS: Readonly<Record<Verdict, string>> = {
  equal: 'equal',
  different: 'different',
  busy: 'busy: what does not change is equal',
  behind: 'behind',
  silent: 'no answer',
  stock: 'not asked: a stock Zeek',
}
