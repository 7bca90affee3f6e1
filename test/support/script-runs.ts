/** Runs a script by itself, and shows what it redefines and what is wrong with it. */
import type { RedefValue } from '../../src/options/registry.js'
import { NO_HOST, Report, runScript, type ScriptHost, Source } from '../../src/zeek-script/index.js'

export interface TextRun {
  /** Values of redefs, by full name. */
  readonly values: Readonly<Record<string, RedefValue>>
  /** `line:column code: message`; of other files with their names before. */
  readonly errors: readonly string[]
  readonly notes: readonly string[]
  readonly pendingHosts: readonly string[]
  readonly isComplete: boolean
}

export function runText(
  text: string,
  options: { readonly host?: Partial<ScriptHost>; readonly file?: string } = {},
): TextRun {
  const { file = 'a.zeek' } = options
  const source = Source.decode(file, text)
  const report = new Report(source)
  const values: Record<string, RedefValue> = {}
  const run = runScript(source, {
    host: { ...NO_HOST, ...options.host },
    report,
    world: (evaluator) => ({
      value: () => undefined,
      type: () => undefined,
      function: () => undefined,
      names: () => ['tcp'],
      redef({ name, value: literal }) {
        const value = evaluator.valueOf(literal)
        if (value !== undefined) values[name] = value
      },
      addFields: () => false,
    }),
  })
  const show = (severity: string): string[] =>
    report
      .finish()
      .filter((diagnostic) => diagnostic.severity === severity)
      .map(({ code, message, span }) => {
        const where = span.file === file ? '' : `${span.file}:`
        return `${where}${span.line}:${span.column} ${code}: ${message}`
      })
  return { values, errors: show('error'), notes: show('note'), ...run }
}
