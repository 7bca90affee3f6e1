/** Every transcript of the suite, in the order in which an implementation is best made to pass them. */
import { parseTranscript, type Transcript } from '../../broker-transcript.js'
import { ENDINGS } from './endings.js'
import { FORWARDING } from './forwarding.js'
import { MESSAGES } from './messages.js'
import { PEERING } from './peering.js'
import { REFUSALS } from './refusals.js'

export const BROKER_TRANSCRIPTS: readonly Transcript[] = Object.entries({
  peering: PEERING,
  refusals: REFUSALS,
  messages: MESSAGES,
  endings: ENDINGS,
  forwarding: FORWARDING,
}).flatMap(([folder, texts]) =>
  // The text starts behind the line of the quote.
  Object.entries(texts).map(([name, text]) => parseTranscript(`${folder}/${name}`, text.replace(/^\n/, ''))),
)
