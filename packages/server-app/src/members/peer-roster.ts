import type { ConsensusStatus, PeerId } from '@lic/interfaces';
import type { PeerEndpoint } from '../peers/peer-endpoint.ts';

/** What is told of a server that stands in no license that was ever seen here: it may link, but can't be dialled. */
const unknownRank = Number.MAX_SAFE_INTEGER;

/**
 * Which servers there are, and where. *Servers* are those of the license in force: they are listed, and ranked. *Links* are
 * taken from them and, until a change of members is done, from the members of the configuration in force and the servers of
 * the newest license in the log (triad.md, Members).
 */
export class PeerRoster {
  readonly #onLinks: (links: readonly PeerEndpoint[]) => void;
  /** By key, as the newest license that named them had them. */
  readonly #known = new Map<PeerId, PeerEndpoint>();
  #servers: readonly PeerEndpoint[] = [];
  /**
   * Of the newest license in the log, until the log is applied up to there. Of the file, where there was no log (`throughIndex` is Infinity
   * then), until a license in force names all of them: whoever fills the log may have come with a license that is still on its way.
   */
  #logged: { readonly ids: readonly PeerId[]; readonly throughIndex: number } | undefined;
  #members: readonly PeerId[] = [];
  #voters: readonly PeerId[] = [];
  /** Voters that answer under another incarnation than the configured one: they don't count. */
  #displaced: readonly PeerId[] = [];
  #told = '';

  /** `onLinks` is called with those that links are taken from, whenever they change in anything. */
  constructor(onLinks: (links: readonly PeerEndpoint[]) => void) {
    this.#onLinks = onLinks;
  }

  /** The servers of the license in force, by rank; before there is one, of the newest that is known. */
  get servers(): readonly PeerEndpoint[] {
    return this.#servers;
  }

  /** Those that links are taken from, this server among them where it is one. */
  get links(): readonly PeerEndpoint[] {
    const others = [...new Set([...this.#members, ...(this.#logged?.ids ?? [])])].filter((id) => !this.isServer(id));
    return [...this.#servers, ...others.map((id) => this.#linkTo(id))];
  }

  /** One that the license in force does not name. Where its successor has its address there is nobody to dial. */
  #linkTo(id: PeerId): PeerEndpoint {
    const known = this.#known.get(id) ?? { id, name: id, rank: unknownRank, addresses: [] };
    const taken = this.#servers.flatMap(({ addresses }) => addresses);
    return { ...known, addresses: known.addresses.filter((address) => !taken.includes(address)) };
  }

  /** Those whose word counts: the voters, and before there are any the license's servers. */
  get voters(): readonly PeerId[] {
    return this.#voters.length > 0 ? this.#voters : this.#servers.map(({ id }) => id);
  }

  /** Where a server is, also one that the license in force names no more. */
  find(id: PeerId): PeerEndpoint | undefined {
    return this.#known.get(id);
  }

  /** Its rank in the license in force; who is not named there comes last. */
  rankOf(id: PeerId): number {
    return this.#servers.find((server) => server.id === id)?.rank ?? unknownRank;
  }

  /** What a server is in the configuration in force; undefined before that is known. */
  memberOf(id: PeerId): 'voter' | 'learner' | 'none' | undefined {
    if (this.#voters.length === 0) return undefined;
    if (this.#voters.includes(id) && !this.#displaced.includes(id)) return 'voter';
    return this.#members.includes(id) ? 'learner' : 'none';
  }

  isServer(id: PeerId): boolean {
    return this.#servers.some((server) => server.id === id);
  }

  /** The license that this server starts with: the newest of its log, which ends at `throughIndex`; else the file's, and Infinity. */
  seeded(servers: readonly PeerEndpoint[], throughIndex: number): void {
    this.#logged = { ids: servers.map(({ id }) => id), throughIndex };
    this.#list(servers);
  }

  /** Another license is in force. */
  licensed(servers: readonly PeerEndpoint[]): void {
    const { ids = [], throughIndex = 0 } = this.#logged ?? {};
    const named = new Set(servers.map(({ id }) => id));
    if (throughIndex === Number.POSITIVE_INFINITY && ids.every((id) => named.has(id))) this.#logged = undefined;
    this.#list(servers);
  }

  #list(servers: readonly PeerEndpoint[]): void {
    for (const server of servers) this.#known.set(server.id, server);
    this.#servers = servers;
    this.#tell();
  }

  /** How consensus is configured now. While that may yet be taken back, links of before are kept. */
  configured({ members, isChangingMembers, appliedIndex, peers }: ConsensusStatus): void {
    if (this.#logged !== undefined && appliedIndex >= this.#logged.throughIndex) this.#logged = undefined;
    const ids = members.map(({ id }) => id);
    this.#members = isChangingMembers ? [...new Set([...this.#members, ...ids])] : ids;
    this.#voters = members.flatMap(({ id, voter }) => (voter ? [id] : []));
    this.#displaced = members.flatMap(({ id, incarnation }) =>
      peers.some((peer) => peer.id === id && peer.incarnation !== '' && peer.incarnation !== incarnation) ? [id] : [],
    );
    this.#tell();
  }

  #tell(): void {
    const { links } = this;
    const told = JSON.stringify(links);
    if (told === this.#told) return;
    this.#told = told;
    this.#onLinks(links);
  }
}
