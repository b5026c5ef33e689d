import { encodeCommand } from '../command-codec.ts';
import type {
  BorrowCommand,
  CheckoutCommand,
  LedgerCommand,
  LedgerSettings,
  OpenCommand,
  SessionOpening,
} from '../commands.ts';
import { createLedger } from '../create-ledger.ts';
import type { Ledger } from '../ledger-contract.ts';
import { ledgerVersions } from '../limits.ts';
import type { LedgerReply, LedgerResult } from '../results.ts';

/** Public keys of three servers of which nobody has the private ones. */
export const serverKeys = [
  'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ',
  'ed25519:zhP3ce4qcDpu4UR5tpDUvfd8IV_6bM54RUf4KlQLtSQ',
  'ed25519:qR_cmkSxXVNIifvarH3DEpbHiGCfyM6AGNc1-lhRYZk',
] as const;

/** A feature of a test license; name and count are what most tests care about. */
export interface TestFeature {
  readonly name: string;
  readonly count: number | 'uncounted';
  readonly version?: string;
  readonly startsAt?: string;
  readonly expiresAt?: string;
  readonly graceDays?: number;
  readonly supportedUntil?: string;
  readonly overdraft?: number;
  readonly sharedBy?: readonly ('user' | 'host' | 'display' | 'key')[];
  readonly sharersMax?: number;
  readonly lingerSeconds?: number;
  readonly vendorData?: string;
  readonly minimumSeconds?: number;
  readonly borrow?: { readonly longestSeconds: number; readonly countMax: number };
  readonly leaseSeconds?: number;
  readonly reclaim?: 'lease' | 'disconnect';
}

/** The text of a license that the ledger takes; its signature is of the right form only. */
export function licenseText(features: readonly TestFeature[], changes: Readonly<Record<string, unknown>> = {}): string {
  return JSON.stringify({
    lic: 1,
    id: 'license-1',
    vendor: 'acme',
    licensee: 'Test',
    issuedAt: '2026-01-01T00:00:00Z',
    servers: serverKeys.map((key, i) => ({ rank: i + 1, name: `s${i + 1}`, address: `tcp://s${i + 1}:7411`, key })),
    features: features.map((feature) => ({ version: '1.0', ...feature })),
    signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
    ...changes,
  });
}

/** A hash as the ledger wants it; which one does not matter where no `licenseHashOf` is given. */
export const anyHash = '0'.repeat(64);

/** License time at which rigs begin: 2026-06-01, UTC. */
export const startMs = Date.UTC(2026, 5, 1);

export const testSettings: LedgerSettings = { leaseMs: 60_000, drift: 0.01, marginMs: 1000, allowShortLeases: false };
/** `testSettings` make this of a lease of 60 s. */
export const defaultHoldMs = 61_600;

export function openCommand(features: readonly TestFeature[], changes: Partial<OpenCommand> = {}): OpenCommand {
  return {
    kind: 'open',
    at: startMs,
    license: licenseText(features),
    licenseHash: anyHash,
    settings: testSettings,
    isNew: true,
    ledgerVersion: ledgerVersions.current,
    ...changes,
  };
}

/** A session's id from a short name. */
export function sessionId(name: string): string {
  return name.padEnd(22, '_');
}

/** The hash of a secret that nobody looks behind. */
export function secretHash(name: string): string {
  return [...name.padEnd(32, ' ')].map((char) => char.charCodeAt(0).toString(16).padStart(2, '0')).join('');
}

/** A command without its stamp: the rig knows the time. */
export type Unstamped = LedgerCommand extends infer C ? (C extends LedgerCommand ? Omit<C, 'at'> : never) : never;

/** A ledger with a clock and an index, driven command by command through its bytes. */
export class LedgerRig {
  readonly ledger: Ledger = createLedger({ verifyLicense: () => undefined });
  atMs = startMs;
  index = 0;
  /** What was applied, to apply it elsewhere too. */
  readonly log: Uint8Array[] = [];

  constructor(features: readonly TestFeature[], open: Partial<OpenCommand> = {}) {
    this.run(openCommand(features, open));
  }

  /** Applies a command at the rig's time. */
  run(command: Unstamped): LedgerResult {
    const bytes = encodeCommand({ at: this.atMs, ...command });
    this.log.push(bytes);
    return this.ledger.apply(++this.index, bytes);
  }

  reply(command: Unstamped): LedgerReply {
    return this.run(command).reply;
  }

  /** A client that numbers its requests. */
  client(name: string, who: Partial<Who> = {}): TestClient {
    return new TestClient(this, name, who);
  }

  pool(feature: string) {
    return this.ledger.pools().find((pool) => pool.feature === feature);
  }
}

/** Who a test's client says that it is. */
export type Who = Omit<SessionOpening, 'secretHash'>;

/** What a test says of a checkout. */
export type Wish = Partial<
  Pick<
    CheckoutCommand,
    | 'version'
    | 'releasedAt'
    | 'display'
    | 'shareKey'
    | 'address'
    | 'count'
    | 'countMin'
    | 'more'
    | 'waitMs'
    | 'pastQueue'
    | 'isHalted'
    | 'awaited'
    | 'attempt'
  >
>;

/** What a test says of a borrow. */
export type BorrowWish = Partial<Omit<BorrowCommand, 'kind' | 'at' | 'session' | 'opening' | 'feature'>>;

/** One session as a client drives it; awaits all its answers unless it says otherwise. */
export class TestClient {
  readonly session: string;
  readonly secretHash: string;
  seq = 0;
  epoch = 0;
  awaited = 1;
  readonly #rig: LedgerRig;
  readonly #who: Who;

  constructor(rig: LedgerRig, name: string, who: Partial<Who> = {}) {
    this.#rig = rig;
    this.#who = { user: `user-${name}`, host: `host-${name}`, ...who };
    this.session = sessionId(name);
    this.secretHash = secretHash(name);
  }

  /** The envelope of the next request; `repeatOf`: of an earlier one. */
  envelope(repeatOf?: number) {
    const seq = repeatOf ?? ++this.seq;
    const awaited = Math.min(this.awaited, seq);
    return { session: this.session, seq, awaited, attempt: repeatOf === undefined ? 1 : 2, epoch: this.epoch };
  }

  checkoutCommand(feature: string, wish: Wish = {}, repeatOf?: number) {
    const envelope = this.envelope(repeatOf);
    if (repeatOf === undefined) this.seq += wish.more?.length ?? 0;
    const opening = { secretHash: this.secretHash, ...this.#who };
    return {
      kind: 'checkout' as const,
      ...envelope,
      ...(envelope.seq === 1 ? { opening } : {}),
      feature,
      count: 1,
      ...wish,
    };
  }

  checkout(feature: string, wish: Wish = {}, repeatOf?: number): LedgerReply {
    return this.#heard(this.#rig.reply(this.checkoutCommand(feature, wish, repeatOf)));
  }

  /** A checkout that must be granted; the grant's id. */
  take(feature: string, wish: Wish = {}): string {
    const reply = this.checkout(feature, wish);
    if (reply.kind !== 'granted') throw new Error(`expected granted, got ${JSON.stringify(reply)}`);
    return reply.grant.id;
  }

  /** For an hour, under an id of the session's and the request's own, unless `wish` says otherwise. */
  borrow(feature: string, wish: BorrowWish = {}, repeatOf?: number): LedgerReply {
    const envelope = this.envelope(repeatOf);
    const opening = { secretHash: this.secretHash, ...this.#who };
    return this.#heard(
      this.#rig.reply({
        kind: 'borrow',
        ...envelope,
        ...(envelope.seq === 1 ? { opening } : {}),
        borrow: sessionId(`${this.session.replaceAll('_', '')}-${envelope.seq}`),
        feature,
        count: 1,
        untilMs: this.#rig.atMs + 3_600_000,
        ...wish,
      }),
    );
  }

  checkin(grant: string, repeatOf?: number): LedgerReply {
    return this.#heard(this.#rig.reply({ kind: 'checkin', ...this.envelope(repeatOf), grant }));
  }

  cancel(checkoutSeq: number, repeatOf?: number): LedgerReply {
    return this.#heard(this.#rig.reply({ kind: 'cancel', ...this.envelope(repeatOf), checkoutSeq }));
  }

  acknowledge(...grants: readonly string[]): LedgerReply {
    return this.#heard(this.#rig.reply({ kind: 'acknowledge', ...this.envelope(), grants }));
  }

  goodbye(repeatOf?: number): LedgerReply {
    return this.#rig.reply({ kind: 'goodbye', ...this.envelope(repeatOf) });
  }

  resume(request: string, attempt = 1, epoch = this.epoch): LedgerReply {
    const { session } = this;
    const command = { session, secretHash: this.secretHash, epoch, request: sessionId(request), attempt };
    return this.#heard(this.#rig.reply({ kind: 'resume', ...command }));
  }

  #heard(reply: LedgerReply): LedgerReply {
    if ('epoch' in reply && reply.epoch !== undefined && reply.kind !== 'refused') this.epoch = reply.epoch;
    return reply;
  }
}
