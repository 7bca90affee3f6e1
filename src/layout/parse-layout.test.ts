import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { runText } from '../../test/support/script-runs.js'
import { DIALECTS } from '../options/dialect.js'
import {
  DIAGNOSTICS_MAX,
  formatDiagnostic,
  hasErrors,
  LAYOUT_BYTES_MAX,
  type ParsedLayout,
  parseLayout,
} from './index.js'

function parse(text: string | Uint8Array): ParsedLayout {
  return parseLayout(text, { file: 'a.zeek', dialect: DIALECTS.reference })
}

function codes(text: string | Uint8Array): string[] {
  return parse(text).diagnostics.map((diagnostic) => `${diagnostic.severity} ${diagnostic.code}`)
}

describe('all problems at once', () => {
  test('five mistakes of five kinds, with what is sound kept', () => {
    const text = [
      '@load misc/loaded-scripts',
      'redef Cluster::manager_is_logger = "no";',
      'redef Cluster::nodes = {',
      '\t["manager"]  = [$node_type=Cluster::MANAGER, $ip=127.0.0.1, $p=27760/tcp],',
      '\t["proxy-1"]  = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=70000/tcp, $manager="manager"],',
      '\t["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1 $manager="manager"],',
      '\t["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $managr="manager"]',
      '\t["worker-3"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $manager="boss"],',
      '};',
      'const x = 5 secs 7',
      'redef Cluster::retry_interval = 5 secs;',
    ].join('\n')
    const { layout, diagnostics } = parse(text)
    expect([...layout.nodes.keys()]).toEqual(['manager', 'proxy-1', 'worker-1', 'worker-2', 'worker-3'])
    expect(layout.redefs).toEqual([
      { name: 'Cluster::retry_interval', value: { type: 'interval', value: 5 } },
    ])
    expect(`\n${diagnostics.map(formatDiagnostic).join('\n')}`).toMatchInlineSnapshot(`
      "
      a.zeek:1:1: note: \`@load misc/loaded-scripts\` is ignored: Zeek's own scripts are not needed here
      @load misc/loaded-scripts
      ^^^^^
      a.zeek:2:36: error: \`Cluster::manager_is_logger\` is a bool, not a string: write \`T\` or \`F\`
      redef Cluster::manager_is_logger = "no";
                                         ^^^^
      a.zeek:5:63: error: there is no port 70000/tcp: write a number from 0 to 65535
      	["proxy-1"]  = [$node_type=Cluster::PROXY, $ip=127.0.0.1, $p=70000/tcp, $manager="manager"],
      	                                                             ^^^^^^^^^
      a.zeek:6:60: error: expected \`,\` after the field \`$ip\`, found \`$\`
      	["worker-1"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1 $manager="manager"],
      	                                                          ^
      a.zeek:7:61: error: \`$managr\` is not a field of a node; did you mean \`$manager\`? the fields are $node_type, $ip, $zone_id, $p, $interface, $manager, $time_machine, $id, $lb_filter, $metrics_port
      	["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $managr="manager"]
      	                                                           ^^^^^^^
      a.zeek:7:79: error: expected \`,\` between two entries, found \`[\`
      	["worker-2"] = [$node_type=Cluster::WORKER, $ip=127.0.0.1, $managr="manager"]
      	                                                                             ^
      a.zeek:10:18: error: expected \`;\` at the end of the statement, found \`7\`
      const x = 5 secs 7
                       ^"
    `)
  })

  test('hasErrors looks at severities', () => {
    expect(hasErrors(parse('@load misc/x').diagnostics)).toBe(false)
    expect(hasErrors(parse('@load').diagnostics)).toBe(true)
  })
})

describe('dialects', () => {
  test.each(['$interface="eth0"', '$time_machine="t"', '$lb_filter="tcp"'])(
    '%s is unknown to Zeek 9 and known to the reference',
    (field) => {
      const text = `redef Cluster::nodes = { ["n"] = [$node_type=Cluster::NONE, $ip=127.0.0.1, ${field}] };`
      const errors = (dialect: keyof typeof DIALECTS): string[] =>
        parseLayout(text, { file: 'a', dialect: DIALECTS[dialect] })
          .diagnostics.filter(({ severity }) => severity === 'error')
          .map(({ code }) => code)
      expect(errors('zeek-9.0')).toEqual(['unknown-field'])
      expect(errors('reference')).toEqual([])
    },
  )
})

describe('names', () => {
  const node = '[$node_type=Cluster::NONE, $ip=127.0.0.1]'
  test.each([
    ['"w\\xc3\\xb6"', 'wö'],
    ['"wö"', 'wö'],
    ['"a\\"b\\\\c\\n\\t\\x41\\101"', 'a"b\\c\n\tAA'],
    ['"\\xf0\\x9f\\x98\\x80"', '😀'],
    ['"\\x00"', '\0'],
    ['"__proto__"', '__proto__'],
  ])('%s', (literal, name) => {
    const { layout } = parse(Buffer.from(`redef Cluster::nodes = { [${literal}] = ${node} };`))
    expect([...layout.nodes.keys()]).toEqual([name])
  })

  test('a leading :: is the global scope', () => {
    const text = `redef ::Cluster::nodes = { ["n"] = ${node} }; redef ::Cluster::manager_is_logger = T;`
    const { layout } = parse(text)
    expect(layout.nodes.has('n')).toBe(true)
    expect(layout.redefs.map((redef) => redef.name)).toEqual(['Cluster::manager_is_logger'])
  })

  test('columns count characters', () => {
    const { diagnostics } = parse('redef X::y = "😀ö", 5;')
    expect(diagnostics.at(-1)?.span).toMatchObject({ line: 1, column: 18 })
  })
})

describe('encodings', () => {
  const comment = Buffer.from('# caf\xe9\n', 'latin1')
  test('a comment may be in any', () => {
    const text = Buffer.concat([comment, Buffer.from('redef Cluster::manager_is_logger = T;')])
    expect(codes(text)).toEqual(['warning no-nodes'])
  })

  test('a string must be UTF-8', () => {
    const text = Buffer.concat([comment, Buffer.from('redef Cluster::node = "caf\xe9";', 'latin1')])
    expect(codes(text)).toEqual(['error bad-encoding'])
  })

  test('line ends of any system', () => {
    const text = 'redef Cluster::nodes = {\r\n\t["n"] = [$node_type=Cluster::NONE, $ip=127.0.0.1],\r\n}\r\n'
    const { diagnostics } = parse(text)
    expect(diagnostics.map(formatDiagnostic)).toContain(
      'a.zeek:3:2: error: expected `;` at the end of the statement, but the file ends here\n}\n ^',
    )
  })
})

describe('limits', () => {
  test('size of the file', () => {
    const { layout, diagnostics } = parse(new Uint8Array(LAYOUT_BYTES_MAX + 1))
    expect(layout.nodes.size).toBe(0)
    expect(diagnostics.map(formatDiagnostic)).toEqual([
      'a.zeek:1:1: error: the file has 4194305 bytes, and a layout has 4194304 at most: is this the right file?',
    ])
    expect(codes('ö'.repeat(LAYOUT_BYTES_MAX / 2 + 1))).toEqual(['error file-too-large'])
  })

  test.each(['[', '{', '(', 'x[', '-('])('nesting of %s', (opener) => {
    const text = `redef X::y = ${opener.repeat(500)}`
    expect(codes(text)).toContain('error nesting-too-deep')
    expect(codes(text).filter((code) => code === 'error nesting-too-deep')).toHaveLength(1)
  })

  test('diagnostics: notes make room for errors', () => {
    const text = `${'@load misc/x\n'.repeat(1500)}${'redef X::y = 1;\n'}${'redef ;\n'.repeat(3)}`
    const { diagnostics } = parse(text)
    expect(diagnostics).toHaveLength(DIAGNOSTICS_MAX)
    expect(diagnostics.filter(({ severity }) => severity === 'error')).toHaveLength(3)
    expect(diagnostics.at(-1)).toMatchObject({ severity: 'note', code: 'too-many-problems' })
    expect(diagnostics.at(-1)?.message).toContain('only the first 999 problems are shown')
  })

  test('diagnostics: more errors than fit', () => {
    const { diagnostics } = parse('redef ;\n'.repeat(5000))
    expect(diagnostics).toHaveLength(DIAGNOSTICS_MAX)
    expect(diagnostics.at(-1)?.message).toContain('only the first 999 problems are shown')
  })

  test.each([':', '1', '"', '\\', 'a', '@if\n', '[', '}', '-', 'a.', '1.', '/', ' ', '[1::', 'x;'])(
    'a large file of %j is read in one pass',
    (piece) => {
      const { diagnostics } = parse(`redef X::y = ${piece.repeat(Math.floor(300_000 / piece.length))}`)
      expect(diagnostics.length).toBeLessThanOrEqual(DIAGNOSTICS_MAX)
      for (const diagnostic of diagnostics.slice(0, 20))
        expect(formatDiagnostic(diagnostic).length).toBeLessThan(1500)
    },
  )
})

describe('any text', () => {
  const pieces = fc.constantFrom(
    ...[
      'redef',
      'Cluster::nodes',
      'Cluster::node',
      '=',
      '+=',
      '{',
      '}',
      '[',
      ']',
      '(',
      ')',
      ',',
      ';',
      '$',
      '"a"',
      '"',
    ],
    ...[
      '$ip',
      '$p',
      '$node_type',
      'Cluster::MANAGER',
      '127.0.0.1',
      '[::1]',
      '1/tcp',
      '5 secs',
      '-',
      '|',
      '&redef',
      '\n',
    ],
    ...[
      '@if',
      '@endif',
      '@load x',
      '@DIR',
      'export',
      'const',
      'T',
      '/a/',
      '#',
      '::',
      '5',
      'ö',
      'module Cluster;',
    ],
    ...['["m"] = [$node_type=Cluster::MANAGER, $ip=127.0.0.1],', 'redef Cluster::nodes = {'],
  )
  test('is read to its end, with every place inside it', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(pieces, pieces, pieces, fc.string({ maxLength: 3 })), { maxLength: 40 }),
        (parts) => {
          const text = parts.join(' ')
          const lines = text.split('\n')
          const run = runText(text)
          expect(run.isComplete || run.errors.length > 0).toBe(true)
          for (const diagnostic of parse(text).diagnostics) {
            const { line, column, length } = diagnostic.span
            const characters = [...(lines[line - 1] ?? '').replace(/\r$/, '')].length
            expect(line).toBeLessThanOrEqual(lines.length)
            expect(column).toBeLessThanOrEqual(characters + 1)
            expect(column + length - 1).toBeLessThanOrEqual(Math.max(characters + 1, column))
            expect(formatDiagnostic(diagnostic)).toContain(
              `a.zeek:${line}:${column}: ${diagnostic.severity}: `,
            )
          }
        },
      ),
      { numRuns: 2000 },
    )
  })
})
