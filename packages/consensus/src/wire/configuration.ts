import type { ConfiguredMember } from '@lic/interfaces';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Members of one configuration at most. */
export const MEMBERS_MAX = 9;
const VERSION = 1;

/** A configuration as bytes: the data of a `config` entry, and `SnapshotMeta.config`. */
export function encodeConfiguration(members: readonly ConfiguredMember[]): Uint8Array {
  const writer = new Writer(
    members.reduce((bytes, { id, incarnation }) => bytes + 8 + 3 * (id.length + incarnation.length), 8),
  );
  writer.byte(VERSION);
  writer.byte(members.length);
  for (const member of members) {
    writer.byte(member.voter ? 1 : 0);
    writer.text(member.id);
    writer.text(member.incarnation);
  }
  return writer.finish();
}

/** The opposite of {@link encodeConfiguration}. Throws `BAD_PEER_MESSAGE` where `data` is none. */
export function decodeConfiguration(data: Uint8Array): ConfiguredMember[] {
  const reader = new Reader(data);
  reader.expectByte(VERSION, 'configuration version');
  const count = reader.byte();
  if (count === 0 || count > MEMBERS_MAX) reader.fail(`${count} members, expected 1 to ${MEMBERS_MAX}`);
  const members: ConfiguredMember[] = [];
  for (let each = 0; each < count; each += 1) {
    const voter = reader.flag();
    members.push({ id: reader.text(), incarnation: reader.text(), voter });
  }
  reader.end();
  return members;
}
