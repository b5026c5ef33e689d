import { ed25519Scheme } from '@lic/core';
import { createMemoryLogStore } from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import { hosts, makeMembers, type TestMembers } from '../peers/peer-triad.test.fixture.ts';
import { decodeFolder } from './folder-record.ts';
import type { FormingServer } from './forming.test.fixture.ts';
import { Hall } from './hall.test.fixture.ts';

let members: TestMembers;
let alone: TestMembers;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
  alone = { identities: members.identities.slice(0, 1), endpoints: members.endpoints.slice(0, 1) };
});
const everyone = [0, 1, 2] as const;

/** The one formation that all have, each a member of it with its own folder. */
function expectOneTriad(hall: Hall): void {
  const first = hall.servers.get(0)?.joined?.formed;
  expect(first?.formation.members.map(({ id }) => id)).toEqual(members.endpoints.map(({ id }) => id));
  for (const at of everyone) {
    const joined = hall.servers.get(at)?.joined;
    expect(joined?.formed).toEqual(first);
    expect(joined?.incarnation).toBe(first?.formation.members[at]?.incarnation);
    expect(hall.record(at)).toEqual({ incarnation: joined?.incarnation, formed: first });
    expect(hall.servers.get(at)?.peers.instance).toBe(first?.formation.instance);
  }
}

describe('forming', () => {
  it('gives three empty servers one instance, durably', async () => {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at);
    await hall.until(() => hall.allJoined(), 500);
    expectOneTriad(hall);
    expect(hall.servers.get(0)?.joined?.formed).toMatchObject({ isNew: true, licenseHash: 'hash-1' });
  });

  it.each(everyone)('is new only where all were started so (not: %i)', async (old) => {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at, { isNew: at !== old });
    await hall.until(() => hall.allJoined());
    expect(hall.servers.get(0)?.joined?.formed.isNew).toBe(false);
  });

  it.each(everyone)('waits for the one that is missing, and says for whom (missing: %i)', async (missing) => {
    const hall = new Hall(members);
    const present = everyone.filter((at) => at !== missing);
    for (const at of present) await hall.start(at);
    await hall.world.run({ forMs: 60_000 });
    for (const at of present) {
      expect(hall.servers.get(at)?.joined).toBeUndefined();
      expect(hall.servers.get(at)?.reasons.at(-1)).toMatch(new RegExp(`^${hosts[missing]} .*can't be reached`));
      expect(hall.record(at)?.formed).toBeUndefined();
    }
    await hall.start(missing);
    await hall.until(() => hall.allJoined(), 1_000);
    expectOneTriad(hall);
  });

  it('waits while a license differs, naming the server and both', async () => {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at, { licenseHash: at === 2 ? 'hash-2' : 'hash-1' });
    await hall.world.run({ forMs: 10_000 });
    for (const at of everyone) {
      const reason = hall.servers.get(at)?.reasons.at(-1);
      expect(reason).toMatch(
        at === 2
          ? /^a has another license: hash-1 there, hash-2 here/
          : /^c has another license: hash-2 there, hash-1 here/,
      );
      expect(hall.record(at)).toEqual({ incarnation: expect.any(String) });
    }
    hall.crash(2);
    await hall.start(2);
    await hall.until(() => hall.allJoined());
    expectOneTriad(hall);
  });

  it('is not done with a folder that holds data', async () => {
    const hall = new Hall(members);
    const store = createMemoryLogStore(hall.disk(1));
    await store.open();
    await store.write({ vote: { term: 3, votedFor: null } });
    await store.close();
    for (const at of everyone) await hall.start(at);
    await hall.world.run({ forMs: 10_000 });
    for (const at of [0, 2]) {
      expect(hall.servers.get(at)?.reasons.at(-1)).toMatch(/^b holds data/);
      expect(hall.record(at)?.offer).toBeUndefined();
    }
    expect(hall.servers.get(1)?.reasons.at(-1)).toMatch(/^the data folder holds a log/);
    // Nothing was written there: somebody may still want what is in it.
    expect(hall.record(1)).toBeUndefined();
  });

  it('of a license with one server needs nobody', async () => {
    const hall = new Hall(members);
    const server = await hall.start(0, { members: alone, isNew: false });
    await hall.until(() => server.joined !== undefined, 100);
    expect(server.joined?.formed).toMatchObject({
      isNew: false,
      formation: { members: [{ id: alone.endpoints[0]?.id }] },
    });
    const before = hall.record(0);
    hall.crash(0);
    const again = await hall.start(0, { members: alone });
    await hall.until(() => again.joined !== undefined, 100);
    expect(hall.record(0)).toEqual(before);
  });

  it('is over for a server that has formed: it needs nobody any more', async () => {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at);
    await hall.until(() => hall.allJoined());
    const before = hall.servers.get(2)?.joined;
    for (const at of everyone) hall.crash(at);
    const again = await hall.start(2);
    await hall.until(() => again.joined !== undefined, 20);
    expect(again.joined).toEqual(before);
  });

  it('tells a server whose key the license does not name', async () => {
    const hall = new Hall(members);
    const stranger = await ed25519Scheme.generate(new Uint8Array(32).fill(50));
    const server = await hall.start(0, { members: { ...members, identities: [stranger] } });
    await hall.world.run({ forMs: 1_000 });
    expect(server.reasons.at(-1)).toContain(stranger.publicKey);
  });

  it('tells a server whose key the others do not know', async () => {
    const hall = new Hall(members);
    const stranger = await ed25519Scheme.generate(new Uint8Array(32).fill(50));
    const endpoints = members.endpoints.map((endpoint, at) =>
      at === 2 ? { ...endpoint, id: stranger.publicKey } : endpoint,
    );
    const identities = members.identities.map((identity, at) => (at === 2 ? stranger : identity));
    for (const at of everyone) await hall.start(at, at === 2 ? { members: { identities, endpoints } } : {});
    await hall.world.run({ forMs: 2_000 });
    expect(hall.servers.get(2)?.reasons.at(-1)).toMatch(
      /^a \(.*PEER_SAYS_UNKNOWN_KEY: .* and b \(.*PEER_SAYS_UNKNOWN_KEY/,
    );
  });

  it('ends when it is told to', async () => {
    const hall = new Hall(members);
    const server = await hall.start(0);
    await hall.world.run({ forMs: 1_000 });
    server.abort();
    await hall.world.settle();
    expect(server.failure).toMatchObject({ name: 'AbortError' });
  });

  it('waits while a disk is full', async () => {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at);
    await hall.until(() => everyone.every((at) => hall.record(at) !== undefined));
    hall.disk(1).isFull = true;
    await hall.world.run({ forMs: 5_000 });
    expect(hall.servers.get(0)?.reasons.at(-1)).toMatch(/^b has not agreed yet/);
    hall.disk(1).isFull = false;
    await hall.until(() => hall.allJoined());
    expectOneTriad(hall);
  });
});

describe('a folder that has lost something', () => {
  async function formed(): Promise<Hall> {
    const hall = new Hall(members);
    for (const at of everyone) await hall.start(at);
    await hall.until(() => hall.allJoined());
    return hall;
  }

  it.each(everyone)('joins as a learner when it was emptied (%i)', async (at) => {
    const hall = await formed();
    const before = hall.servers.get(at)?.joined;
    hall.crash(at);
    hall.disk(at).wipe();
    const server = await hall.start(at);
    await hall.until(() => server.joined !== undefined, 1_000);
    expect(server.joined?.formed).toEqual(before?.formed);
    expect(server.joined?.incarnation).not.toBe(before?.incarnation);
    expect(hall.record(at)?.incarnation).toBe(server.joined?.incarnation);
  });

  it('does not form anew while a formed peer may only be away', async () => {
    const hall = await formed();
    for (const at of everyone) hall.crash(at);
    for (const at of [0, 1]) {
      hall.disk(at).wipe();
      await hall.start(at);
    }
    await hall.world.run({ forMs: 60_000 });
    expect(hall.record(0)?.formed).toBeUndefined();
    await hall.start(2);
    await hall.until(() => hall.allJoined());
    const instances = everyone.map((at) => hall.record(at)?.formed?.formation.instance);
    expect(new Set(instances).size).toBe(1);
  });

  it('draws a new incarnation when it is found damaged', async () => {
    const hall = await formed();
    const before = hall.servers.get(1)?.joined;
    hall.crash(1);
    hall.disk(1).damage();
    const server = await hall.start(1);
    await hall.until(() => server.joined !== undefined, 100);
    expect(server.joined?.formed).toEqual(before?.formed);
    expect(server.joined?.incarnation).not.toBe(before?.incarnation);
    expect(hall.record(1)?.incarnation).toBe(server.joined?.incarnation);
  });

  it('is a learner when an older copy from before the offer was restored', async () => {
    const hall = new Hall(members);
    await hall.start(1);
    await hall.until(() => hall.record(1) !== undefined);
    const backup = hall.disk(1).clone();
    for (const at of [0, 2]) await hall.start(at);
    await hall.until(() => hall.allJoined());
    const before = hall.servers.get(1)?.joined;
    hall.crash(1);
    hall.disk(1).rollback(backup);
    const server = await hall.start(1);
    await hall.until(() => server.joined !== undefined);
    expect(server.joined?.formed).toEqual(before?.formed);
    expect(server.joined?.incarnation).not.toBe(before?.incarnation);
  });

  it('chooses none of two triads that claim it', async () => {
    const [one, other] = [await formed(), await formed2()];
    const hall = new Hall(members, 'mixed');
    hall.disks[0] = one.disk(0).clone();
    hall.disks[1] = other.disk(1).clone();
    hall.network.partition(['a', 'b'], ['c']);
    for (const at of everyone) await hall.start(at);
    await hall.world.run({ forMs: 1_000 });
    hall.network.heal();
    await hall.until(() => hall.servers.get(2)?.peers.isUp(members.endpoints[1]?.id ?? '') === true);
    await hall.world.run({ forMs: 2_000 });
    const { joined, reasons } = hall.servers.get(2) as FormingServer;
    // Whichever it met first it may have joined; having met both it joins neither.
    if (joined === undefined) expect(reasons.at(-1)).toMatch(/^a and b belong to two triads/);
    expect(hall.servers.get(0)?.peers.isUp(members.endpoints[1]?.id ?? '')).toBe(false);
  });

  async function formed2(): Promise<Hall> {
    const hall = new Hall(members, 2);
    for (const at of everyone) await hall.start(at);
    await hall.until(() => hall.allJoined());
    return hall;
  }
});

describe('crashes while forming', () => {
  /** Runs a forming that goes wrong somewhere; what must hold at every step is checked at every step. Ends with all joined. */
  async function form(seed: number | string, goWrong: (hall: Hall) => Promise<void>): Promise<Hall> {
    const hall = new Hall(members, seed);
    hall.world.onEvent(() => {
      const instances = new Set<string>();
      for (const at of everyone) {
        const formed = hall.record(at)?.formed;
        if (formed !== undefined) instances.add(formed.formation.instance);
        if (hall.servers.get(at)?.joined !== undefined && formed === undefined)
          throw new Error('joined, but not durably');
      }
      if (instances.size > 1) throw new Error('two instances');
    });
    for (const at of everyone) await hall.start(at);
    await goWrong(hall);
    for (const at of everyone) if (!hall.servers.has(at)) await hall.start(at);
    await hall.until(() => hall.allJoined());
    return hall;
  }

  /** Crashes, restarts and breaks connections. Answers which server lost its disk, if `losesDisk` let one. */
  async function crashAround(hall: Hall, losesDisk: boolean): Promise<number | undefined> {
    const random = hall.world.random.fork('crashes');
    let emptied: number | undefined;
    for (let round = random.between(1, 12); round > 0; round--) {
      await hall.world.run({ forMs: random.between(0, random.pick([3, 30, 300])) });
      const at = random.pick(everyone);
      if (!hall.servers.has(at)) await hall.start(at);
      else if (random.chance(0.2)) hall.network.resetAll(hosts[at], random.pick(hosts));
      else {
        hall.crash(at, random.pick(['all-unsynced', 'nothing'] as const));
        if (losesDisk && emptied === undefined && random.chance(0.5)) {
          emptied = at;
          hall.disk(at).wipe();
        }
      }
    }
    return emptied;
  }

  it.each(everyone)(
    'lead to one instance, wherever server %i crashes',
    async (at) => {
      const undisturbed = await form('steps', async () => {});
      const steps = undisturbed.world.events;
      expect(steps).toBeGreaterThan(50);
      for (const lose of ['all-unsynced', 'nothing'] as const) {
        for (let step = 0; step <= steps; step++) {
          const disturbed = await form('steps', async (hall) => {
            await hall.world.run({ until: () => hall.world.events >= step });
            hall.crash(at, lose);
            await hall.world.run({ forMs: step % 2 === 0 ? 0 : 300 });
          });
          expectOneTriad(disturbed);
        }
      }
    },
    240_000,
  );

  it('lead to one instance, whichever servers crash, again and again', async () => {
    for (let seed = 0; seed < 50; seed++) {
      expectOneTriad(await form(`crash ${seed}`, async (hall) => void (await crashAround(hall, false))));
    }
  }, 240_000);

  it('lead to one instance also where one disk is lost, whose server then is a learner or was there from the beginning', async () => {
    let learners = 0;
    for (let seed = 0; seed < 30; seed++) {
      let emptied: number | undefined;
      const hall = await form(`disk ${seed}`, async (begun) => {
        emptied = await crashAround(begun, true);
      });
      const formed = hall.servers.get(0)?.joined?.formed;
      for (const at of everyone) {
        const joined = hall.servers.get(at)?.joined;
        expect(joined?.formed).toEqual(formed);
        if (joined?.incarnation === formed?.formation.members[at]?.incarnation) continue;
        expect(at).toBe(emptied);
        learners++;
      }
    }
    expect(learners).toBeGreaterThan(0);
  }, 240_000);
});

describe('a folder record', () => {
  it.each([
    ['{"format":3,"incarnation":"x"}', 'FOLDER_FORMAT_UNKNOWN'],
    ['{"incarnation":"x"}', 'FOLDER_RECORD_INVALID'],
    ['{"format":1}', 'FOLDER_RECORD_INVALID'],
    ['{"format":1,"incarnation":"x","more":1}', 'FOLDER_RECORD_INVALID'],
    ['not JSON', 'FOLDER_RECORD_INVALID'],
    ['', 'FOLDER_RECORD_INVALID'],
  ])('is refused: %s', async (text, code) => {
    expect(() => decodeFolder(new TextEncoder().encode(text))).toThrow(expect.objectContaining({ code }));
    const hall = new Hall(members);
    const store = createMemoryLogStore(hall.disk(0));
    await store.open();
    await store.saveOwner(new TextEncoder().encode(text));
    await store.close();
    const server = await hall.start(0);
    await hall.world.run({ forMs: 10 });
    expect(server.failure).toMatchObject({ code });
  });
});
