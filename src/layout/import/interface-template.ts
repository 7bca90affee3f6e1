/**
 * The interfaces of workers in `zeek.conf`: a text with variables, of which every worker has its own values, and the
 * list of processors that one of the variables is taken from (spec/zeek-zeromq-websocket.md 7.5).
 */
import { didYouMean } from '../../zeek-script/suggest.js'

const CPU_RANGES_MAX = 4096

/** Processors in order, as ranges: a list may name millions of them in a few letters. */
export interface CpuList {
  readonly ranges: readonly CpuRange[]
  /** How many processors there are in all of them. */
  readonly count: number
}

interface CpuRange {
  readonly first: number
  readonly stride: number
  readonly count: number
}

/** Reads `0,4-7,8-20:2`; undefined when it is no such list, or one of more than 4096 parts. Nothing is an empty list. */
export function parseCpuList(text: string): CpuList | undefined {
  if (text === '') return { ranges: [], count: 0 }
  const ranges: CpuRange[] = []
  const parts = text.split(',', CPU_RANGES_MAX + 1)
  if (parts.length > CPU_RANGES_MAX) return undefined
  for (const part of parts) {
    const match = /^(\d{1,9})(?:-(\d{1,9})(?::(\d{1,9}))?)?$/.exec(part)
    if (match === null) return undefined
    const first = Number(match[1])
    const last = Number(match[2] ?? match[1])
    const stride = Number(match[3] ?? 1)
    if (last < first || stride < 1) return undefined
    ranges.push({ first, stride, count: Math.floor((last - first) / stride) + 1 })
  }
  return { ranges, count: ranges.reduce((sum, range) => sum + range.count, 0) }
}

/** The processor of a worker, counted from 0 over all workers of the host; the list begins again at its end. */
export function cpuOf(list: CpuList, worker: number): number | undefined {
  if (list.count === 0) return undefined
  let rest = worker % list.count
  for (const range of list.ranges) {
    if (rest < range.count) return range.first + rest * range.stride
    rest -= range.count
  }
  return undefined
}

export interface TemplateVariables {
  /** Of the worker within its section, from 0. */
  readonly workerIndex: number
  /** Of the worker within its host, from 0. */
  readonly hostWorkerIndex: number
  /** Undefined without a list of processors. */
  readonly cpu: number | undefined
  /** Undefined without sections. */
  readonly sectionName: string | undefined
}

export type Substitution = { readonly text: string } | { readonly problem: string }

const VARIABLES: { readonly [name: string]: (variables: TemplateVariables) => string | number | undefined } =
  {
    worker_index: ({ workerIndex }) => workerIndex + 1,
    worker_index0: ({ workerIndex }) => workerIndex,
    host_worker_index: ({ hostWorkerIndex }) => hostWorkerIndex + 1,
    host_worker_index0: ({ hostWorkerIndex }) => hostWorkerIndex,
    worker_cpu: ({ cpu }) => cpu,
    interface_section_name: ({ sectionName }) => sectionName,
  }

const WITHOUT_VALUE: { readonly [name: string]: string } = {
  worker_cpu: 'has no value without `workers_cpu_list`',
  interface_section_name: 'has no value outside of `[interface NAME]` sections',
}

/** Puts values in the place of `${…}`; `\${` is `${` itself. */
export function substituteVariables(template: string, variables: TemplateVariables): Substitution {
  let text = ''
  let from = 0
  for (;;) {
    const open = template.indexOf('${', from)
    if (open < 0) return { text: text + template.slice(from) }
    if (template[open - 1] === '\\') {
      text += `${template.slice(from, open - 1)}\${`
      from = open + 2
      continue
    }
    const close = template.indexOf('}', open)
    if (close < 0) return { problem: `a \`\${\` has no \`}\` behind it; \`\\\${\` is one that means itself` }
    const name = template.slice(open + 2, close)
    const variable = Object.hasOwn(VARIABLES, name) ? VARIABLES[name] : undefined
    const value = variable?.(variables)
    if (variable === undefined) {
      const names = Object.keys(VARIABLES)
      return {
        problem: `there is no variable \`${name}\`: they are ${names.join(', ')}${didYouMean(name, names)}`,
      }
    }
    if (value === undefined) return { problem: `\`\${${name}}\` ${WITHOUT_VALUE[name] ?? 'has no value'}` }
    text += template.slice(from, open) + value
    from = close + 1
  }
}
