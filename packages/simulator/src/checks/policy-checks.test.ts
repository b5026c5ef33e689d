import {
  createLedger,
  decodeCommand,
  encodeCommand,
  type LedgerCommand,
  ledgerVersions,
  type PolicyRule,
} from '@lic/core';
import { describe, expect, it } from 'vitest';
import { nameServers, signFor } from '../cluster/cluster-license.ts';
import { PolicyChecks } from './policy-checks.ts';

const atMs = Date.UTC(2026, 5, 1);
const settings = { leaseMs: 60_000, drift: 0.01, marginMs: 1_000, allowShortLeases: true };
const license = await signFor(await nameServers(3), {
  features: [{ name: 'compare', version: '1.0', count: 2, overdraft: 1 }],
});

/** What is unbelievable here is a policy that the checks know of and the ledger does not, or another way around. */
class Rig {
  readonly ledger = createLedger({ verifyLicense: () => undefined });
  readonly found: string[] = [];
  readonly #checks = new PolicyChecks({ fail: (_, message) => this.found.push(message), reached: () => {} });
  #index = 0;

  constructor() {
    const version = { ledgerVersion: ledgerVersions.current, isNew: true };
    this.run({ kind: 'open', at: atMs, license, licenseHash: '0'.repeat(64), settings, ...version });
  }

  /** `seen`: the command as the checks are told of it. */
  run(command: LedgerCommand, seen = command): this {
    const bytes = encodeCommand(command);
    const result = this.ledger.apply(++this.#index, bytes);
    const shown = seen === command ? decodeCommand(bytes) : seen;
    this.#checks.applied({ index: this.#index, command: shown, result, by: 'primary', ledger: this.ledger });
    return this;
  }

  policy(rules: readonly Omit<PolicyRule, 'line' | 'feature'>[], known: 'to both' | 'to the checks alone'): this {
    const document = {
      groups: { some: ['ann', 'bob'] },
      hostGroups: {},
      rules: rules.map((rule, at) => ({ line: at + 1, feature: 'compare', ...rule })),
    };
    const command = { kind: 'policy' as const, at: atMs, text: '', document };
    const empty = { ...command, document: { ...document, rules: [] } };
    return known === 'to both' ? this.run(command) : this.run(empty, command);
  }

  checkout(user: string, { seq = 1, waitMs = 0, address = '10.1.1.1' } = {}): this {
    return this.run({
      kind: 'checkout',
      at: atMs,
      session: user.padEnd(22, '_'),
      seq,
      awaited: seq,
      attempt: 1,
      epoch: seq === 1 ? 0 : 1,
      ...(seq === 1 ? { opening: { secretHash: '0'.repeat(64), user, host: 'client-1' } } : {}),
      feature: 'compare',
      count: 1,
      address,
      ...(waitMs > 0 ? { waitMs } : {}),
    });
  }
}

const rig = (): Rig => new Rig();

describe('the checks of the policy find', () => {
  it('nothing where the ledger does what it says', () => {
    const { found } = rig()
      .policy(
        [
          { kind: 'exclude', by: 'user', name: 'eve' },
          { kind: 'max', by: 'user', name: '*', count: 1 },
          { kind: 'reserve', by: 'user', name: 'bob', count: 1 },
          { kind: 'priority', by: 'group', name: 'some', count: 2 },
        ],
        'to both',
      )
      .checkout('eve')
      .checkout('ann')
      .checkout('ann', { seq: 2 })
      .checkout('cem')
      .checkout('dee')
      .checkout('dee', { seq: 2, waitMs: 1_000 })
      .checkout('bob', { waitMs: 1_000 });
    expect(found).toEqual([]);
  });

  it.each([
    ['that somebody excluded is granted', { kind: 'exclude', by: 'address', name: '10.1.0.0/16' }, /ann: EXCLUDED/],
    ['that somebody not included is granted', { kind: 'include', by: 'user', name: 'bob' }, /ann: NOT_INCLUDED/],
    ['more than a limit lets', { kind: 'max', by: 'group', name: 'some', count: 1 }, /2 seats .* under line 1/],
    ['a reserved seat given away', { kind: 'reserve', by: 'user', name: 'eve', count: 2 }, /2 are reserved for others/],
    ['too much overdrawn', { kind: 'overdraft', count: 0 }, /more than the policy lets/],
  ] as const)('%s', (_, rule, expected) => {
    const { found } = rig().policy([rule], 'to the checks alone').checkout('ann').checkout('bob');
    expect(found.join()).toMatch(expected);
  });

  it('a queue that does not stand by priority', () => {
    const full = rig().policy([{ kind: 'priority', by: 'user', name: 'bob', count: 2 }], 'to the checks alone');
    for (const seq of [1, 2, 3]) full.checkout('cem', { seq });
    expect(full.checkout('ann', { waitMs: 1_000 }).checkout('bob', { waitMs: 1_000 }).found.join()).toMatch(
      /the queue/,
    );
  });

  it("an address that is not the client's", () => {
    expect(rig().checkout('ann', { address: '10.1.1.9' }).found.join()).toMatch(
      /10\.1\.1\.1, and the log has 10\.1\.1\.9/,
    );
  });
});
