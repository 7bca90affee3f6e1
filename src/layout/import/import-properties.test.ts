/** Files of other programs with anything in them: they are refused, never thrown at. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Address } from '../../data/address.js'
import { DIALECTS } from '../../options/dialect.js'
import {
  formatDiagnostic,
  type ImportedLayout,
  LAYOUT_BYTES_MAX,
  readNodeCfg,
  readZeekConf,
} from '../index.js'
import { INI_LINES_MAX } from './ini.js'

const READERS: Readonly<Record<string, (text: string | Uint8Array, isReference: boolean) => ImportedLayout>> =
  {
    'zeek.conf': (text, isReference) =>
      readZeekConf([{ path: 'sensor.zeek.conf', text }], optionsOf(isReference)),
    'node.cfg': (text, isReference) => readNodeCfg({ path: 'node.cfg', text }, optionsOf(isReference)),
  }

function optionsOf(isReference: boolean): Parameters<typeof readNodeCfg>[1] {
  const lookUp = (name: string): Address[] | undefined =>
    name.length % 2 === 0 ? undefined : [Address.parse('192.0.2.1')]
  return { dialect: DIALECTS[isReference ? 'reference' : 'zeek-9.0'], lookUp }
}

/** Pieces that come together as something of a file often enough. */
const PIECES: readonly string[] = [
  ...[
    '[zeek]\n',
    '[interface eth0]\n',
    '[DEFAULT]\n',
    '[worker-1]\n',
    '[Worker-1]\n',
    'manager = 1\n',
    '[',
    ']',
  ],
  ...[
    `interface=eth\${worker_cpu}\n`,
    'workers = 3\n',
    'workers_cpu_list = 1-9:2\n',
    'port = 65534\n',
    'loggers=2\n',
  ],
  ...[
    'type=manager\n',
    'type: worker\n',
    'type=proxy\n',
    'host=localhost\n',
    'host = fe80::1%%eth0\n',
    '%(host)s',
  ],
  ...[
    'lb_procs=2\n',
    'lb_method=interfaces\n',
    'lb_interfaces=eth0,eth1\n',
    'pin_cpus=1,2\n',
    'env_vars=A=1\n',
  ],
  ...[
    'lb_method=pf_ring\n',
    'interface=zc:eth0\n',
    '\n',
    ' ',
    '\t',
    '=',
    ':',
    '#',
    ';',
    ',',
    '%',
    `\${`,
    '}',
  ],
  ...['\r\n', '\ufeff', '\ufffd', '😀', '\u00a0', '\0'],
]

const texts = fc
  .array(fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...PIECES) }, fc.string({ unit: 'binary' })))
  .map((pieces) => pieces.join(''))

describe.each(Object.entries(READERS))('%s', (_name, read) => {
  test('with any text is read to its end, with every place inside it', () => {
    fc.assert(
      fc.property(texts, fc.boolean(), (text, isReference) => {
        const lines = text.split('\n')
        for (const diagnostic of read(text, isReference).diagnostics) {
          const { line, column, length } = diagnostic.span
          const width = [...(lines[line - 1] ?? expect.unreachable(`no line ${line}`))].length
          expect(column).toBeGreaterThanOrEqual(1)
          expect(length).toBeGreaterThanOrEqual(1)
          // What is missing is right behind the end.
          expect(column + length).toBeLessThanOrEqual(width + 2)
          expect(formatDiagnostic(diagnostic)).toContain(`:${line}:${column}: ${diagnostic.severity}: `)
        }
      }),
      { numRuns: 2000 },
    )
  })

  test('as any bytes is read, too', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(read(bytes, false).layout.nodes.size).toBeGreaterThanOrEqual(0)
      }),
    )
  })

  test('has an end', () => {
    const codes = (text: string): string[] => read(text, false).diagnostics.map(({ code }) => code)
    expect(codes('#'.repeat(LAYOUT_BYTES_MAX + 1))).toEqual(['file-too-large'])
    expect(codes('#\n'.repeat(INI_LINES_MAX))).not.toContain('too-many-lines')
    expect(codes('#\n'.repeat(INI_LINES_MAX + 1))).toContain('too-many-lines')
  })

  test.each([
    ['blanks', `a${' '.repeat(4_000_000)}`],
    ['brackets', '['.repeat(4_000_000)],
    ['one key', 'a'.repeat(4_000_000)],
    ['one list', `[interface a]\ntype=worker\nhost=a\npin_cpus=${'1,'.repeat(1_000_000)}`],
    ['sections', Array.from({ length: 99_999 }, (_, index) => `[${index}]`).join('\n')],
    ['keys', Array.from({ length: 99_999 }, (_, index) => `k${index}=`).join('\n')],
    ['a section for each key', `[DEFAULT]\n${'[a]\n'.repeat(40_000)}`],
    [
      'sections with many defaults',
      `[DEFAULT]\n${Array.from({ length: 40_000 }, (_, index) => `k${index}=`).join('\n')}\n${Array.from({ length: 40_000 }, (_, index) => `[${index}]`).join('\n')}`,
    ],
    [
      'workers that multiply',
      Array.from(
        { length: 10_000 },
        (_, index) => `[${index}]\ntype=worker\nhost=a\ninterface=a\nlb_procs=10000\nlb_method=custom\n`,
      ).join(''),
    ],
    [
      'references that multiply',
      `[a]\nhost=%(k0)s\n${Array.from({ length: 9 }, (_, index) => `k${index}=${`%(k${index + 1})s`.repeat(1000)}`).join('\n')}\nk9=`,
    ],
  ])('of %s is read in one pass', (_what, text) => {
    const start = performance.now()
    expect(read(text, false).diagnostics.length).toBeGreaterThan(0)
    expect(performance.now() - start).toBeLessThan(5000)
  })
})
