/** How text logs look: Zeek's options `LogAscii::…`, and the settings of a filter that change them for one log. */
import { LogConfigError } from './log-config-error.js'
import type { LogConfig } from './log-writer.js'

/** Zeek's `JSON::TimestampFormat`. */
export const JSON_TIMESTAMPS = [
  /** Seconds since the epoch, with a fraction. */
  'JSON::TS_EPOCH',
  /** Whole milliseconds since the epoch. */
  'JSON::TS_MILLIS',
  /** The same; times before the epoch wrap around to large numbers. */
  'JSON::TS_MILLIS_UNSIGNED',
  /** Text, UTC: `2026-01-31T23:59:59.123456Z`. */
  'JSON::TS_ISO8601',
] as const

export type JsonTimestamps = (typeof JSON_TIMESTAMPS)[number]

/** Zeek's `JSON::StringEscapePolicy`: what becomes of bytes that are no printable UTF-8. */
export const JSON_ESCAPE_POLICIES = [
  /** `\xhh`, as text; then every byte of the string that is not ASCII. */
  'JSON::STRING_ESCAPE_POLICY_HEX',
  /** A character of a private use area for each byte. */
  'JSON::STRING_ESCAPE_POLICY_PUA',
  /** As in logs that are not JSON: control characters become `\xhh` too, and backslashes are doubled. */
  'JSON::STRING_ESCAPE_POLICY_TSV',
] as const

export type JsonEscapePolicy = (typeof JSON_ESCAPE_POLICIES)[number]

/** Names and meanings: Zeek's reference of `LogAscii`. `LogAscii::logdir` is the folder, which is not decided here. */
export interface AsciiOptions {
  /** Everything goes to the standard output instead of files. */
  readonly outputToStdout: boolean
  /** Files that a crash left are rotated at the next start. */
  readonly enableLeftoverLogRotation: boolean
  readonly useJson: boolean
  /** Valid UTF-8 is written as it is, not escaped. Not for JSON. */
  readonly enableUtf8: boolean
  readonly jsonTimestamps: JsonTimestamps
  /** Columns without a value are `null` instead of left out. */
  readonly jsonIncludeUnsetFields: boolean
  readonly jsonStringEscapePolicy: JsonEscapePolicy
  /** Header and trailer. JSON has none. */
  readonly includeMeta: boolean
  readonly metaPrefix: string
  readonly separator: string
  readonly setSeparator: string
  readonly emptyField: string
  readonly unsetField: string
  /** 0: not compressed; else zlib's levels 1 to 9. */
  readonly gzipLevel: number
  /** Added to the names of compressed files; empty means `gz`. */
  readonly gzipFileExtension: string
  /** The header is one line with the names of the columns, and there is no trailer. Only a filter can ask for it. */
  readonly tsv: boolean
}

/** Zeek 9's defaults. */
export const DEFAULT_ASCII_OPTIONS: AsciiOptions = {
  outputToStdout: false,
  enableLeftoverLogRotation: false,
  useJson: false,
  enableUtf8: true,
  jsonTimestamps: 'JSON::TS_EPOCH',
  jsonIncludeUnsetFields: false,
  jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_HEX',
  includeMeta: true,
  metaPrefix: '#',
  separator: '\t',
  setSeparator: ',',
  emptyField: '(empty)',
  unsetField: '-',
  gzipLevel: 0,
  gzipFileExtension: 'gz',
  tsv: false,
}

/**
 * The options of one log. As in Zeek, settings that this writer does not have are left alone: a filter may be used with
 * several. Throws `LogConfigError` for a value that a setting cannot have.
 */
export function asciiOptionsFor(defaults: AsciiOptions, config: LogConfig): AsciiOptions {
  if (config.size === 0) return defaults
  const text = (key: string, value: string): string => config.get(key) ?? value
  return {
    ...defaults,
    outputToStdout: booleanOf(config, 'output_to_stdout', defaults.outputToStdout),
    useJson: booleanOf(config, 'use_json', defaults.useJson),
    enableUtf8: booleanOf(config, 'enable_utf_8', defaults.enableUtf8),
    jsonTimestamps: oneOf(config, 'json_timestamps', JSON_TIMESTAMPS, defaults.jsonTimestamps),
    jsonIncludeUnsetFields: booleanOf(config, 'json_include_unset_fields', defaults.jsonIncludeUnsetFields),
    jsonStringEscapePolicy: oneOf(
      config,
      'json_string_escape_policy',
      JSON_ESCAPE_POLICIES,
      defaults.jsonStringEscapePolicy,
    ),
    metaPrefix: text('meta_prefix', defaults.metaPrefix),
    separator: text('separator', defaults.separator),
    setSeparator: text('set_separator', defaults.setSeparator),
    emptyField: text('empty_field', defaults.emptyField),
    unsetField: text('unset_field', defaults.unsetField),
    gzipLevel: gzipLevelOf(config, defaults.gzipLevel),
    gzipFileExtension: text('gzip_file_extension', defaults.gzipFileExtension),
    tsv: booleanOf(config, 'tsv', defaults.tsv),
  }
}

function booleanOf(config: LogConfig, key: string, otherwise: boolean): boolean {
  const value = config.get(key)
  if (value === undefined) return otherwise
  if (value !== 'T' && value !== 'F') throw new LogConfigError(key, value, '"T" or "F"')
  return value === 'T'
}

function oneOf<Name extends string>(
  config: LogConfig,
  key: string,
  names: readonly Name[],
  otherwise: Name,
): Name {
  const value = config.get(key)
  if (value === undefined) return otherwise
  const found = names.find((name) => name === value)
  if (found === undefined) throw new LogConfigError(key, value, `one of ${names.join(', ')}`)
  return found
}

function gzipLevelOf(config: LogConfig, otherwise: number): number {
  const value = config.get('gzip_level')
  if (value === undefined) return otherwise
  if (!/^[0-9]$/.test(value)) throw new LogConfigError('gzip_level', value, 'a number from 0 to 9')
  return Number(value)
}
