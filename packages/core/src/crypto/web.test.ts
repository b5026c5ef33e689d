import { afterEach, describe, expect, it, vi } from 'vitest';
import * as node from './node.ts';
import * as web from './web.ts';

const message = Uint8Array.of(1);
const { privateKeyPem, publicKey } = await node.ed25519Scheme.generate(new Uint8Array(32).fill(9));
const signature = await node.ed25519Scheme.sign(privateKeyPem, message);

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a browser that lacks what it takes', () => {
  it('says so, instead of calling a good signature bad', async () => {
    vi.stubGlobal('crypto', {
      subtle: { importKey: () => Promise.reject(new DOMException('no', 'NotSupportedError')) },
    });
    await expect(web.ed25519Scheme.verify(publicKey, message, signature)).rejects.toMatchObject({
      code: 'CRYPTO_UNSUPPORTED',
      message: expect.stringContaining('expected Web Crypto with Ed25519'),
    });
  });

  it('says so of a private key, too', async () => {
    const refuse = () => Promise.reject(new DOMException('no', 'NotSupportedError'));
    vi.stubGlobal('crypto', { subtle: { importKey: refuse, generateKey: refuse } });
    const attempts = [web.ed25519Scheme.sign(privateKeyPem, message), web.ed25519Scheme.generate()];
    for (const attempt of attempts) await expect(attempt).rejects.toMatchObject({ code: 'CRYPTO_UNSUPPORTED' });
  });

  it.each([
    ['no crypto at all', undefined],
    ['no secure context', {}],
  ])('says so: %s', async (_, crypto) => {
    vi.stubGlobal('crypto', crypto);
    await expect(web.rsaPssScheme.generate()).rejects.toMatchObject({ code: 'CRYPTO_UNSUPPORTED' });
    const other = (await node.ed25519Scheme.generate()).publicKey;
    await expect(web.ed25519Scheme.verify(other, message, signature)).rejects.toMatchObject({
      code: 'CRYPTO_UNSUPPORTED',
    });
  });
});
