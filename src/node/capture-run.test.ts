/** A worker's source: when it starts, when it pauses, and what it says when it cannot go on. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import type { Cluster } from '../cluster/cluster.js'
import { MemoryBackends } from '../testing/memory-backends.js'
import { MemoryDisk } from '../testing/memory-disk.js'
import { MemoryNetwork } from '../testing/memory-network.js'
import { seededRandom } from '../testing/seeded-random.js'
import { VirtualTime } from '../testing/virtual-time.js'
import { type CaptureRun, startCapture } from './capture-run.js'

const TRAFFIC = readFileSync(
  fileURLToPath(new URL('../../examples/quickstart/traffic.pcap', import.meta.url)),
)
const CHUNK_BYTES = 50_000

/** As much of a cluster as a capture needs. */
class Fixture {
  readonly time = new VirtualTime()
  readonly reports: string[] = []
  missing: readonly string[] = []
  queuedBytes = 0
  chunksRead = 0
  connections = 0
  done = 0

  start(bytes: Uint8Array = TRAFFIC): CaptureRun {
    const fixture = this
    const cluster = {
      get health() {
        return fixture.missing.length > 0 ? { state: 'waiting', missing: fixture.missing } : { state: 'up' }
      },
      bus: { counters: () => ({ queuedBytes: fixture.queuedBytes }) },
      logs: { createStream: () => ({ write: () => {} }) },
      emit: (name: 'connection' | 'captureDone') => {
        if (name === 'connection') fixture.connections += 1
        else fixture.done += 1
      },
      flush: async () => {},
    } as unknown as Cluster
    const platform = {
      clock: this.time,
      timers: this.time,
      random: seededRandom(1),
      network: new MemoryNetwork(this.time),
      disk: new MemoryDisk(),
      runCommand: async () => 0,
      claimFolder: async () => async () => {},
      openBackend: new MemoryBackends().open,
    }
    const settings = {
      name: 'traffic.pcap',
      part: 0,
      parts: 1,
      open: async function* () {
        for (let offset = 0; offset < bytes.length; offset += CHUNK_BYTES) {
          fixture.chunksRead += 1
          yield bytes.subarray(offset, offset + CHUNK_BYTES)
        }
      },
    }
    return startCapture(cluster, platform, settings, ({ code, message }) =>
      this.reports.push(`${code}: ${message}`),
    )
  }
}

describe('a capture', () => {
  test('is read when the peers are up', async () => {
    const fixture = new Fixture()
    fixture.missing = ['logger-1']
    const run = fixture.start()
    await fixture.time.advance(5000)
    expect([run.state, fixture.chunksRead]).toEqual(['waiting', 0])
    fixture.missing = []
    await fixture.time.until(() => run.state === 'done')
    expect([run.packets, run.connections, fixture.connections, fixture.done]).toEqual([1050, 164, 164, 1])
    expect(fixture.reports).toEqual([])
  })

  test('is read without a peer that does not come, and that is said', async () => {
    const fixture = new Fixture()
    fixture.missing = ['logger-1']
    const run = fixture.start()
    await fixture.time.until(() => run.state === 'done')
    expect(fixture.reports).toEqual([
      'peers-missing: reading traffic.pcap without logger-1: not up after 10 s',
    ])
  })

  test('pauses while much waits to be sent', async () => {
    const fixture = new Fixture()
    fixture.queuedBytes = 100 * 1024 * 1024
    const run = fixture.start()
    await fixture.time.advance(60_000)
    expect([run.state, fixture.chunksRead]).toEqual(['reading', 1])
    fixture.queuedBytes = 0
    await fixture.time.until(() => run.state === 'done')
    expect(run.packets).toBe(1050)
  })

  test('that is cut off gives what came before, and the place', async () => {
    const fixture = new Fixture()
    const run = fixture.start(TRAFFIC.subarray(0, 100_000))
    await fixture.time.until(() => run.state === 'failed')
    expect(run.packets).toBeGreaterThan(50)
    expect(fixture.connections).toBeGreaterThan(5)
    expect(fixture.reports).toEqual([
      expect.stringMatching(/^capture-truncated: traffic\.pcap: .*packet \d+/),
    ])
  })

  test('can be stopped in the middle', async () => {
    const fixture = new Fixture()
    fixture.queuedBytes = 100 * 1024 * 1024
    const run = fixture.start()
    await fixture.time.advance(1000)
    const stopped = run.stop()
    await fixture.time.until(() => run.state === 'stopped')
    await fixture.time.advance(1000)
    await stopped
    expect([fixture.chunksRead, fixture.done]).toEqual([1, 0])
  })
})
