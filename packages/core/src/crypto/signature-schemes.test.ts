import { signatureSchemeSuite } from '@lic/testkit';
import { describe, expect, it, vi } from 'vitest';
import * as node from './node.ts';
import * as web from './web.ts';

// Making RSA keys is a matter of luck: on a machine with other work to do it can take seconds.
vi.setConfig({ testTimeout: 60_000 });

const runner = { describe, it, expect };

signatureSchemeSuite(runner, { name: 'Ed25519 on node:crypto', scheme: node.ed25519Scheme });
signatureSchemeSuite(runner, { name: 'RSA-PSS on node:crypto', scheme: node.rsaPssScheme });
signatureSchemeSuite(runner, {
  name: 'Ed25519 on Web Crypto',
  scheme: web.ed25519Scheme,
  reference: node.ed25519Scheme,
});
signatureSchemeSuite(runner, { name: 'RSA-PSS on Web Crypto', scheme: web.rsaPssScheme, reference: node.rsaPssScheme });

describe('Ed25519 on node:crypto', () => {
  it('settles without leaving the microtask queue, so that a run on virtual time is repeatable', async () => {
    const message = new Uint8Array(10);
    let done = false;
    const work = async () => {
      const pair = await node.ed25519Scheme.generate(new Uint8Array(32));
      const signature = await node.ed25519Scheme.sign(pair.privateKeyPem, message);
      await node.ed25519Scheme.verify(pair.publicKey, message, signature);
      done = true;
    };
    void work();
    for (let i = 0; i < 10; i += 1) await Promise.resolve();
    expect(done).toBe(true);
  });
});
