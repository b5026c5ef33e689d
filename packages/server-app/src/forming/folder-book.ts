import { LicError, type LogStore, type Member, type PeerId, type Runtime, type StoreContents } from '@lic/interfaces';
import {
  drawId,
  encodeFolder,
  type FolderRecord,
  type FormedRecord,
  isPartial,
  isSameFormed,
  readFolder,
} from './folder-record.ts';

/** What a data folder is to a triad that forms. `data`: it holds a log, but no record of the triad that it belongs to. */
export type FolderKind = 'empty' | 'data' | 'formed';

/** This server's folder record: every change is durable before anybody is told. One change at a time, in order. */
export class FolderBook {
  readonly #store: LogStore;
  readonly #runtime: Runtime;
  readonly #hasData: boolean;
  #record: FolderRecord;
  #changes: Promise<unknown> = Promise.resolve();

  private constructor(parts: {
    readonly store: LogStore;
    readonly runtime: Runtime;
    readonly hasData: boolean;
    readonly record: FolderRecord;
  }) {
    this.#store = parts.store;
    this.#runtime = parts.runtime;
    this.#hasData = parts.hasData;
    this.#record = parts.record;
  }

  /**
   * Reads the folder's record. A new folder, and one found damaged, draws an incarnation: a server whose disk has
   * forgotten anything has no vote under the old one (triad.md, I8).
   */
  static async open(store: LogStore, contents: StoreContents, runtime: Runtime): Promise<FolderBook> {
    const found = await readFolder(store);
    const { vote, snapshot, entries, damage } = contents;
    const isUsed = damage !== undefined || vote.term > 0 || snapshot !== undefined || entries.length > 0;
    const hasData = isUsed && found?.formed === undefined;
    const fresh: FolderRecord = { incarnation: drawId(runtime) };
    const book = new FolderBook({ store, runtime, hasData, record: found ?? fresh });
    // Nothing is written into a folder of unknown origin: somebody may still want what is in it. One that recovers is alone: no
    // other server counts on what it had said.
    const isRenewed = found === undefined || (damage !== undefined && found.recovering !== true);
    if (!hasData && isRenewed) {
      await book.#change((record) => ({ ...record, incarnation: fresh.incarnation }), { always: true });
    }
    return book;
  }

  get record(): FolderRecord {
    return this.#record;
  }

  get kind(): FolderKind {
    if (this.#record.formed !== undefined) return 'formed';
    return this.#hasData ? 'data' : 'empty';
  }

  /**
   * The offer that this server makes: the stored one while it still says the same, else a new one with a new instance. `by`: its key,
   * where the offer leaves a server out.
   */
  async offer(members: readonly Member[], licenseHash: string, isNew: boolean, by?: PeerId): Promise<FormedRecord> {
    const record = await this.#change((before) => {
      assertEmpty(this.kind);
      const instanceBefore = before.offer?.formation.instance;
      const of = (instance: string): FormedRecord => ({
        formation: { instance, members: [...members] },
        licenseHash,
        isNew,
      });
      if (instanceBefore !== undefined && isSameFormed(before.offer, of(instanceBefore))) return before;
      const { offeredBy: _, ...rest } = before;
      return { ...rest, offer: of(drawId(this.#runtime)), ...(by === undefined ? {} : { offeredBy: by }) };
    });
    return record.offer as FormedRecord;
  }

  /**
   * Stores another server's offer. Throws where it does not name this folder, the folder is not empty, or the one stored leaves a
   * server out and is somebody else's: its two servers may form with it at any moment.
   */
  async agree(offer: FormedRecord, self: PeerId, from: PeerId): Promise<void> {
    await this.#change((before) => {
      assertEmpty(this.kind);
      const own = offer.formation.members.find(({ id }) => id === self);
      if (own?.incarnation !== before.incarnation) {
        throw new LicError('OFFER_OUTDATED', "The offer does not name this server's data folder.", { retryable: true });
      }
      if (isPartial(before.offer) && before.offeredBy !== from) {
        throw new LicError('OFFER_PENDING', 'This server is about to form with another one, as an operator has said.', {
          retryable: true,
        });
      }
      if (isSameFormed(before.offer, offer)) return before;
      const { offeredBy: _, ...rest } = before;
      return { ...rest, offer, ...(isPartial(offer) ? { offeredBy: from } : {}) };
    });
  }

  /** The triad has formed with the very offer that is stored here. Anything else changes nothing. */
  async confirm(formed: FormedRecord): Promise<void> {
    await this.#change((before) => {
      if (this.kind !== 'empty' || !isSameFormed(before.offer, formed)) return before;
      return { incarnation: before.incarnation, formed };
    });
  }

  /** A formed peer's triad names this server: with the very offer it is formed too; else it comes as a new folder, a learner. */
  async join(formed: FormedRecord): Promise<void> {
    await this.confirm(formed);
    await this.#change((before) => {
      if (this.kind !== 'empty') return before;
      return { incarnation: drawId(this.#runtime), formed };
    });
  }

  /**
   * An operator's word that the others are gone for good: a triad of its own, with a new instance, begins with this server as its
   * only member (triad.md, Recover). Idempotent until {@link FolderBook.recovered}. `licenseHash`: for a folder without a record.
   */
  async recover(self: PeerId, licenseHash: string): Promise<void> {
    await this.#change((before) => {
      if (before.recovering === true) return before;
      const { incarnation } = before;
      const formation = { instance: drawId(this.#runtime), members: [{ id: self, incarnation }] };
      const formed = { formation, licenseHash: before.formed?.licenseHash ?? licenseHash, isNew: false };
      return { incarnation, formed, recovering: true };
    });
  }

  /** The folder was found to be an older copy: under this incarnation it has no vote any more, in this life or another (triad.md, I8). */
  async renew(): Promise<void> {
    await this.#change((before) => ({ ...before, incarnation: drawId(this.#runtime) }));
  }

  /** The recovery is in the log: from now on others may be members. */
  async recovered(): Promise<void> {
    await this.#change((before) => {
      if (before.recovering !== true) return before;
      const { recovering: _, ...rest } = before;
      return rest;
    });
  }

  #change(edit: (before: FolderRecord) => FolderRecord, { always = false } = {}): Promise<FolderRecord> {
    const changed = this.#changes.then(async () => {
      const after = edit(this.#record);
      if (after === this.#record && !always) return after;
      await this.#store.saveOwner(encodeFolder(after));
      this.#record = after;
      return after;
    });
    this.#changes = changed.catch(() => {});
    return changed;
  }
}

function assertEmpty(kind: FolderKind): void {
  if (kind === 'formed') throw new LicError('ALREADY_FORMED', 'This server belongs to a triad that has formed.');
  if (kind === 'data') throw new LicError('FOLDER_NOT_EMPTY', 'This server holds data of a triad: no forming with it.');
}
