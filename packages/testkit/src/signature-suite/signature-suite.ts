import { isLicError, type SignatureScheme } from '@lic/interfaces';
import type { SuiteRunner } from '../suite-runner.ts';

/** What is being tested, and a second opinion about it. */
export interface SignatureSuiteOptions {
  /** Shown in the tests' names. */
  readonly name: string;
  readonly scheme: SignatureScheme;
  /** Another implementation of the same algorithm: each must accept what the other signs. */
  readonly reference?: SignatureScheme;
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const message = bytes('{"licensee":"Exämple","count":25}');

/** Text forms that no implementation may take for a key. */
const malformedKeys = (publicKey: string): Record<string, string> => {
  const [kind = '', encoded = ''] = publicKey.split(':');
  return {
    'an empty text': '',
    'no kind': encoded,
    'an unknown kind': `dsa:${encoded}`,
    'another case': `${kind.toUpperCase()}:${encoded}`,
    'nothing behind the kind': `${kind}:`,
    'one character less': publicKey.slice(0, -1),
    'one character more': `${publicKey}A`,
    padding: `${publicKey}=`,
    'white space': ` ${publicKey}`,
    'a character outside of the alphabet': `${publicKey.slice(0, -2)}+${publicKey.at(-1)}`,
  };
};

/**
 * What every `SignatureScheme` promises, as tests.
 *
 * @param runner `describe`, `it` and `expect` of the test runner.
 */
export const signatureSchemeSuite = (
  { describe, it, expect }: SuiteRunner,
  { name, scheme, reference }: SignatureSuiteOptions,
): void => {
  const isEd25519 = scheme.alg === 'Ed25519';
  const makeKeyPairs = () => Promise.all([scheme.generate(), scheme.generate()]);
  // Made once: an RSA key takes its time.
  let made: ReturnType<typeof makeKeyPairs> | undefined;
  const keyPairs = () => {
    made ??= makeKeyPairs();
    return made;
  };

  const expectKeyInvalid = async (attempt: Promise<unknown>): Promise<void> => {
    const outcome = await attempt.then(
      () => 'no error',
      (error: unknown) => (isLicError(error, 'KEY_INVALID') ? 'KEY_INVALID' : String(error)),
    );
    expect(outcome).toBe('KEY_INVALID');
  };

  describe(`${name}: keys`, () => {
    it('makes keys in the promised form, no two alike', async () => {
      const [one, other] = await keyPairs();
      const form = isEd25519 ? /^ed25519:[A-Za-z0-9_-]{43}$/ : /^rsa:[A-Za-z0-9_-]{300,2048}$/;
      expect(form.test(one.publicKey)).toBe(true);
      expect(one.privateKeyPem.startsWith('-----BEGIN PRIVATE KEY-----\n')).toBe(true);
      expect(one.publicKey === other.publicKey).toBe(false);
    });

    it('tells the public key of a private one', async () => {
      for (const pair of await keyPairs()) expect(await scheme.publicKeyOf(pair.privateKeyPem)).toBe(pair.publicKey);
    });

    it('reads a private key whatever line ends it has', async () => {
      const [pair] = await keyPairs();
      const pem = pair.privateKeyPem.replaceAll('\n', '\r\n');
      expect(await scheme.publicKeyOf(pem)).toBe(pair.publicKey);
    });

    it('refuses what is not a private key of its own, with KEY_INVALID', async () => {
      const [pair] = await keyPairs();
      const der = pair.privateKeyPem.split('\n').slice(1, -2);
      const block = (lines: readonly string[], label = 'PRIVATE KEY'): string =>
        [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n');
      const wrong = [
        '',
        pair.publicKey,
        der.join('\n'),
        block([]),
        block(['AAAA']),
        block(['!', ...der]),
        block(der.map((line, i) => (i === 0 ? line.slice(4) : line))),
        block(der, 'RSA PRIVATE KEY'),
        block(der, 'ENCRYPTED PRIVATE KEY'),
        pair.privateKeyPem.replace('-----END', '-----'),
        pair.privateKeyPem + pair.privateKeyPem,
      ];
      for (const pem of wrong) {
        await expectKeyInvalid(scheme.sign(pem, message));
        await expectKeyInvalid(scheme.publicKeyOf(pem));
      }
    });

    if (isEd25519) {
      it('makes the same key from the same seed of 32 bytes, and refuses other lengths', async () => {
        // RFC 8032, section 7.1, test 1.
        const seed = hex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
        const pair = await scheme.generate(seed);
        expect(pair.publicKey).toBe('ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo');
        expect(await scheme.generate(seed)).toEqual(pair);
        for (const length of [0, 31, 33, 64]) await expectKeyInvalid(scheme.generate(new Uint8Array(length)));
      });
    } else {
      it('takes no seed', async () => {
        await expectKeyInvalid(scheme.generate(new Uint8Array(32)));
      });
    }
  });

  describe(`${name}: signatures`, () => {
    it('verifies what it signed, and nothing else', async () => {
      const [one, other] = await keyPairs();
      for (const signed of [message, new Uint8Array(0), new Uint8Array(100_000).fill(7)]) {
        const signature = await scheme.sign(one.privateKeyPem, signed);
        expect(await scheme.verify(one.publicKey, signed, signature)).toBe(true);
        expect(await scheme.verify(other.publicKey, signed, signature)).toBe(false);
        expect(await scheme.verify(one.publicKey, Uint8Array.of(...signed.subarray(0, 64), 1), signature)).toBe(false);
      }
    });

    it('reads a view at its offset, and leaves what it is given as it was', async () => {
      const [pair] = await keyPairs();
      const signature = await scheme.sign(pair.privateKeyPem, message);
      const within = (data: Uint8Array): Uint8Array => {
        const larger = new Uint8Array(data.length + 9).fill(0xaa);
        larger.set(data, 4);
        return larger.subarray(4, 4 + data.length);
      };
      const views = [within(message), within(signature)] as const;
      expect(await scheme.verify(pair.publicKey, ...views)).toBe(true);
      expect(views).toEqual([message, signature]);
    });

    it('refuses a signature in which any byte is another', async () => {
      const [pair] = await keyPairs();
      const signature = await scheme.sign(pair.privateKeyPem, message);
      for (let i = 0; i < signature.length; i += 1) {
        const tampered = Uint8Array.from(signature);
        tampered[i] = (tampered[i] ?? 0) ^ (1 << (i % 8));
        expect(await scheme.verify(pair.publicKey, message, tampered)).toBe(false);
      }
    });

    it('answers false, never a throw, to signatures of another length and to values that are none', async () => {
      const [pair] = await keyPairs();
      const signature = await scheme.sign(pair.privateKeyPem, message);
      const wrong: unknown[] = [
        new Uint8Array(0),
        signature.subarray(1),
        signature.subarray(0, -1),
        Uint8Array.of(...signature, 0),
        Uint8Array.of(0, ...signature),
        new Uint8Array(signature.length),
        new Uint8Array(signature.length).fill(0xff),
        'text',
        null,
        undefined,
      ];
      for (const value of wrong) expect(await scheme.verify(pair.publicKey, message, value as Uint8Array)).toBe(false);
    });

    it('answers false, never a throw, to malformed keys', async () => {
      const [pair] = await keyPairs();
      const signature = await scheme.sign(pair.privateKeyPem, message);
      const accepted: string[] = [];
      for (const [what, key] of Object.entries(malformedKeys(pair.publicKey))) {
        if (await scheme.verify(key, message, signature)) accepted.push(what);
      }
      expect(accepted).toEqual([]);
      expect(await scheme.verify(undefined as unknown as string, message, signature)).toBe(false);
    });

    if (isEd25519) {
      it('gives the signature of RFC 8032, section 7.1, test 3', async () => {
        const { privateKeyPem } = await scheme.generate(
          hex('c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7'),
        );
        const expected = hex(
          '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
        );
        expect(await scheme.sign(privateKeyPem, hex('af82'))).toEqual(expected);
      });

      it('refuses the second spelling of a signature: S beyond the order of the group', async () => {
        const [pair] = await keyPairs();
        const signature = await scheme.sign(pair.privateKeyPem, message);
        const order = hex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010');
        const malleated = Uint8Array.from(signature);
        let carry = 0;
        for (let i = 0; i < 32; i += 1) {
          carry += (signature[32 + i] ?? 0) + (order[i] ?? 0);
          malleated[32 + i] = carry & 0xff;
          carry >>= 8;
        }
        expect(await scheme.verify(pair.publicKey, message, malleated)).toBe(false);
      });

      it('refuses keys of small order, under which a signature needs no private key', async () => {
        // The neutral element as R, and S = 0: R + k·A = S·B holds for the neutral element as A, whatever the message.
        const neutral = Uint8Array.of(1, ...new Uint8Array(31));
        const forged = Uint8Array.of(...neutral, ...new Uint8Array(32));
        expect(await scheme.verify(`ed25519:AQ${'A'.repeat(41)}`, message, forged)).toBe(false);
      });
    } else {
      it('signs with fresh salt: no two signatures are alike', async () => {
        const [pair] = await keyPairs();
        const signatures = await Promise.all([1, 2].map(() => scheme.sign(pair.privateKeyPem, message)));
        expect(signatures[0]?.join() === signatures[1]?.join()).toBe(false);
      });
    }
  });

  if (reference) {
    describe(`${name}: beside another implementation`, () => {
      it('accepts what the other signs, and the other accepts its own', async () => {
        const pairs = [...(await keyPairs()), isEd25519 ? await reference.generate() : undefined];
        for (const pair of pairs) {
          if (!pair) continue;
          const own = await scheme.sign(pair.privateKeyPem, message);
          const others = await reference.sign(pair.privateKeyPem, message);
          expect(await reference.verify(pair.publicKey, message, own)).toBe(true);
          expect(await scheme.verify(pair.publicKey, message, others)).toBe(true);
          expect(await reference.publicKeyOf(pair.privateKeyPem)).toBe(pair.publicKey);
          if (isEd25519) expect(own).toEqual(others);
        }
      });
    });
  }
};

const hex = (text: string): Uint8Array =>
  Uint8Array.from(text.match(/../g) ?? [], (digits) => Number.parseInt(digits, 16));
