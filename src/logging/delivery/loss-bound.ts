/**
 * How many records a kill takes with it, at most: a file of fixed size in the folder of a run. It is overwritten in
 * place, which takes no room, so that it is true on a full disk, too, where the journal can say nothing.
 */
import type { Disk, FixedFile } from '../../base/disk.js'
import { ByteReader } from '../../data/byte-reader.js'
import { ByteWriter } from '../../data/byte-writer.js'
import { crc32 } from './crc32.js'
import type { LossLimit } from './delivery-settings.js'

export const BOUND_FILE = 'bound'

const MARK = 0x9d_10_55_01
const SLOT_BYTES = 32
const CHECKSUM_BYTES = 4
/** Two slots that say the same, written one after the other: one that is torn or damaged leaves the other. */
export const BOUND_BYTES = 2 * SLOT_BYTES

export interface LossBoundSettings {
  readonly disk: Disk
  readonly path: string
  /** Records that wait to be spooled, at most: a kill takes these while all is well. */
  readonly memoryRecords: number
}

export class LossBound {
  readonly #settings: LossBoundSettings
  /** Undefined when the file says nothing: it is not there, or has no slot that can be read. */
  #file: FixedFile | undefined
  /** What the file says; never more. */
  #said = 0
  #turn = 0

  constructor(settings: LossBoundSettings) {
    this.#settings = settings
  }

  /** Makes the file unless it is there. Throws what the disk says; the bound reads as unknown then. */
  open(unnoted: number): void {
    if (this.#file !== undefined) return
    const { disk, path } = this.#settings
    const content = new Uint8Array(BOUND_BYTES)
    const records = this.#limitFor(unnoted)
    this.#turn = 0
    for (const offset of [0, SLOT_BYTES]) content.set(slot(this.#turn, records), offset)
    this.#file = disk.createFixedNow(path, content)
    this.#said = records
  }

  /**
   * Makes the file true of `unnoted` records that are noted nowhere else, and of as many more as may wait.
   * There is a reserve in what it says, so that it is seldom written. Never throws: a file that could not be made true
   * is removed, and the bound unknown, until `open` makes it again.
   */
  cover(unnoted: number): void {
    const file = this.#file
    if (file === undefined) return
    const least = unnoted + this.#settings.memoryRecords
    const records = this.#limitFor(unnoted)
    // A bound that has become much too high is lowered: as many records are known by now.
    const most = unnoted === 0 ? records : 2 * records
    if (least <= this.#said && this.#said <= most) return
    const turn = this.#turn + 1
    const bytes = slot(turn, records)
    // A slot that was torn is written first: until it is whole, the other one counts.
    const first = (turn % 2) * SLOT_BYTES
    try {
      file.overwriteNow(first, bytes)
    } catch {
      // It may be there all the same, or what was there before: the lower one counts, which may still be enough.
      if (least > this.#said) this.#forget(file)
      else this.#said = records
      return
    }
    this.#turn = turn
    this.#said = records
    try {
      file.overwriteNow(SLOT_BYTES - first, bytes)
    } catch {
      // The first slot says it.
    }
  }

  async close(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close()
  }

  #limitFor(unnoted: number): number {
    const { memoryRecords } = this.#settings
    return unnoted === 0 ? memoryRecords : unnoted + 2 * memoryRecords
  }

  /** Removing takes no room either. */
  #forget(file: FixedFile): void {
    const { disk, path } = this.#settings
    try {
      disk.removeNow(path)
    } catch {
      // Nothing can be told to those who come later; it is tried again when there are more records.
      return
    }
    this.#file = undefined
    file.close().catch(() => {})
  }
}

function slot(turn: number, records: number): Uint8Array {
  const writer = new ByteWriter(SLOT_BYTES)
  writer.u32(MARK)
  writer.u64FromNumber(turn)
  writer.u64FromNumber(records)
  // Room for more.
  writer.u64FromNumber(0)
  writer.u32(crc32(writer.written()))
  return writer.written()
}

/** What the file says. */
export function readLossBound(bytes: Uint8Array): LossLimit {
  let latest = -1
  let limit: LossLimit = 'unknown'
  if (bytes.length !== BOUND_BYTES) return limit
  for (let start = 0; start < BOUND_BYTES; start += SLOT_BYTES) {
    const end = start + SLOT_BYTES
    const reader = new ByteReader()
    reader.reset(bytes, start, end)
    if (reader.u32() !== MARK) continue
    const turn = Number(reader.u64())
    const records = Number(reader.u64())
    reader.u64()
    if (reader.u32() !== crc32(bytes.subarray(start, end - CHECKSUM_BYTES)) || turn <= latest) continue
    latest = turn
    limit = records
  }
  return limit
}
