import { absentIncarnation, LicError, type PeerId, type Runtime } from '@lic/interfaces';
import type { LifeDeeds } from '../admin/own-life.ts';
import type { FormedRecord } from '../forming/folder-record.ts';
import { type FormWord, formWordMs } from '../forming/form-word.ts';
import type { CloneWatch } from '../peers/clone-watch.ts';
import type { LifeHost, Rebirth } from './rebirth.ts';
import { recovered, reopened } from './rebirths.ts';
import { refill } from './refill.ts';

/** What an operator's verbs about a server's life work on. */
export interface LifeDeedsParts {
  readonly runtime: Runtime;
  readonly host: LifeHost;
  readonly self: PeerId;
  /** Of the license that this life began with. */
  readonly licenseHash: string;
  readonly roundMs: number;
  readonly word: FormWord;
  /** Resolves when this life has formed or found its triad. */
  readonly joined: Promise<void>;
  readonly formed: () => FormedRecord | undefined;
  /** What it waits for to form. */
  readonly waitingFor: () => string | null;
  readonly clones: () => CloneWatch | undefined;
}

/** The deeds of one life. Those that end it begin one peer round later: whoever asked is answered first. */
export function lifeDeeds(parts: LifeDeedsParts): LifeDeeds {
  const { runtime, host, self, licenseHash, roundMs, word, joined, formed, waitingFor, clones } = parts;
  const replace = (rebirth: Rebirth): void => {
    runtime.setTimer(roundMs, () => host.replace(rebirth));
  };
  return {
    refill: (why) => replace({ why, prepare: refill(runtime) }),
    reopen: (why) => replace(reopened(why)),
    recover: (why) => replace(recovered({ runtime, self, licenseHash, why })),
    async form() {
      word.give();
      const limit = new Promise<void>((resolve) => {
        runtime.setTimer(formWordMs, resolve);
      });
      await Promise.race([joined, limit]).catch(() => {});
      const record = formed();
      const absent = record?.formation.members.filter(({ incarnation }) => incarnation === absentIncarnation) ?? [];
      return {
        isFormed: record !== undefined,
        why: waitingFor() ?? 'it takes too long.',
        absent: absent.map(({ id }) => id),
      };
    },
    async keep(peer, bootId) {
      const watch = clones();
      if (watch === undefined)
        throw new LicError('NOT_READY', 'This server has not joined its triad: ask another one.', { retryable: true });
      await watch.keep(peer, bootId);
    },
  };
}
