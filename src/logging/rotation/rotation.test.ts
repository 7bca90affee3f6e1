import { gunzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { MemoryDisk } from '../../testing/memory-disk.js'
import { VirtualTime } from '../../testing/virtual-time.js'
import { Archive } from './archive.js'
import { Rotation, type RotationSettings } from './rotation.js'
import { nextRotationMs, parseBaseTime } from './rotation-times.js'

const at = (text: string): number => new Date(text).getTime()
const HOUR_MS = 3_600_000
const ASCII = 'Log::WRITER_ASCII'

describe('times', () => {
  test.each([
    ['2026-01-31T10:20:30', HOUR_MS, '', '2026-01-31T11:00:00'],
    ['2026-01-31T11:00:00', HOUR_MS, '', '2026-01-31T12:00:00'],
    ['2026-01-31T10:20:30', 4000, '0:00', '2026-01-31T10:20:32'],
    ['2026-01-31T10:20:30', 24 * HOUR_MS, '', '2026-02-01T00:00:00'],
    ['2026-01-31T10:20:30', 24 * HOUR_MS, '6:30', '2026-02-01T06:30:00'],
    ['2026-01-31T03:20:30', 24 * HOUR_MS, '06:30', '2026-01-31T06:30:00'],
  ])('after %s, every %i ms from %s: %s', (now, intervalMs, base, expected) => {
    expect(nextRotationMs(at(now), intervalMs, parseBaseTime(base)!)).toBe(at(expected))
  })

  test.each(['24:00', '1:60', 'noon', '12', '-1:00'])('%s is no time of day', (text) => {
    expect(parseBaseTime(text)).toBeUndefined()
  })
})

class Fixture {
  readonly disk = new MemoryDisk()
  readonly time = new VirtualTime()
  readonly problems: string[] = []
  readonly commands: (readonly string[])[] = []
  exitCode = 0

  archive(settings: Partial<ConstructorParameters<typeof Archive>[0]> = {}): Archive {
    const { disk, time } = this
    return new Archive({
      disk,
      clock: time,
      directory: 'archive',
      logger: '',
      keepMs: 0,
      keepBytes: 0,
      ...settings,
    })
  }

  rotation(settings: Partial<RotationSettings> = {}): Rotation {
    return new Rotation({
      disk: this.disk,
      clock: this.time,
      intervalMs: HOUR_MS,
      baseMs: 0,
      sizeBytes: 0,
      directory: '',
      postprocessor: 'archive-log',
      archive: this.archive(),
      runCommand: async (command, args) => {
        this.commands.push([command, ...args])
        return this.exitCode
      },
      onProblem: (code, message) => this.problems.push(`${code}: ${message}`),
      ...settings,
    })
  }

  async file(path: string, text: string): Promise<void> {
    const file = await this.disk.create(path)
    await file.append(Buffer.from(text))
  }

  async text(path: string): Promise<string> {
    return gunzipSync(await this.disk.read(path)).toString()
  }
}

const CLOSED = {
  filePath: 'logs/conn.log',
  name: 'conn',
  writer: ASCII,
  openedMs: at('2026-01-31T10:00:00'),
  closedMs: at('2026-01-31T11:00:00'),
  terminating: false,
}

describe('a rotated file', () => {
  test('is compressed into the folder of its day', async () => {
    const fixture = new Fixture()
    await fixture.file('logs/conn.log', 'line\n')
    const rotation = fixture.rotation()
    await rotation.finish(CLOSED)
    await rotation.settled()
    expect(fixture.disk.paths()).toEqual(['archive/2026-01-31/conn.10:00:00-11:00:00.log.gz'])
    expect(await fixture.text('archive/2026-01-31/conn.10:00:00-11:00:00.log.gz')).toBe('line\n')
  })

  test('never replaces another one: of the same time, of another logger', async () => {
    const fixture = new Fixture()
    for (const logger of ['logger-1', 'logger-2', 'logger-1']) {
      await fixture.file('logs/conn.log', `${logger}\n`)
      const rotation = fixture.rotation({ archive: fixture.archive({ logger }) })
      await rotation.finish(CLOSED)
      await rotation.settled()
    }
    expect(fixture.disk.paths()).toEqual([
      'archive/2026-01-31/conn.10:00:00-11:00:00.logger-1.2.log.gz',
      'archive/2026-01-31/conn.10:00:00-11:00:00.logger-1.log.gz',
      'archive/2026-01-31/conn.10:00:00-11:00:00.logger-2.log.gz',
    ])
  })

  test('of several parts is one file', async () => {
    const fixture = new Fixture()
    const text = `${'x'.repeat(999)}\n`.repeat(9000)
    await fixture.file('logs/conn.log', text)
    const rotation = fixture.rotation()
    await rotation.finish(CLOSED)
    await rotation.settled()
    expect(await fixture.text('archive/2026-01-31/conn.10:00:00-11:00:00.log.gz')).toBe(text)
  })

  test('that is compressed already is moved', async () => {
    const fixture = new Fixture()
    await fixture.file('logs/conn.log.gz', 'compressed')
    const rotation = fixture.rotation()
    await rotation.finish({ ...CLOSED, filePath: 'logs/conn.log.gz' })
    await rotation.settled()
    expect(fixture.disk.paths()).toEqual(['archive/2026-01-31/conn.10:00:00-11:00:00.log.gz'])
    expect(fixture.disk.text('archive/2026-01-31/conn.10:00:00-11:00:00.log.gz')).toBe('compressed')
  })

  test('is deleted by delete-log, and left alone without a post-processor', async () => {
    const fixture = new Fixture()
    await fixture.file('logs/conn.log', 'a')
    const deleting = fixture.rotation({ postprocessor: 'delete-log' })
    await deleting.finish(CLOSED)
    await deleting.settled()
    expect(fixture.disk.paths()).toEqual([])
    await fixture.file('logs/conn.log', 'a')
    const keeping = fixture.rotation({ postprocessor: '' })
    await keeping.finish(CLOSED)
    await fixture.file('logs/conn.log', 'b')
    await keeping.finish(CLOSED)
    await keeping.settled()
    expect(fixture.disk.paths()).toEqual([
      'logs/conn.2026-01-31-10-00-00.log',
      'logs/conn.2026-01-31-10-00-01.log',
    ])
  })

  test('goes to a command as Zeek calls it, in the folder for rotated files', async () => {
    const fixture = new Fixture()
    fixture.exitCode = 3
    await fixture.file('logs/conn.log', 'a')
    const rotation = fixture.rotation({ postprocessor: 'ship --now', directory: 'rotated' })
    await rotation.finish({ ...CLOSED, terminating: true })
    await rotation.settled()
    expect(fixture.commands).toEqual([
      [
        'ship --now',
        'rotated/conn.2026-01-31-10-00-00.log',
        'conn',
        '26-01-31_10.00.00',
        '26-01-31_11.00.00',
        '1',
        'ascii',
      ],
    ])
    expect(fixture.problems).toEqual([
      "log-postprocessing-failed: 'ship --now' ended with 3 for rotated/conn.2026-01-31-10-00-00.log",
    ])
  })

  test('that finds the archive full stays, and is taken up at the next start', async () => {
    const fixture = new Fixture()
    await fixture.file('logs/conn.log', 'line\n')
    fixture.disk.limitBytes = 5
    const rotation = fixture.rotation()
    await rotation.finish(CLOSED)
    await rotation.settled()
    expect(fixture.disk.paths()).toEqual(['logs/conn.2026-01-31-10-00-00.log'])
    expect(fixture.problems).toEqual([
      'log-postprocessing-failed: logs/conn.2026-01-31-10-00-00.log stays where it is: no space left on the disk',
    ])
    fixture.disk.limitBytes = Number.POSITIVE_INFINITY
    await fixture.file(
      'archive/2026-01-31/conn.log.gz~unfinished~conn.2026-01-31-10-00-00.log~unfinished~',
      'half',
    )
    await fixture.file('logs/dns.log', 'of now')
    const next = fixture.rotation()
    await next.resume('logs')
    await next.settled()
    const paths = fixture.disk.paths()
    expect(paths).toHaveLength(2)
    expect(paths[0]).toMatch(/^archive\/2026-01-31\/conn\.10:00:00-.*\.log\.gz$/)
    expect(paths[1]).toBe('logs/dns.log')
  })
})

test('a crash at any moment of archiving leaves a file there once', async () => {
  for (let changes = 0; changes < 12; changes += 1) {
    const fixture = new Fixture()
    const { disk } = fixture
    await fixture.file('logs/conn.log', 'line\n')
    let left = changes
    const original = { rename: disk.rename, remove: disk.remove, create: disk.create }
    // The disk of a process that dies: what comes later never happens.
    const dying =
      <Args extends unknown[], Result>(call: (...args: Args) => Promise<Result>) =>
      (...args: Args): Promise<Result> => {
        left -= 1
        return left < 0 ? new Promise<Result>(() => {}) : call.apply(disk, args)
      }
    disk.rename = dying(original.rename)
    disk.remove = dying(original.remove)
    disk.create = dying(original.create)
    void fixture.rotation().finish(CLOSED)
    await fixture.time.advance(10)
    await new Promise((resolve) => setTimeout(resolve, 20))
    Object.assign(disk, original)
    const next = fixture.rotation()
    await next.resume('logs')
    await next.settled()
    const paths = disk.paths().filter((path) => path !== 'logs/conn.log')
    if (disk.paths().includes('logs/conn.log')) expect(paths).toEqual([])
    else {
      expect(paths, `after ${changes} changes`).toHaveLength(1)
      expect(await fixture.text(paths[0]!)).toBe('line\n')
    }
  }
})

test('without rotation nothing is moved: at the end, or at the next start', async () => {
  const fixture = new Fixture()
  await fixture.file('logs/conn.log', 'of now')
  await fixture.file('logs/conn.2026-01-31-10-00-00.log', 'left by a crash')
  const rotation = fixture.rotation({ intervalMs: 0 })
  await rotation.resume('logs')
  await rotation.finish({ ...CLOSED, terminating: true })
  await rotation.settled()
  expect(fixture.disk.paths()).toEqual(['logs/conn.2026-01-31-10-00-00.log', 'logs/conn.log'])
})

describe('the archive', () => {
  const DAYS = ['2026-01-29', '2026-01-30', '2026-01-31']

  async function filled(settings: Partial<ConstructorParameters<typeof Archive>[0]>): Promise<Fixture> {
    const fixture = new Fixture()
    for (const day of DAYS) {
      await fixture.file(`archive/${day}/conn.10:00:00-11:00:00.log.gz`, 'x'.repeat(100))
    }
    await fixture.file('archive/2026-01-29/notes.txt', 'of the operator')
    await fixture.file('archive/other/conn.10:00:00-11:00:00.log.gz', 'of the operator')
    await fixture.archive(settings).expire()
    return fixture
  }

  test('keeps everything without limits', async () => {
    expect((await filled({})).disk.paths()).toHaveLength(5)
  })

  test('loses the oldest beyond its bytes, and nothing that is not an archived log', async () => {
    expect((await filled({ keepBytes: 200 })).disk.paths()).toEqual([
      'archive/2026-01-29/notes.txt',
      'archive/2026-01-30/conn.10:00:00-11:00:00.log.gz',
      'archive/2026-01-31/conn.10:00:00-11:00:00.log.gz',
      'archive/other/conn.10:00:00-11:00:00.log.gz',
    ])
  })

  test('loses what is too old', async () => {
    // Files in memory were all changed at the epoch.
    expect((await filled({ keepMs: 1000 })).disk.paths()).toEqual([
      'archive/2026-01-29/notes.txt',
      'archive/other/conn.10:00:00-11:00:00.log.gz',
    ])
  })
})
