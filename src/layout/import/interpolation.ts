/**
 * References from one value to others, as Python's `ConfigParser` resolves them in files of zeekctl
 * (spec/zeek-zeromq-websocket.md 7.3).
 */
import { entryLines, type IniEntry, type IniSection } from './ini.js'

/** As deep as Python goes, and as much text as one value may become by it. */
const INTERPOLATION_DEPTH_MAX = 10
const VALUE_LENGTH_MAX = 8192

export type Interpolated = { readonly text: string } | { readonly problem: string }

/** Where the keys of a section are looked for. */
export interface Scope {
  readonly own: IniSection['entries']
  readonly defaults: IniSection['entries']
  /** Values of keys that others referred to: without these, few lines could take for ever. */
  readonly known: Map<string, string>
}

/** The value of an entry: `%(key)s` in it is the value of another key, `%%` a percent sign. */
export function interpolatedValue(entry: IniEntry, scope: Scope): Interpolated {
  return interpolate(rawText(entry), scope, 0)
}

function interpolate(raw: string, scope: Scope, depth: number): Interpolated {
  if (!raw.includes('%')) return { text: raw }
  if (depth > INTERPOLATION_DEPTH_MAX) return { problem: 'keys refer to each other without end' }
  let text = ''
  for (let from = 0; ; ) {
    const sign = raw.indexOf('%', from)
    if (sign < 0) return { text: text + raw.slice(from) }
    text += raw.slice(from, sign)
    if (raw[sign + 1] === '%') {
      text += '%'
      from = sign + 2
      continue
    }
    const close = raw.indexOf(')s', sign)
    if (raw[sign + 1] !== '(' || close < 0) {
      const problem =
        'zeekctl takes `%` for a reference to a key, as in `%(host)s`: write `%%` for a percent sign'
      return { problem }
    }
    const value = referred(raw.slice(sign + 2, close).toLowerCase(), scope, depth)
    if ('problem' in value) return value
    text += value.text
    if (text.length > VALUE_LENGTH_MAX) {
      return { problem: `the value becomes longer than ${VALUE_LENGTH_MAX} letters` }
    }
    from = close + 2
  }
}

function referred(key: string, scope: Scope, depth: number): Interpolated {
  const known = scope.known.get(key)
  if (known !== undefined) return { text: known }
  const entry = scope.own.get(key) ?? scope.defaults.get(key)
  if (entry === undefined)
    return { problem: `\`%(${key})s\` is the value of a key that the section does not have` }
  const value = interpolate(rawText(entry), scope, depth + 1)
  if ('text' in value) scope.known.set(key, value.text)
  return value
}

function rawText(entry: IniEntry): string {
  return entryLines(entry)
    .map(({ text }) => text)
    .join('\n')
}
