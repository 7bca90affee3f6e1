/** Recordings of real Zeek, from `test/vectors`. A missing file fails the test that asks for it. */
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../vectors/', import.meta.url))

export function vectorPath(name: string): string {
  return ROOT + name
}

/** Names in a folder of vectors, sorted. */
export function vectorNames(folder: string): string[] {
  return readdirSync(ROOT + folder).sort()
}

/** The objects of a JSON-lines file. */
export function readJsonLines<T>(name: string): T[] {
  return readFileSync(ROOT + name, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as T)
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** One chunk of a recorded stream. */
interface Chunk {
  readonly t: number
  readonly conn: number
  readonly dir: 'c2l' | 'l2c'
  readonly hex: string
  readonly event?: string
}

export interface RecordedStream {
  /** For example `a-zeek-zeek-connector-is-originator/stream.jsonl conn 1 c2l`. */
  readonly name: string
  readonly direction: 'c2l' | 'l2c'
  /** What `recv` returned, in order. */
  readonly chunks: readonly Uint8Array[]
}

/** Each direction of each connection of every recorded Broker stream. */
export function recordedStreams(): RecordedStream[] {
  const streams = new Map<string, RecordedStream & { chunks: Uint8Array[] }>()
  for (const folder of vectorNames('broker-streams')) {
    for (const file of vectorNames(`broker-streams/${folder}`).filter((name) => name.startsWith('stream'))) {
      for (const chunk of readJsonLines<Chunk>(`broker-streams/${folder}/${file}`)) {
        if (chunk.hex === '') continue
        const name = `${folder}/${file} conn ${chunk.conn} ${chunk.dir}`
        const stream = streams.get(name) ?? { name, direction: chunk.dir, chunks: [] }
        stream.chunks.push(fromHex(chunk.hex))
        streams.set(name, stream)
      }
    }
  }
  return [...streams.values()]
}
