/** Transcripts over real sockets on loopback. */
import { expect, test } from 'vitest'
import { systemTimers } from '../base/time.js'
import { tcpNetwork } from '../transport/tcp.js'
import { runTranscript } from './run-transcript.js'
import { endpointSubject } from './subject-under-test.js'
import { BROKER_TRANSCRIPTS } from './transcripts/broker/index.js'

/** These wait for seconds by the real clock, or for a socket to be full. */
const SLOW =
  /silent-|unpeer-without-answer|unpeer-with-another-answer|disconnect-on-overflow|-is-retried|-is-originator$/

const subject = endpointSubject({ network: tcpNetwork, timers: systemTimers })

test.each(
  BROKER_TRANSCRIPTS.filter(({ name }) => !SLOW.test(name)).map((each) => [each.name, each] as const),
)('%s', async (_name, transcript) => {
  expect(await runTranscript(transcript, { subject })).toEqual({ kind: 'passed' })
})

test('and with TLS', async () => {
  const transcript = BROKER_TRANSCRIPTS.find(({ name }) => name === 'peering/connector-smaller-id')!
  const security = 'anonymous-tls'
  const encrypted = endpointSubject({ network: tcpNetwork, timers: systemTimers, security })
  expect(await runTranscript(transcript, { security, subject: encrypted })).toEqual({ kind: 'passed' })
})
