import { isOneServerAtMost, type License, serverChanges } from '@lic/core';
import { type ConfiguredMember, LicError } from '@lic/interfaces';

/**
 * Refuses a reload that exchanges more than one server, or a second one while an exchange is under way (triad.md, Members). A
 * server that is named but not in yet may always give way to another: its machine may never come up.
 *
 * @throws `ONE_SERVER_AT_A_TIME`; `LICENSE_REFUSED` where it is the only server that would go: its successor forms alone, and could
 * not know of the seats that are taken here.
 */
export function checkServerExchange(current: License, next: License, members: readonly ConfiguredMember[]): void {
  const changes = serverChanges(current, next);
  if (!isOneServerAtMost(changes)) {
    throw refused(
      `The new license names ${changes.added.length} new server keys, and ${changes.removed.length} no more. ` +
        'Exchange one server after the other, each with a license of its own. Names, addresses and ranks may change freely.',
    );
  }
  if (next.servers.length === 1 && changes.added.length === 1) {
    throw new LicError(
      'LICENSE_REFUSED',
      'The new license names another server in the place of the only one. That is no reload: stop this server, then start the new one ' +
        'with that license. It forms anew, and grants after one longest hold.',
      { details: { reason: 'ONLY_SERVER' } },
    );
  }
  const voters = members.flatMap(({ id, voter }) => (voter ? [id] : []));
  const missing = current.servers.find(({ key }) => !voters.includes(key));
  const leaving = changes.removed.find((key) => voters.includes(key));
  if (missing === undefined || leaving === undefined) return;
  const nameOf = (key: string): string => current.servers.find((server) => server.key === key)?.name ?? key;
  throw refused(
    `${missing.name} (${missing.key}) is not in yet, so ${nameOf(leaving)} can't be exchanged now: start ${missing.name}, or load a ` +
      'license with another server in its place. `lic status` shows when it has a vote.',
  );
}

function refused(message: string): LicError {
  return new LicError('ONE_SERVER_AT_A_TIME', message);
}
