/** The classic pcap format: draft-ietf-opsawg-pcap. One file header, then a header and the bytes per packet. */

export const PCAP_FILE_HEADER_BYTES = 24
export const PCAP_RECORD_HEADER_BYTES = 16

/** What the magic number says about the rest of the file. */
export interface PcapLayout {
  readonly littleEndian: boolean
  readonly nanoseconds: boolean
}

/** The layout for the first four bytes of a file, read as a big-endian number; undefined for other formats. */
export function pcapLayoutOf(magic: number): PcapLayout | undefined {
  switch (magic) {
    case 0xa1b2c3d4:
      return { littleEndian: false, nanoseconds: false }
    case 0xd4c3b2a1:
      return { littleEndian: true, nanoseconds: false }
    case 0xa1b23c4d:
      return { littleEndian: false, nanoseconds: true }
    case 0x4d3cb2a1:
      return { littleEndian: true, nanoseconds: true }
    default:
      return undefined
  }
}

/** The link type of a file whose header starts at `offset`. The upper bits hold the length of a frame check sequence. */
export function pcapLinkType(view: DataView, offset: number, layout: PcapLayout): number {
  return view.getUint32(offset + 20, layout.littleEndian) & 0x03ff_ffff
}

/** The time of a record at `offset`, in seconds, cut to microseconds as libpcap does it for Zeek. */
export function pcapTimestampSeconds(view: DataView, offset: number, layout: PcapLayout): number {
  const seconds = view.getUint32(offset, layout.littleEndian)
  const fraction = view.getUint32(offset + 4, layout.littleEndian)
  return seconds + (layout.nanoseconds ? Math.trunc(fraction / 1000) : fraction) / 1e6
}
