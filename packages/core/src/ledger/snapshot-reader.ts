import { isLicError, LicError } from '@lic/interfaces';
import { combineLicenses } from '../license/license-set.ts';
import { parseLicense } from '../license/parse-license.ts';
import { knowsVersion } from './administration.ts';
import { linkBorrow, newBorrow } from './borrows.ts';
import { ByteReader } from './byte-reader.ts';
import type { LedgerSettings } from './commands.ts';
import { linkGrant, newGrant } from './grants.ts';
import { LedgerState } from './ledger-state.ts';
import { isSweepLeft } from './license-time.ts';
import { type LedgerVersionRange, ledgerVersions, recoverVersion } from './limits.ts';
import { fitPools } from './pool-terms.ts';
import { featureOf, newPool } from './pools.ts';
import { linkEntry, newEntry } from './queue.ts';
import {
  readBorrow,
  readEndedSession,
  readEntry,
  readFlag,
  readGrant,
  readLinger,
  readPool,
  readResult,
  readSession,
} from './record-reader.ts';
import { kinds, type LedgerRecord, type Pool, type Session } from './records.ts';
import { linkLinger, newLinger, shareOf } from './seats.ts';
import { linkResult, newResult, newSession } from './sessions.ts';
import { endTag, kindsOf, snapshotFormats, snapshotMagic } from './snapshot-writer.ts';

/** No block that was ever written is longer: the first one carries licenses of twice `licenseCharsMax`, and a policy. */
const blockBytesMax = 16 * 1024 * 1024;

/**
 * Reads a snapshot into a new state, as its chunks come; how they were cut does not matter. Throws `SNAPSHOT_INVALID` where
 * they are not a whole snapshot whose records have the hash that its head names, and `LEDGER_VERSION` where it is one of
 * rules or a format that this code does not know.
 */
export async function readSnapshot(
  chunks: AsyncIterable<Uint8Array>,
  versions: LedgerVersionRange = ledgerVersions,
): Promise<LedgerState> {
  const reader = new SnapshotReader(versions);
  let pending = new Uint8Array(0);
  for await (const chunk of chunks) {
    const joined = new Uint8Array(pending.length + chunk.length);
    joined.set(pending);
    joined.set(chunk, pending.length);
    pending = checked(() => takeBlocks(joined, reader));
  }
  return checked(() => {
    if (pending.length > 0) throw new RangeError('bytes after the last whole block');
    return reader.end();
  });
}

function takeBlocks(bytes: Uint8Array<ArrayBuffer>, reader: SnapshotReader): Uint8Array<ArrayBuffer> {
  let at = 0;
  while (bytes.length - at >= 4) {
    const length = new DataView(bytes.buffer, bytes.byteOffset + at).getUint32(0, true);
    if (length > blockBytesMax) throw new RangeError('a block longer than any is written');
    if (bytes.length - at - 4 < length) break;
    reader.block(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return bytes.subarray(at);
}

function checked<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (isLicError(cause, 'LEDGER_VERSION')) throw cause;
    const what = cause instanceof Error ? cause.message : String(cause);
    throw new LicError(
      'SNAPSHOT_INVALID',
      `This is no whole snapshot of the ledger: ${what}. Fetch it again from a peer.`,
      {
        cause,
      },
    );
  }
}

/** Takes blocks up one by one; each is one slice of work. */
class SnapshotReader {
  readonly #state: LedgerState;
  readonly #source = new ByteReader();
  #hash = '';
  #counts = new Map<LedgerRecord['kind'], number>();
  #hasHead = false;
  #hasPools = false;
  #hasEnd = false;
  #kind = -1;
  #serial = 0;

  constructor(versions: LedgerVersionRange) {
    this.#state = new LedgerState(versions);
  }

  block(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#hasEnd) throw new RangeError('a block after the last');
    const source = this.#source;
    source.open(bytes);
    if (!this.#hasHead) {
      this.#readHead();
      return;
    }
    const tag = source.byte();
    if (tag !== kinds.pool) this.#fitPools();
    if (tag === endTag) this.#hasEnd = true;
    else {
      if (tag < this.#kind) throw new RangeError('blocks out of order');
      if (tag > this.#kind) this.#serial = 0;
      this.#kind = tag;
      while (!source.isAtEnd) this.#readRecord(tag);
      this.#state.settle();
      this.#state.offers.clear();
    }
  }

  end(): LedgerState {
    const state = this.#state;
    if (!this.#hasEnd || !this.#source.isAtEnd) throw new RangeError('the end is missing');
    for (const [kind, count] of this.#counts) {
      if (state.table(kind).size !== count) throw new RangeError('records are missing');
    }
    if (state.hash() !== this.#hash)
      throw new RangeError('the records have another hash than the one written with them');
    state.isSweepDue = isSweepLeft(state);
    // What could be served without a seat was, with the last command.
    state.areOffersOpen = false;
    return state;
  }

  #readHead(): void {
    const source = this.#source;
    const state = this.#state;
    if (source.text() !== snapshotMagic) throw new RangeError('it begins with something else');
    const format = source.uint();
    const { first, current } = snapshotFormats;
    if (format < first || format > current) throw unknownVersion(`format ${format}`);
    this.#hash = source.text();
    for (const kind of kindsOf(format)) this.#counts.set(kind, source.uint());
    state.version = source.uint();
    if (state.version !== 0 && !knowsVersion(state.known, state.version))
      throw unknownVersion(`ledger version ${state.version}`);
    state.serial = source.uint();
    state.timeMs = source.uint();
    state.isOpen = readFlag(source);
    state.formedAtMs = source.uint();
    const settings = source.text();
    state.settings = settings === '' ? null : (JSON.parse(settings) as LedgerSettings);
    const licenseHash = source.text();
    for (let left = source.uint(); left > 0; left--) state.drained.add(source.text());
    if (state.version >= recoverVersion) state.recoveredAtMs = source.uint();
    const text = source.text();
    const others: string[] = [];
    for (let left = format === first ? 0 : source.uint(); left > 0; left--) others.push(source.text());
    if (state.settings !== null) {
      const licenses = [text, ...others].map((one) => parseLicense(one));
      state.setLicense(combineLicenses(licenses), { license: text, others, licenseHash });
    }
    const policyText = format === first ? '' : source.text();
    const policyJson = format === first ? '' : source.text();
    if (policyJson !== '') state.setPolicy(policyText, policyJson);
    this.#hasHead = true;
  }

  /** Once all pools are read, they get what the license says of them. */
  #fitPools(): void {
    const state = this.#state;
    if (this.#hasPools || state.license === null || state.settings === null) return;
    const { serial } = state;
    fitPools(state, state.license, state.settings);
    if (state.serial !== serial) throw new RangeError('a licensed pool is missing');
    if (state.licensed.some(({ isDirty }) => isDirty)) throw new RangeError('a licensed pool that is not as licensed');
    this.#hasPools = true;
  }

  #readRecord(kind: number): void {
    const record = this.#readOf(kind);
    if (record.serial <= this.#serial || record.serial > this.#state.serial)
      throw new RangeError('records out of order');
    this.#serial = record.serial;
  }

  #readOf(kind: number): LedgerRecord {
    const state = this.#state;
    const source = this.#source;
    switch (kind) {
      case kinds.pool:
        return this.#add(newPool(readPool(source), true));
      case kinds.session: {
        const session = this.#add(newSession(readSession(source), true));
        state.sessionsById.set(session.id, session);
        return session;
      }
      case kinds.endedSession: {
        const ended = this.#add({ kind, ...readEndedSession(source), isDirty: true, isLive: true });
        state.endedById.set(ended.id, ended);
        return ended;
      }
      case kinds.grant: {
        const { share, ...fields } = readGrant(source);
        const pool = this.#pool(fields.pool);
        const shared = share === undefined ? undefined : shareOf(state, pool, share.key, share.serial);
        const grant = this.#add(
          newGrant(fields, { session: this.#session(fields.session), pool, share: shared }, true),
        );
        linkGrant(state, grant);
        return grant;
      }
      case kinds.entry: {
        const fields = readEntry(source);
        // A feature that has gone may still have a queue that a sweep has not come to.
        const feature = featureOf(state, fields.feature);
        const entry = this.#add(newEntry(fields, this.#session(fields.session), feature, true));
        linkEntry(state, entry);
        return entry;
      }
      case kinds.result: {
        const fields = readResult(source);
        const result = this.#add(newResult(fields, this.#session(fields.session), true));
        linkResult(result);
        return result;
      }
      case kinds.linger: {
        const fields = readLinger(source);
        const linger = this.#add(newLinger(fields, this.#pool(fields.pool)));
        linkLinger(state, linger);
        return linger;
      }
      case kinds.borrow: {
        const fields = readBorrow(source);
        const borrow = this.#add(newBorrow(fields, this.#pool(fields.pool)));
        linkBorrow(state, borrow);
        return borrow;
      }
      default:
        throw new RangeError(`records of an unknown kind ${kind}`);
    }
  }

  #add<R extends LedgerRecord>(record: R): R {
    this.#state.add(record);
    return record;
  }

  #session(serial: number): Session {
    return referred(this.#state.sessions.get(serial), 'session');
  }

  #pool(serial: number): Pool {
    return referred(this.#state.pools.get(serial), 'pool');
  }
}

function referred<R>(record: R | undefined, what: string): R {
  if (record === undefined) throw new RangeError(`a reference to a ${what} that is missing`);
  return record;
}

function unknownVersion(what: string): LicError {
  return new LicError('LEDGER_VERSION', `The snapshot is of ${what}, which this server does not know: update it.`);
}
