import type { License } from '@lic/core';
import type { SeededRandom, VirtualWorld } from '@lic/testkit';
import { type KeyPair, keyPair } from '../cluster/cluster-license.ts';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { Atlas } from '../faults/atlas.ts';

/** What machines are exchanged with. */
export interface SuccessorsParts {
  readonly world: VirtualWorld;
  readonly random: SeededRandom;
  readonly servers: readonly ClusterServer[];
  readonly atlas: Atlas;
  readonly note: (who: string, what: string) => void;
  readonly boot: (server: ClusterServer) => void;
  /** The disk of a server is gone with its machine. */
  readonly loseDisk: (server: ClusterServer) => void;
}

/** The old machine runs on for so long at most once the license names the new one, ms. */
const togetherMsMax = 2_000;
/** Keys from this number on are those of successors. */
const firstKey = 40;

/**
 * Machines that take the place of servers, with identities of their own and empty disks, on the same addresses: whenever the license in
 * force names another key than a server has, the machine with that key comes and the old one goes.
 */
export class Successors {
  readonly #parts: SuccessorsParts;
  readonly #identities = new Map<string, KeyPair>();
  #made = 0;

  constructor(parts: SuccessorsParts) {
    this.#parts = parts;
  }

  /** The identity key of a machine for the place of this server; undefined: its disk may not be taken now. */
  async of(server: ClusterServer): Promise<string | undefined> {
    const { atlas } = this.#parts;
    if (!atlas.mayTakeMemory(server)) return undefined;
    atlas.isReserved = true;
    const identity = await keyPair(firstKey + this.#made++);
    this.#identities.set(identity.publicKey, identity);
    this.#identities.set(server.key, server.named.identity);
    return identity.publicKey;
  }

  /** This license is in force, for the first time. */
  follow(license: License, text: string): void {
    const { servers, world, random } = this.#parts;
    for (const server of servers) {
      const key = license.servers.find(({ rank }) => rank === server.rank)?.key ?? server.key;
      const identity = this.#identities.get(key);
      if (key === server.key || identity === undefined) continue;
      world.schedule(random.float() * togetherMsMax, () => this.#exchange(server, identity, text));
    }
  }

  #exchange(server: ClusterServer, identity: KeyPair, text: string): void {
    const { atlas, note, boot, loseDisk } = this.#parts;
    if (server.key === identity.publicKey) return;
    note(server.name, 'is exchanged for another machine');
    if (server.isUp) server.kill();
    loseDisk(server);
    server.exchange(identity);
    server.licenseFile = text;
    atlas.withoutMemory.set(server, 'exchanged');
    atlas.isReserved = false;
    boot(server);
  }
}
