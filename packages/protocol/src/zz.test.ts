import { test } from 'vitest';
import { ed25519Scheme } from '@lic/core';
import { welcomeText } from '@lic/protocol';
test('x', async () => {
  const ids = await Promise.all([1,2,3].map((n) => ed25519Scheme.generate(new Uint8Array(32).fill(n))));
  const names = ['primary','secondary','tertiary'];
  const servers = names.map((name, i) => ({ rank: i+1, name, key: ids[i]!.publicKey, addresses: [`tcp://lic${i+1}.example.com:7411`, `ws://lic${i+1}.example.com:7412`] }));
  const w: any = { t: 'welcome', protocol: 1, nonce: 'mS8yF0m3h5Zy2vQk1n7c4r9Xw6bTtJpLgEoUaIdHs0Y', server: { key: ids[1]!.publicKey, name: 'secondary', rank: 2 }, instance: 'Yx3qZ0m1TtW5k2nB8vR7cA', bootId: 'b0Jv5sX2l9Qf3wN6t8Ku1g', licenseHash: '5d41402abc4b2a76b9719d911017c592a1e3f9c04f6d2b7e8a90c1d2e3f40516', state: 'standby', term: 7, control: servers[0], servers, settings: { repeatAfterMs: 250, leaseMs: 60000 } };
  const sig = await ed25519Scheme.sign(ids[1]!.privateKeyPem, new TextEncoder().encode(welcomeText(w)));
  w.signature = Buffer.from(sig).toString('base64url');
  console.log(JSON.stringify(w));
});
