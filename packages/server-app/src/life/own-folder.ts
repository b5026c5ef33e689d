import {
  errorCode,
  errorMessage,
  type Logger,
  type LogStore,
  type Runtime,
  type StoreContents,
  type StoreDamage,
} from '@lic/interfaces';
import type { OwnLife } from '../admin/own-life.ts';
import type { Recovery } from '../control/term-keeper.ts';
import { FolderBook } from '../forming/folder-book.ts';

/** What one life knows of its data folder: its record, what is damaged, and why it can't be used, if so. */
export class OwnFolder {
  /** What the store holds, without what a recovery has cut off. */
  readonly contents: StoreContents;
  /** Rejects with why the record can't be read. */
  readonly opening: Promise<FolderBook>;
  readonly #book: FolderBook | undefined;
  readonly #logger: Logger;
  #failure: OwnLife['failure'] = null;
  #isRenewed = false;

  private constructor(
    contents: StoreContents,
    record: { readonly opening: Promise<FolderBook>; readonly book: FolderBook | undefined },
    logger: Logger,
  ) {
    this.contents = contents;
    this.opening = record.opening;
    this.#book = record.book;
    this.#logger = logger;
  }

  /** Reads the record of an open store, and goes on with a recovery that was stopped half-way: what is damaged is cut off now. */
  static async open(
    store: LogStore,
    contents: StoreContents,
    { runtime, logger }: { readonly runtime: Runtime; readonly logger: Logger },
  ): Promise<OwnFolder> {
    const opening = FolderBook.open(store, contents, runtime);
    const book = await opening.catch(() => undefined);
    const isCut = book?.record.recovering === true && contents.damage !== undefined;
    return new OwnFolder(isCut ? await store.salvage() : contents, { opening, book }, logger);
  }

  /** Undefined where the record can't be read. */
  get book(): FolderBook | undefined {
    return this.#book;
  }

  /** The triad instance that it belongs to, or null. */
  get instance(): string | null {
    return this.#book?.record.formed?.formation.instance ?? null;
  }

  /** What verbs about this life are judged by, as far as the folder says it. */
  get facts(): Pick<OwnLife, 'folder' | 'failure' | 'isRecovering'> & { readonly damage: StoreDamage | undefined } {
    return {
      folder: this.#book?.kind,
      failure: this.#failure,
      isRecovering: this.recovery.isDue(),
      damage: this.contents.damage,
    };
  }

  readonly recovery: Recovery = {
    isDue: () => this.#book?.record.recovering === true,
    done: async () => this.#book?.recovered(),
  };

  /** This life takes no part in any triad because of that. */
  failed(error: unknown): void {
    this.#failure = { code: errorCode(error), message: errorMessage(error) };
  }

  /** It is an older copy. Consensus has taken its vote; so that the next start remembers, it gets another incarnation. */
  renew(): void {
    if (this.#isRenewed || this.#book === undefined) return;
    this.#isRenewed = true;
    this.#book.renew().catch((error: unknown) => {
      this.#isRenewed = false;
      this.#logger.warn('the folder could not be given another incarnation', { reason: errorMessage(error) });
    });
  }
}
