/** Recorded conversations with Zeek's WebSocket server, and how two of its messages are compared. */
import { readFileSync } from 'node:fs'
import { fromHex, readJsonLines, vectorNames, vectorPath } from './vectors.js'
import type { FrameKind } from './websocket-wire.js'

export interface TranscriptLine {
  readonly t: number
  readonly dir: 'c2s' | 's2c' | 'note'
  readonly kind: FrameKind | 'http' | 'raw' | 'note' | 'tcp-eof' | 'tcp-error'
  readonly text?: string
  readonly hex?: string
  readonly code?: number
  readonly reason?: string
}

export interface Transcript {
  readonly name: string
  readonly lines: readonly TranscriptLine[]
}

export function transcripts(): Transcript[] {
  return vectorNames('websocket')
    .filter((name) => name.endsWith('.jsonl'))
    .map((name) => ({
      name: name.replace('.jsonl', ''),
      lines: readJsonLines<TranscriptLine>(`websocket/${name}`),
    }))
}

export interface MalformedOuter {
  readonly case: string
  readonly sent: unknown
  readonly answers: readonly { readonly text: string }[]
}

export function malformedOuterCases(): MalformedOuter[] {
  return JSON.parse(readFileSync(vectorPath('websocket/malformed-outer.json'), 'utf8')) as MalformedOuter[]
}

export function bytesOf(line: TranscriptLine): Uint8Array {
  return line.hex === undefined ? Buffer.from(line.text ?? '') : fromHex(line.hex)
}

/**
 * A message in a form that is equal for what means the same: integers keep all digits, reals have Zeek's six
 * decimals, times its milliseconds, and of the acknowledgement only the shape of the endpoint counts.
 */
export function comparable(text: string): unknown {
  const json = text.replaceAll(/(?<=[:[,]\s*)-?\d{16,}(?=\s*[,}\]])/g, '"$&"')
  return JSON.parse(json, function (this: Record<string, unknown>, key: string, value: unknown) {
    if (key === 'endpoint') return String(value).replace(/^.+-websocket-\d+$/, 'NODE-websocket-N')
    if (key === 'version') return 'VERSION'
    if (key !== 'data') return value
    if (this['@data-type'] === 'real') return Number(value).toFixed(6)
    if (this['@data-type'] === 'timestamp') return String(value).replace(/(\.\d{3})\d*$/, '$1')
    return value
  })
}

/** The whole messages of a client, fragments put together. */
export function clientMessages(lines: readonly TranscriptLine[]): string[] {
  const messages: string[] = []
  for (const line of lines) {
    if (line.dir !== 'c2s' || line.text === undefined) continue
    if (line.kind === 'text' || line.kind === 'binary') messages.push(line.text)
    if (line.kind === 'continuation') messages.push(messages.pop() + line.text)
  }
  return messages
}
