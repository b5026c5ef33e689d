import { ed25519Scheme } from '@lic/core';
import { type Connection, type Frame, silentLogger } from '@lic/interfaces';
import { createMemoryNetwork, createVirtualWorld } from '@lic/testkit';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodeControl,
  decodeHello,
  encodeBytes,
  encodeControl,
  encodeHello,
  frameType,
  type Hello,
  peerLimits,
  refuseSchema,
  transcript,
} from './peer-frames.ts';
import {
  makeMembers,
  startPeers,
  type TestIdentity,
  type TestMembers,
  type TestServer,
} from './peer-triad.test.fixture.ts';

let members: TestMembers;
let stranger: TestIdentity;
beforeAll(async () => {
  members = await makeMembers(ed25519Scheme);
  stranger = await ed25519Scheme.generate(new Uint8Array(32).fill(99));
});

const nonce = (fill: number) => Buffer.alloc(32, fill).toString('base64url');

/** Somebody at the door: sends raw frames and keeps what comes back. */
interface Caller {
  readonly frames: Uint8Array[];
  readonly ends: string[];
  send(frame: Frame): void;
  /** The code of the refusal that came, if one did. */
  refusal(): string | undefined;
}

class Scene {
  readonly world = createVirtualWorld({ seed: 1 });
  readonly network = createMemoryNetwork({ world: this.world, latency: { minMs: 0.1, maxMs: 0.5 } });

  start(at: number, options: Partial<Parameters<typeof startPeers>[0]> = {}): Promise<TestServer> {
    const host = members.endpoints[at]?.name ?? '';
    const runtime = this.world.runtime(host);
    return startPeers({
      scheme: ed25519Scheme,
      members,
      at,
      runtime,
      transport: this.network.transport(host),
      ...options,
    });
  }

  transport(host: string) {
    return this.network.transport(host)({ runtime: this.world.runtime(host), logger: silentLogger });
  }

  async run<Value>(promise: Promise<Value>, forMs = 50): Promise<Value> {
    await this.world.run({ forMs });
    return promise;
  }

  async call(address: string, host = 'x'): Promise<Caller> {
    const connection = await this.run(this.transport(host).dial(address), 5);
    const frames: Uint8Array[] = [];
    const ends: string[] = [];
    connection.onFrame((frame) => void frames.push(frame as Uint8Array));
    connection.onClose(({ kind }) => void ends.push(kind));
    const refusal = () => {
      const last = frames.at(-1);
      return last?.[0] === frameType.refuse ? decodeControl(refuseSchema, last).code : undefined;
    };
    return { frames, ends, refusal, send: (frame) => void connection.send(frame) };
  }

  /** Stands between whoever dials `mem://host:1` and `to`, and may change what goes through. */
  async intercept(
    host: string,
    to: string,
    change: (frame: Uint8Array, from: 'dialer' | 'server') => Uint8Array,
  ): Promise<Uint8Array[]> {
    const seen: Uint8Array[] = [];
    const transport = this.transport(host);
    const pump = (from: Connection, into: Connection, side: 'dialer' | 'server') => {
      from.onFrame((frame) => {
        if (side === 'dialer') seen.push(frame as Uint8Array);
        into.send(change(frame as Uint8Array, side));
      });
      from.onClose(() => into.close());
    };
    await transport.listen(`mem://${host}:1`, {
      onConnection: (connection) => {
        void transport.dial(to).then((other) => {
          pump(connection, other, 'dialer');
          pump(other, connection, 'server');
        });
      },
    });
    return seen;
  }
}

/** A server of the triad alone at its place, with a scene around it. */
async function alone(
  options: Parameters<Scene['start']>[1] = {},
): Promise<{ scene: Scene; a: TestServer; codes(): string[] }> {
  const scene = new Scene();
  const a = await scene.start(0, options);
  return { scene, a, codes: () => a.peers.refusals().map(({ code }) => code) };
}

function helloOf(from: string, change: Partial<Hello> = {}): Hello {
  return {
    from,
    to: members.identities[0]?.publicKey ?? '',
    nonce: nonce(7),
    bootId: 'boot',
    instance: null,
    ...change,
  };
}
const keyOf = (at: number) => (members.identities[at] as TestIdentity).publicKey;

describe('a peer handshake', () => {
  it('links whoever proves a member key', async () => {
    const { scene, a } = await alone();
    const caller = await scene.call('mem://a:1');
    const hello = encodeHello(helloOf(keyOf(1)));
    caller.send(hello);
    await scene.world.run({ forMs: 10 });
    const [theirHello, theirProof] = caller.frames as [Uint8Array, Uint8Array];
    expect(decodeHello(theirHello)).toMatchObject({ from: a.id, to: keyOf(1), instance: null });
    const signed = transcript('responder', hello, theirHello);
    expect(await ed25519Scheme.verify(a.id, signed, theirProof.subarray(1))).toBe(true);
    const own = members.identities[1] as TestIdentity;
    caller.send(
      encodeBytes(
        frameType.proof,
        await ed25519Scheme.sign(own.privateKeyPem, transcript('initiator', hello, theirHello)),
      ),
    );
    caller.send(encodeBytes(frameType.ready, new Uint8Array()));
    await scene.world.run({ forMs: 10 });
    expect(caller.frames.at(-1)?.[0]).toBe(frameType.up);
    expect(a.events).toEqual(['up b']);

    // From here on it is believed, but not everything is taken from it.
    caller.send(encodeBytes(frameType.data, Uint8Array.of(5, 1, 2, 3)));
    await scene.world.run({ forMs: 10 });
    expect(a.events.slice(1)).toEqual(['end b protocol']);
    expect(caller.ends).toEqual(['reset']);
  });

  it.each([
    ['no hello at all', () => Uint8Array.of(1, 2, 3), 'FRAME_GARBAGE'],
    ['an empty frame', () => new Uint8Array(), 'FRAME_GARBAGE'],
    ['a hello cut short', () => encodeHello(helloOf(keyOf(1))).subarray(0, 60), 'FRAME_GARBAGE'],
    ['a hello with one field more', () => encodeHello({ ...helloOf(keyOf(1)), admin: true } as Hello), 'FRAME_GARBAGE'],
    ['a hello with a short nonce', () => encodeHello(helloOf(keyOf(1), { nonce: 'AA' })), 'FRAME_GARBAGE'],
    ['a frame of more than 1 KiB', () => new Uint8Array(peerLimits.controlBytesMax + 1), 'FRAME_TOO_LARGE'],
    ['a proof before the hello', () => encodeBytes(frameType.proof, new Uint8Array(64)), 'FRAME_GARBAGE'],
    ['another version', () => withByte(encodeHello(helloOf(keyOf(1))), 5, 2), 'PROTOCOL_VERSION'],
    ['a key that is no member', () => encodeHello(helloOf(stranger.publicKey)), 'UNKNOWN_KEY'],
    ['the key of the server itself', () => encodeHello(helloOf(keyOf(0))), 'SELF_CONNECTION'],
    ['a hello to somebody else', () => encodeHello(helloOf(keyOf(1), { to: keyOf(2) })), 'WRONG_RECEIVER'],
    ['another triad instance', () => encodeHello(helloOf(keyOf(1), { instance: 'other' })), 'OTHER_INSTANCE'],
  ])('refuses %s', async (_what, frame, code) => {
    const { scene, a, codes } = await alone({ instance: 'mine' });
    const caller = await scene.call('mem://a:1');
    caller.send(frame());
    await scene.world.run({ forMs: 20 });
    expect(codes()).toEqual([code]);
    expect(caller.refusal()).toBe(code);
    // Nothing but the code: no hello, no signature.
    expect(caller.frames).toHaveLength(1);
    expect(caller.ends).toEqual(['orderly']);
    expect(a.events).toEqual([]);
    expect(a.logger.lines.some(({ level, fields }) => level === 'warn' && fields?.code === code)).toBe(true);
  });

  it('withstands any bytes', async () => {
    const { scene, a } = await alone();
    const random = scene.world.random.fork('garbage');
    for (let round = 0; round < 300; round++) {
      const caller = await scene.call('mem://a:1');
      const valid = encodeHello(helloOf(keyOf(1)));
      const frames = random.chance(0.5) ? [valid] : [];
      for (let at = random.between(1, 4); at > 0; at--) {
        const bytes = random.bytes(random.between(0, 200));
        if (bytes.length > 0 && random.chance(0.7)) bytes[0] = random.between(0, 17);
        if (random.chance(0.3))
          for (let byte = 0; byte < 3; byte++) valid[random.between(0, valid.length - 1)] = random.between(0, 255);
        frames.push(random.chance(0.3) ? valid : bytes);
      }
      for (const frame of frames) caller.send(frame);
      await scene.world.run({ forMs: 5 });
    }
    await scene.world.run({ forMs: 10_000 });
    expect(a.events).toEqual([]);
    expect(scene.network.connectionCount()).toBe(0);
    expect(a.peers.refusals().length).toBeLessThanOrEqual(32);
    // The log is not the stranger's to fill.
    expect(a.logger.lines.filter(({ level }) => level === 'warn').length).toBeLessThan(30);
  });

  it('closes the connection of one that is slow, whatever it sends', async () => {
    const { scene, a, codes } = await alone();
    const caller = await scene.call('mem://a:1');
    caller.send(encodeHello(helloOf(keyOf(1))));
    await scene.world.run({ forMs: peerLimits.handshakeMsMax - 100 });
    expect(caller.ends).toEqual([]);
    await scene.world.run({ forMs: 200 });
    expect(caller.ends).toEqual(['orderly']);
    expect(codes()).toEqual(['HANDSHAKE_TIMEOUT']);
    expect(a.events).toEqual([]);
  });

  it('refuses text, and more frames than a handshake has', async () => {
    const { scene, codes } = await alone();
    const texter = await scene.call('mem://a:1');
    texter.send(encodeHello(helloOf(keyOf(1))));
    texter.send('hello');
    const flooder = await scene.call('mem://a:1');
    flooder.send(encodeHello(helloOf(keyOf(2))));
    for (let at = 0; at < 100; at++) flooder.send(encodeBytes(frameType.ready, new Uint8Array()));
    await scene.world.run({ forMs: 50 });
    expect([...texter.ends, ...flooder.ends]).toEqual(['orderly', 'orderly']);
    expect(codes()).toContain('FRAME_GARBAGE');
  });

  it('refuses more frames than a handshake has also while the proof is checked: none may be missing later', async () => {
    const { scene, a, codes } = await alone();
    const caller = await scene.call('mem://a:1');
    const hello = encodeHello(helloOf(keyOf(1)));
    caller.send(hello);
    await scene.world.run({ forMs: 10 });
    const signed = transcript('initiator', hello, caller.frames[0] as Uint8Array);
    const { privateKeyPem } = members.identities[1] as TestIdentity;
    const proof = await ed25519Scheme.sign(privateKeyPem, signed);
    scene.network.block('x', 'a');
    caller.send(encodeBytes(frameType.proof, proof));
    for (let at = 0; at <= peerLimits.handshakeFramesMax; at++)
      caller.send(encodeBytes(frameType.ready, new Uint8Array()));
    scene.network.setLatency({ minMs: 1, maxMs: 1 });
    scene.network.heal();
    await scene.world.run({ forMs: 10 });
    expect(codes()).toEqual(['FRAME_GARBAGE']);
    expect(a.events).toEqual([]);
  });

  it('still links a peer while strangers hold as many handshakes as there may be', async () => {
    const { scene, a } = await alone();
    const strangers = [];
    for (let at = 0; at < peerLimits.handshakesMax + 5; at++) {
      const caller = await scene.call('mem://a:1');
      caller.send(encodeHello(helloOf(keyOf(1), { nonce: nonce(at) })));
      await scene.world.run({ forMs: 1 });
      strangers.push(caller);
    }
    await scene.world.run({ forMs: 5 });
    // The oldest had to go.
    expect(strangers.findIndex(({ ends }) => ends.length === 0)).toBe(5);
    const b = await scene.start(1, { members: withAddress(0, 'mem://nowhere:1') });
    expect(b.events).toEqual([]);
    const c = await scene.start(2);
    await scene.world.run({ forMs: 20 });
    expect(a.events).toContain('up c');
    expect(c.events).toContain('up a');
  });
});

describe('an attacker', () => {
  it('gets nothing for a handshake that was recorded', async () => {
    const scene = new Scene();
    // b reaches a through somebody who writes down everything.
    const recorded = await scene.intercept('m', 'mem://a:1', (frame) => frame);
    const a = await scene.start(0, { members: withAddress(1, 'mem://nowhere:1') });
    await scene.start(1, { members: withAddress(0, 'mem://m:1') });
    await scene.world.run({ forMs: 100 });
    expect(a.events).toEqual(['up b']);
    const linked = scene.network.connectionCount('a');

    const caller = await scene.call('mem://a:1');
    for (const frame of recorded) {
      caller.send(frame);
      await scene.world.run({ forMs: 5 });
    }
    expect(recorded.length).toBeGreaterThanOrEqual(3);
    expect(a.peers.refusals()).toMatchObject([{ peer: keyOf(1), code: 'PROOF_INVALID' }]);
    expect(caller.ends).toEqual(['orderly']);
    expect(a.events).toEqual(['up b']);
    expect(scene.network.connectionCount('a')).toBe(linked);
  });

  const fields: readonly (keyof Hello)[] = ['nonce', 'bootId', 'instance'];
  it.each(fields.flatMap((field) => (['dialer', 'server'] as const).map((side) => [field, side] as const)))(
    'in the middle can not change the %s of the %s',
    async (field, side) => {
      const scene = new Scene();
      await scene.intercept('m', 'mem://a:1', (frame, from) => {
        if (from !== side || frame[0] !== frameType.hello) return frame;
        const forged: Hello = { ...decodeHello(frame), [field]: field === 'nonce' ? nonce(1) : 'forged' };
        return encodeHello(forged);
      });
      const a = await scene.start(0, { members: withAddress(1, 'mem://nowhere:1') });
      const b = await scene.start(1, { members: withAddress(0, 'mem://m:1') });
      await scene.world.run({ forMs: 2_000 });
      expect([...a.events, ...b.events]).toEqual([]);
      const codes = [...a.peers.refusals(), ...b.peers.refusals()].map(({ code }) => code);
      expect(codes).toContain('PROOF_INVALID');
    },
  );

  it('can not stand in for a member with a key of its own', async () => {
    const { scene, a, codes } = await alone();
    const caller = await scene.call('mem://a:1');
    const hello = encodeHello(helloOf(keyOf(1)));
    caller.send(hello);
    await scene.world.run({ forMs: 10 });
    const signed = transcript('initiator', hello, caller.frames[0] as Uint8Array);
    caller.send(encodeBytes(frameType.proof, await ed25519Scheme.sign(stranger.privateKeyPem, signed)));
    await scene.world.run({ forMs: 10 });
    expect(codes()).toEqual(['PROOF_INVALID']);
    expect(a.events).toEqual([]);
  });

  it("can not give a server's own proof back to it", async () => {
    const { scene, a, codes } = await alone();
    const caller = await scene.call('mem://a:1');
    caller.send(encodeHello(helloOf(keyOf(1))));
    await scene.world.run({ forMs: 10 });
    caller.send(caller.frames[1] as Uint8Array);
    await scene.world.run({ forMs: 10 });
    expect(codes()).toEqual(['PROOF_INVALID']);
    expect(a.events).toEqual([]);
  });

  it('can not use a proof that was made for another server', async () => {
    const scene = new Scene();
    // b believes that it dials c; its frames go to a, with the receiver changed or not.
    for (const to of [keyOf(2), keyOf(0)]) {
      const host = `m${to.at(-1)}`;
      await scene.intercept(host, 'mem://a:1', (frame, from) => {
        if (frame[0] !== frameType.hello) return frame;
        const hello = decodeHello(frame);
        return encodeHello(from === 'dialer' ? { ...hello, to } : { ...hello, from: keyOf(2) });
      });
      const a = await scene.start(0, { members: withAddress(1, 'mem://nowhere:1') });
      const b = await scene.start(1, { members: withAddress(2, `mem://${host}:1`, withAddress(0, 'mem://nowhere:1')) });
      await scene.world.run({ forMs: 500 });
      expect([...a.events, ...b.events]).toEqual([]);
      const codes = a.peers.refusals().map(({ code }) => code);
      // Unchanged it is not for a; changed, b finds that not what it said was signed, and does not sign anything.
      expect(codes).toEqual([to === keyOf(0) ? 'PEER_SAYS_PROOF_INVALID' : 'WRONG_RECEIVER']);
      scene.network.killHost('a');
      scene.network.killHost('b');
      await Promise.all([a.peers.stop(), b.peers.stop(), scene.world.run({ forMs: 2_000 })]);
    }
  });

  it('can not silence a server by telling it that its identity is in use', async () => {
    const { scene, a } = await alone();
    await scene.transport('b').listen('mem://b:1', {
      onConnection: (connection) => {
        connection.onFrame(() => {
          connection.send(encodeControl(frameType.notice, { kind: 'identity-in-use' }));
          connection.send(encodeControl(frameType.refuse, { code: 'IDENTITY_IN_USE' }));
        });
      },
    });
    await scene.transport('c').listen('mem://c:1', {
      onConnection: (connection) => {
        connection.onFrame(() => connection.send(encodeControl(frameType.refuse, { code: 'IDENTITY_IN_USE' })));
      },
    });
    await scene.world.run({ forMs: 2_000 });
    expect(a.peers.identityInUse).toBe(false);
    const codes = a.peers.refusals().map(({ code }) => code);
    expect(codes.sort()).toEqual(['FRAME_GARBAGE', 'PEER_SAYS_IDENTITY_IN_USE']);
  });

  it('who answers at the address of a member with another key gets no proof', async () => {
    const scene = new Scene();
    // The address of c leads to b.
    const a = await scene.start(0, { members: withAddress(2, 'mem://b:1') });
    await scene.start(1);
    await scene.world.run({ forMs: 500 });
    expect(a.events).toEqual(['up b']);
    expect(a.peers.refusals().map(({ code }) => code)).toEqual(['PEER_SAYS_WRONG_RECEIVER']);
  });

  it('who floods a link with an oversize control frame loses it', async () => {
    const { scene, a } = await alone();
    const caller = await linkAs(scene, 1);
    caller.send(encodeBytes(frameType.ping, new Uint8Array(peerLimits.controlBytesMax + 1)));
    await scene.world.run({ forMs: 10 });
    expect(a.events).toEqual(['up b', 'end b protocol']);
  });

  it('who says "replaced" and brings no other link is lost after a while', async () => {
    const { scene, a } = await alone();
    const caller = await linkAs(scene, 1);
    caller.send(encodeControl(frameType.notice, { kind: 'replaced' }));
    await scene.world.run({ forMs: 10 });
    scene.network.resetAll('x');
    await scene.world.run({ forMs: 500 });
    expect(a.events).toEqual(['up b']);
    await scene.world.run({ forMs: 600 });
    expect(a.events).toEqual(['up b', 'end b reset', 'lost b']);
  });
});

/** Links to server a as the member `at`, by hand. */
async function linkAs(scene: Scene, at: number): Promise<Caller> {
  const caller = await scene.call('mem://a:1');
  const hello = encodeHello(helloOf(keyOf(at)));
  caller.send(hello);
  await scene.world.run({ forMs: 10 });
  const signed = transcript('initiator', hello, caller.frames[0] as Uint8Array);
  const { privateKeyPem } = members.identities[at] as TestIdentity;
  caller.send(encodeBytes(frameType.proof, await ed25519Scheme.sign(privateKeyPem, signed)));
  caller.send(encodeBytes(frameType.ready, new Uint8Array()));
  await scene.world.run({ forMs: 10 });
  return caller;
}

function withAddress(at: number, address: string, base: TestMembers = members): TestMembers {
  const endpoints = base.endpoints.map((endpoint, index) =>
    index === at ? { ...endpoint, addresses: [address] } : endpoint,
  );
  return { ...base, endpoints };
}

function withByte(frame: Uint8Array, at: number, value: number): Uint8Array {
  frame[at] = value;
  return frame;
}
