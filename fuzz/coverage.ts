/**
 * Which code has run, from V8's block coverage. Asking takes milliseconds, so it is asked for batches of inputs, not
 * for each one.
 */
import { type Profiler, Session } from 'node:inspector'
import { fileURLToPath } from 'node:url'

/** What ran since the last snapshot: the covered ranges of each function, one byte per character of its text. */
export type Snapshot = ReadonlyMap<string, Uint8Array>

interface KnownFunction {
  readonly covered: Uint8Array
  /** Where V8 was seen to start a block. */
  readonly blockStarts: Set<number>
}

export class Coverage {
  readonly #session = new Session()
  readonly #functions = new Map<string, KnownFunction>()
  #sources: readonly string[] = []

  /** Starts to count. Functions that were compiled before may have no blocks: load the code under test after this. */
  start(): void {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    // Without counts, what runs in optimised code is not seen.
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage')
    this.#session.disconnect()
  }

  /** Forgets everything and looks at these files from now on, given by the ends of their paths. */
  watch(sources: readonly string[]): void {
    this.#sources = sources.map((source) => `/${source}`)
    this.#functions.clear()
    this.take()
  }

  /** What ran since the last call. */
  take(): Snapshot {
    const snapshot = new Map<string, Uint8Array>()
    this.#session.post('Profiler.takePreciseCoverage', (error, report) => {
      if (error !== null) throw error
      for (const script of report.result) if (this.#isWatched(script.url)) this.#addScript(snapshot, script)
    })
    return snapshot
  }

  /** Whether there is anything in it that was not merged before. */
  hasNew(snapshot: Snapshot): boolean {
    for (const [key, ran] of snapshot) {
      const known = this.#functions.get(key)!.covered
      for (let offset = 0; offset < ran.length; offset += 1) if (ran[offset]! > known[offset]!) return true
    }
    return false
  }

  merge(snapshot: Snapshot): void {
    for (const [key, ran] of snapshot) {
      const known = this.#functions.get(key)!.covered
      for (let offset = 0; offset < ran.length; offset += 1) known[offset]! |= ran[offset]!
    }
  }

  /** Blocks that ran, of those that V8 told apart. */
  get blocks(): number {
    let blocks = 0
    for (const { covered, blockStarts } of this.#functions.values()) {
      for (const start of blockStarts) blocks += covered[start]!
    }
    return blocks
  }

  /** Generated code has no address; it belongs to what is under test. */
  #isWatched(url: string): boolean {
    if (url === '') return true
    const path = url.startsWith('file:') ? fileURLToPath(url) : url
    return this.#sources.some((source) => path.endsWith(source))
  }

  #addScript(snapshot: Map<string, Uint8Array>, script: Profiler.ScriptCoverage): void {
    for (const { functionName, ranges } of script.functions) {
      const whole = ranges[0]!
      const base = whole.startOffset
      // The top level ran when it was loaded.
      if (base === 0 && functionName === '') continue
      const key = `${script.scriptId}:${base}:${whole.endOffset}`
      const ran = new Uint8Array(whole.endOffset - base)
      let known = this.#functions.get(key)
      if (known === undefined) {
        known = { covered: new Uint8Array(ran.length), blockStarts: new Set() }
        this.#functions.set(key, known)
      }
      // Outer ranges come before the ones in them.
      for (const { startOffset, endOffset, count } of ranges) {
        ran.fill(count > 0 ? 1 : 0, startOffset - base, endOffset - base)
        known.blockStarts.add(startOffset - base)
      }
      snapshot.set(key, ran)
    }
  }
}
