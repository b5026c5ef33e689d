import type { PeerId } from '@lic/interfaces';
import type { Refusal } from '../peers/refusals.ts';

/** What shows that a server has been taken out of its triad. */
export interface RemovalFacts {
  readonly self: PeerId;
  /** The servers of the newest license that is known here; null before there is one. */
  readonly servers: readonly PeerId[] | null;
  /** Members of the configuration in force here. */
  readonly members: readonly PeerId[];
  readonly peers: readonly { readonly id: PeerId; readonly isUp: boolean }[];
  /** Links that were refused lately, with the codes of `TriadPeers.refusals`. */
  readonly refusals: () => readonly Pick<Refusal, 'peer' | 'code'>[];
}

/** The other side knows no server with this server's key. */
const unknownThere = 'PEER_SAYS_UNKNOWN_KEY';

/**
 * Why this server belongs to its triad no more, or null while it does. While the license names it no more but the
 * configuration still has it, it goes on applying and voting: the others may need it. It is out once its own log says
 * so, or once the others take no link from its key any more: then they have it neither in the configuration nor in a license.
 */
export function removalOf({ self, servers, members, peers, refusals }: RemovalFacts): string | null {
  if (servers === null) return null;
  const isNamed = servers.includes(self);
  if (isNamed && members.includes(self) && peers.some(({ isUp }) => isUp)) return null;
  if (!isNamed && !members.includes(self)) return removed;
  const others = peers.filter(({ id }) => id !== self);
  if (others.length === 0 || others.some(({ isUp }) => isUp)) return null;
  const all = refusals();
  const refusing = others.filter(({ id }) => all.some(({ peer, code }) => peer === id && code === unknownThere));
  // A log that does not know of it yet is only overruled by all: one server alone may be of another triad.
  const isOut = isNamed ? refusing.length === others.length : refusing.length > 0;
  return isOut ? removed : null;
}

const removed =
  "The license of the triad names this server's key no more, and the other servers take no link from it: it has been replaced. Stop it.";
