/** Calls of built-in functions: their arguments are checked, and host names that nobody knows yet are remembered. */
import type { RedefValue } from '../options/registry.js'
import type { BuiltIn, ParameterType } from './built-ins.js'
import { promote } from './conversion.js'
import type { ScriptHost } from './host.js'
import { isProblem, type Result } from './operators.js'

export class FunctionCalls {
  readonly #host: ScriptHost
  readonly #pending = new Set<string>()

  constructor(host: ScriptHost) {
    this.#host = host
  }

  get pendingHosts(): readonly string[] {
    return [...this.#pending]
  }

  run(
    name: string,
    { parameters, run }: BuiltIn,
    args: readonly RedefValue[],
  ): Result | { readonly pending: string } {
    const isOpen = parameters.at(-1) === 'any...'
    const most = isOpen ? Number.POSITIVE_INFINITY : parameters.length
    const least = parameters.length - (isOpen ? 1 : 0)
    if (args.length > most || args.length < least) {
      const count = `${most === least ? '' : 'at least '}${least} ${least === 1 ? 'argument' : 'arguments'}`
      return { code: 'bad-argument', problem: `\`${name}\` takes ${count}, and ${args.length} are given` }
    }
    const values: RedefValue[] = []
    for (const [index, arg] of args.entries()) {
      const wanted: ParameterType = parameters[Math.min(index, parameters.length - 1)] ?? 'any'
      const value = wanted === 'any' || wanted === 'any...' ? arg : promote(arg, wanted)
      if (value === undefined) {
        return {
          code: 'wrong-type',
          problem: `argument ${index + 1} of \`${name}\` is ${wanted}, not ${arg.type}`,
        }
      }
      if (isProblem(value)) return value
      values.push(value)
    }
    const result = run(values, this.#host)
    if ('pending' in result) this.#pending.add(result.pending)
    return result
  }
}
