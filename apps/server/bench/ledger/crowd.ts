import {
  createLedger,
  encodeCommand,
  type Ledger,
  type LedgerCommand,
  type LedgerResult,
  ledgerVersions,
  type PolicyDocument,
} from '@lic/core';
import { addressOf, featureNames, fullFeature, hostOf, sessionId, userOf } from './names.ts';

const at = Date.UTC(2026, 5, 1);
const anyHash = '0'.repeat(64);
const grantsPerSession = 5;
/** All taken at once. */
const seatsOfFull = 1_000_000;

const borrow = { longestSeconds: 30 * 86_400, countMax: 1_000 };
const features = [
  ...featureNames.map((name) => ({ name, version: '12.0', count: 1_000_000, borrow })),
  { name: fullFeature, version: '12.0', count: seatsOfFull, borrow },
];

const license = JSON.stringify({
  lic: 1,
  id: 'bench',
  vendor: 'acme',
  licensee: 'Bench',
  issuedAt: '2026-01-01T00:00:00Z',
  servers: [
    { rank: 1, name: 's1', address: 'tcp://s1:7411', key: 'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ' },
  ],
  features,
  signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
});

/** A ledger alone, without network and disk: every command is encoded and read as the log has it. */
export class Crowd {
  readonly ledger: Ledger = createLedger({ verifyLicense: () => undefined });
  readonly #sessions: number;
  readonly #seqs: Uint32Array;
  #index = 0;

  /** Sessions for so many grants; none of them holds one yet. */
  constructor(grants: number) {
    this.#sessions = Math.ceil(grants / grantsPerSession);
    this.#seqs = new Uint32Array(this.#sessions + 1);
    const settings = { leaseMs: 60_000, drift: 0.01, marginMs: 1_000, allowShortLeases: false };
    const { current: ledgerVersion } = ledgerVersions;
    this.apply({ kind: 'open', at, license, licenseHash: anyHash, settings, isNew: true, ledgerVersion });
    // By one whom no rule names.
    const envelope = this.#envelope(this.#sessions);
    const opening = { secretHash: anyHash, user: 'hoarder', host: 'elsewhere' };
    this.apply({ kind: 'checkout', at, ...envelope, opening, feature: fullFeature, count: seatsOfFull });
  }

  /** Throws where the command is refused. */
  apply(command: LedgerCommand): LedgerResult['reply'] {
    const { reply } = this.ledger.apply(++this.#index, encodeCommand(command));
    if (reply.kind === 'rejected' || reply.kind === 'refused') throw new Error(JSON.stringify(reply));
    return reply;
  }

  loadPolicy(text: string, document: PolicyDocument): void {
    this.apply({ kind: 'policy', at, text, document });
  }

  /** The `i`th of all grants: the sessions take them in turn. */
  take(i: number): void {
    this.#grant(i % this.#sessions, featureNames[(i + Math.floor(i / this.#sessions)) % featureNames.length]!);
  }

  /** A checkout and its checkin, by another session each time. */
  takeAndGiveBack(i: number): void {
    const session = this.#anySession(i);
    const grant = this.#grant(session, featureNames[i % featureNames.length]!);
    this.apply({ kind: 'checkin', at, ...this.#envelope(session), grant });
  }

  /** A checkout that is denied, with all that a denial says. */
  beDenied(i: number): void {
    const reply = this.#checkout(this.#anySession(i), fullFeature);
    if (reply.kind !== 'denied' || reply.denial.code !== 'NO_SEATS') throw new Error(JSON.stringify(reply));
  }

  #checkout(session: number, feature: string): LedgerResult['reply'] {
    const envelope = this.#envelope(session);
    const opening = { secretHash: anyHash, user: userOf(session), host: hostOf(session) };
    return this.apply({
      kind: 'checkout',
      at,
      ...envelope,
      ...(envelope.seq === 1 ? { opening } : {}),
      address: addressOf(session),
      feature,
      count: 1,
    });
  }

  #grant(session: number, feature: string): string {
    const reply = this.#checkout(session, feature);
    if (reply.kind !== 'granted') throw new Error(JSON.stringify(reply));
    return reply.grant.id;
  }

  /** All have their turn, in no order that memory likes. */
  #anySession(i: number): number {
    return (i * 7_919) % this.#sessions;
  }

  #envelope(session: number) {
    const seq = ++this.#seqs[session]!;
    return { session: sessionId(session), seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : 1 };
  }
}
