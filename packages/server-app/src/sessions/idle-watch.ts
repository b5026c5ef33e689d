import type { Ledger } from '@lic/core';
import { errorCode, type Logger } from '@lic/interfaces';
import type { ClientMessage } from '@lic/protocol';
import type { Propose } from '../propose.ts';

/** What {@link IdleWatch} is made with. */
export interface IdleWatchParts {
  readonly ledger: Pick<Ledger, 'grant' | 'idleMsFor'>;
  readonly propose: Propose;
  readonly logger: Logger;
}

type Idle = NonNullable<Extract<ClientMessage, { t: 'heartbeat' }>['idle']>;

/**
 * Ends grants that are idle for longer than the policy lets. How long they are is in every heartbeat of the client, so nothing is kept here
 * and another server in control goes on with the next one.
 */
export class IdleWatch {
  readonly #parts: IdleWatchParts;
  /** Sessions with an end under way: one at a time. */
  readonly #ending = new Set<string>();

  constructor(parts: IdleWatchParts) {
    this.#parts = parts;
  }

  /** A heartbeat of this session was confirmed. */
  heard(session: string, idle: Idle): void {
    const { ledger } = this.#parts;
    const grants = idle.flatMap(({ grant: id, ms }) => {
      const grant = ledger.grant(id);
      // A client speaks for its own grants only.
      if (grant?.session !== session || grant.state !== 'active') return [];
      return ms > (ledger.idleMsFor(id) ?? Number.POSITIVE_INFINITY) ? [id] : [];
    });
    if (grants.length > 0 && !this.#ending.has(session)) void this.#end(session, grants);
  }

  async #end(session: string, grants: readonly string[]): Promise<void> {
    this.#ending.add(session);
    try {
      await this.#parts.propose({ kind: 'revoke', grants, reason: '', as: 'idle' });
    } catch (error) {
      // The next heartbeat says it again.
      this.#parts.logger.debug('idle grants were not ended', { session, code: errorCode(error) });
    } finally {
      this.#ending.delete(session);
    }
  }
}
