/** Runs inputs and watches what they cost: what they throw, how long they take, how much memory they ask for. */
import { getHeapStatistics } from 'node:v8'
import { createContext, Script } from 'node:vm'

export interface Limits {
  /** An input may take this much time of the processor. */
  readonly cpuMs: number
  /** And this much memory, and so many times its own length. */
  readonly memoryBytes: number
  readonly memoryPerInputByte: number
}

export const DEFAULT_LIMITS: Limits = { cpuMs: 1000, memoryBytes: 64 * 1024 * 1024, memoryPerInputByte: 64 }

export interface Fault {
  readonly kind: 'exception' | 'hang' | 'allocation'
  readonly message: string
  /** The same for what is probably the same fault. */
  readonly signature: string
  readonly input: Uint8Array
}

/** How much longer than the processor time a run may take in all: others use the machine too. */
const WAIT_FACTOR = 4

type Run = (input: Uint8Array) => void

export class Guard {
  readonly #limits: Limits
  /** Only code that starts as a script can be interrupted. */
  readonly #script = new Script('work()', { filename: 'guard' })
  readonly #scope: { work: () => void } = { work: () => {} }
  readonly #context = createContext(this.#scope)

  constructor(limits: Limits = DEFAULT_LIMITS) {
    this.#limits = limits
  }

  /** Runs them in order, up to the first fault. */
  run(run: Run, inputs: readonly Uint8Array[]): Fault | undefined {
    let index = 0
    let suspect = false
    let thrown: Fault | undefined
    const work = (): void => {
      const pauseMs = performance.now() + this.#limits.cpuMs / 2
      let before = memoryBytes()
      for (; index < inputs.length; index += 1) {
        const input = inputs[index]!
        thrown = exceptionOf(run, input)
        const after = memoryBytes()
        suspect = after - before > this.#memoryLimit(input)
        if (suspect || thrown !== undefined) return
        // Only an input that is slow alone may be interrupted: what it leaves half done is there for the next one.
        if (performance.now() > pauseMs) {
          index += 1
          return
        }
        before = after
      }
    }
    while (index < inputs.length) {
      suspect = false
      const inTime = withoutStacks(() => this.#interruptible(work, this.#limits.cpuMs))
      const input = inputs[index]
      if (input === undefined || (inTime && !suspect && thrown === undefined)) continue
      // Another program was slow, or memory was taken by something else: alone it shows.
      const fault = this.#measure(run, input) ?? thrown
      if (fault !== undefined) return fault
      index += 1
    }
    return undefined
  }

  #measure(run: Run, input: Uint8Array): Fault | undefined {
    const { cpuMs } = this.#limits
    let thrown: Fault | undefined
    let grownBytes = 0
    const cpuBefore = process.cpuUsage()
    const work = (): void => {
      const before = memoryBytes()
      thrown = exceptionOf(run, input)
      grownBytes = memoryBytes() - before
    }
    this.#interruptible(work, WAIT_FACTOR * cpuMs)
    const { user, system } = process.cpuUsage(cpuBefore)
    if (thrown !== undefined) return thrown
    const usedMs = (user + system) / 1000
    if (usedMs > cpuMs) {
      return { kind: 'hang', message: `more than ${cpuMs} ms of processor time`, signature: 'hang', input }
    }
    if (grownBytes > this.#memoryLimit(input)) {
      const mebibytes = Math.round(grownBytes / 1024 / 1024)
      const message = `${mebibytes} MiB of memory for ${input.length} bytes`
      return { kind: 'allocation', message, signature: 'allocation', input }
    }
    return undefined
  }

  #memoryLimit(input: Uint8Array): number {
    return this.#limits.memoryBytes + this.#limits.memoryPerInputByte * input.length
  }

  /** False when the time was up. */
  #interruptible(work: () => void, timeoutMs: number): boolean {
    this.#scope.work = work
    try {
      this.#script.runInContext(this.#context, { timeout: timeoutMs })
      return true
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return false
      throw error
    }
  }
}

/** Decoders refuse most inputs, and what costs most of an error is its stack. */
function withoutStacks<T>(work: () => T): T {
  const limit = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    return work()
  } finally {
    Error.stackTraceLimit = limit
  }
}

function memoryBytes(): number {
  const { used_heap_size: heapBytes, external_memory: externalBytes } = getHeapStatistics()
  return heapBytes + externalBytes
}

function exceptionOf(run: Run, input: Uint8Array): Fault | undefined {
  try {
    run(input)
    return undefined
  } catch (error) {
    if (!(error instanceof Error)) {
      return { kind: 'exception', message: `${String(error)} was thrown`, signature: String(error), input }
    }
    const text = error.stack ?? error.message
    const signature = `${error.name}: ${error.message.replaceAll(/[\da-f]{2,}|\d/g, '#').slice(0, 60)}`
    return { kind: 'exception', message: text, signature, input }
  }
}
