import { crc32 } from 'node:zlib';
import type { Vote } from '@lic/interfaces';
import { getInteger, putInteger } from './record-format.ts';

/** Records begin behind the header. */
export const segmentHeaderBytes = 4_096;
/** The format that this version writes, and the only one that it reads. */
export const formatVersion = 1;
/** Characters of a member's name: in UTF-8 it must fit the header. */
export const votedForCharactersMax = 1_024;

/** What the log was when a segment began: enough to go on from it when the segments before are gone. */
export interface SegmentHeader {
  readonly segment: number;
  /** The file's size: a shorter file has been cut off. */
  readonly sizeBytes: number;
  /** The last batch before; that it is named here proves that it had been synced. */
  readonly batch: number;
  /** The CRC of that batch's footer: the segments are chained, too. */
  readonly chain: number;
  /** The last entry before. */
  readonly lastIndex: number;
  /** 0 where it is not known: that entry was replaced, and then compacted. */
  readonly lastTerm: number;
  /** Whether nothing before counts any more (`resetTo`). */
  readonly isReset: boolean;
  readonly vote: Vote;
}

/** `lic-log` and a line feed. */
const magic = Uint8Array.of(0x6c, 0x69, 0x63, 0x2d, 0x6c, 0x6f, 0x67, 0x0a);
/** Offsets. In every version to come, magic, version and CRC (of the 4 096 bytes, its own field zero) stay where they are. */
const at = {
  version: 8,
  crc: 12,
  segment: 16,
  sizeBytes: 24,
  batch: 32,
  lastIndex: 40,
  lastTerm: 48,
  isReset: 56,
  chain: 60,
  voteTerm: 64,
  votedForBytes: 72,
  votedFor: 76,
} as const;
const nobody = 0xffff_ffff;

/** Writes the header to the first 4 096 bytes of `bytes`. Answers its CRC, which the first record is chained to. */
export function encodeSegmentHeader(bytes: Uint8Array, header: SegmentHeader): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, segmentHeaderBytes);
  bytes.fill(0, 0, segmentHeaderBytes);
  bytes.set(magic);
  view.setUint32(at.version, formatVersion, true);
  putInteger(view, at.segment, header.segment);
  putInteger(view, at.sizeBytes, header.sizeBytes);
  putInteger(view, at.batch, header.batch);
  putInteger(view, at.lastIndex, header.lastIndex);
  putInteger(view, at.lastTerm, header.lastTerm);
  view.setUint32(at.isReset, header.isReset ? 1 : 0, true);
  view.setUint32(at.chain, header.chain, true);
  putInteger(view, at.voteTerm, header.vote.term);
  const votedFor = header.vote.votedFor === null ? undefined : new TextEncoder().encode(header.vote.votedFor);
  view.setUint32(at.votedForBytes, votedFor?.byteLength ?? nobody, true);
  if (votedFor !== undefined) bytes.set(votedFor, at.votedFor);
  const crc = crc32(bytes.subarray(0, segmentHeaderBytes));
  view.setUint32(at.crc, crc, true);
  return crc;
}

/** What the first 4 096 bytes say: a header with its CRC, the number of a version that is not known, or nothing valid. */
export function decodeSegmentHeader(
  bytes: Uint8Array,
): { readonly header: SegmentHeader; readonly crc: number } | { readonly unknownVersion: number } | undefined {
  const copy = bytes.slice(0, segmentHeaderBytes);
  if (copy.byteLength < segmentHeaderBytes || !magic.every((byte, offset) => copy[offset] === byte)) return undefined;
  const view = new DataView(copy.buffer);
  const crc = view.getUint32(at.crc, true);
  view.setUint32(at.crc, 0, true);
  if (crc32(copy) !== crc) return undefined;
  const version = view.getUint32(at.version, true);
  if (version !== formatVersion) return { unknownVersion: version };
  const votedForBytes = view.getUint32(at.votedForBytes, true);
  const votedFor = copy.subarray(at.votedFor, at.votedFor + votedForBytes);
  const header: SegmentHeader = {
    segment: getInteger(view, at.segment),
    sizeBytes: getInteger(view, at.sizeBytes),
    batch: getInteger(view, at.batch),
    lastIndex: getInteger(view, at.lastIndex),
    lastTerm: getInteger(view, at.lastTerm),
    isReset: view.getUint32(at.isReset, true) === 1,
    chain: view.getUint32(at.chain, true),
    vote: {
      term: getInteger(view, at.voteTerm),
      votedFor: votedForBytes === nobody ? null : new TextDecoder().decode(votedFor),
    },
  };
  return { header, crc };
}
