import { describe, expect, test } from 'vitest'
import { asciiOptionsFor, DEFAULT_ASCII_OPTIONS } from './ascii-options.js'
import { LogConfigError } from './log-config-error.js'

function optionsOf(settings: Readonly<Record<string, string>>): typeof DEFAULT_ASCII_OPTIONS {
  return asciiOptionsFor(DEFAULT_ASCII_OPTIONS, new Map(Object.entries(settings)))
}

describe('the settings of a filter', () => {
  test('none: the defaults themselves', () => {
    expect(optionsOf({})).toBe(DEFAULT_ASCII_OPTIONS)
  })

  test('all of them', () => {
    const options = optionsOf({
      output_to_stdout: 'T',
      use_json: 'T',
      enable_utf_8: 'F',
      json_timestamps: 'JSON::TS_ISO8601',
      json_include_unset_fields: 'T',
      json_string_escape_policy: 'JSON::STRING_ESCAPE_POLICY_PUA',
      meta_prefix: '//',
      separator: ';',
      set_separator: '|',
      empty_field: 'EMPTY',
      unset_field: 'NONE',
      gzip_level: '9',
      gzip_file_extension: 'gzip',
      tsv: 'T',
    })
    expect(options).toEqual({
      outputToStdout: true,
      enableLeftoverLogRotation: false,
      useJson: true,
      enableUtf8: false,
      jsonTimestamps: 'JSON::TS_ISO8601',
      jsonIncludeUnsetFields: true,
      jsonStringEscapePolicy: 'JSON::STRING_ESCAPE_POLICY_PUA',
      includeMeta: true,
      metaPrefix: '//',
      separator: ';',
      setSeparator: '|',
      emptyField: 'EMPTY',
      unsetField: 'NONE',
      gzipLevel: 9,
      gzipFileExtension: 'gzip',
      tsv: true,
    })
  })

  test('change what is the default, both ways', () => {
    const defaults = { ...DEFAULT_ASCII_OPTIONS, useJson: true, gzipLevel: 6, separator: ';' }
    const options = asciiOptionsFor(
      defaults,
      new Map([
        ['use_json', 'F'],
        ['gzip_level', '0'],
      ]),
    )
    expect(options).toEqual({ ...DEFAULT_ASCII_OPTIONS, separator: ';' })
  })

  test('those of other writers are left alone', () => {
    expect(optionsOf({ tablename: 'conn', include_meta: 'F' })).toEqual(DEFAULT_ASCII_OPTIONS)
  })

  test.each([
    ['use_json', 'true', '"T" or "F"'],
    ['tsv', '', '"T" or "F"'],
    ['output_to_stdout', 't', '"T" or "F"'],
    ['enable_utf_8', '1', '"T" or "F"'],
    ['json_include_unset_fields', 'yes', '"T" or "F"'],
    ['gzip_level', '10', 'a number from 0 to 9'],
    ['gzip_level', '-1', 'a number from 0 to 9'],
    ['gzip_level', 'high', 'a number from 0 to 9'],
    ['json_timestamps', 'TS_EPOCH', 'one of JSON::TS_EPOCH'],
    ['json_string_escape_policy', 'HEX', 'one of JSON::STRING_ESCAPE_POLICY_HEX'],
  ])('%s cannot be %j', (key, value, expected) => {
    const fault = expect.objectContaining({
      name: 'LogConfigError',
      code: 'bad-log-config',
      data: { key, value },
      message: expect.stringContaining(`${key} of a log is ${expected}`) as string,
    })
    expect(() => optionsOf({ [key]: value })).toThrow(fault)
    expect(() => optionsOf({ [key]: value })).toThrow(LogConfigError)
  })
})
