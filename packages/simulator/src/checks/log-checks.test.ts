import {
  encodeCommand,
  type GrantView,
  type Ledger,
  type LedgerCommand,
  type LedgerEvent,
  type LedgerReply,
  type LedgerResult,
} from '@lic/core';
import { describe, expect, it } from 'vitest';
import { type Control, LogChecks } from './log-checks.ts';
import type { BrokenPromise } from './violation.ts';

const session = (name: string): string => name.padEnd(22, '_');
const ok: LedgerReply = { kind: 'ok' };
const tick: LedgerCommand = { kind: 'tick', at: 0 };
const checkout: LedgerCommand = {
  kind: 'checkout',
  at: 0,
  session: session('a'),
  seq: 1,
  awaited: 1,
  attempt: 1,
  epoch: 0,
  feature: 'compare',
  count: 1,
};

const grant = (id: string, of = 'a', checkoutSeq = 1, count = 1): GrantView => ({
  id,
  session: session(of),
  checkoutSeq,
  feature: 'compare',
  version: '1.0',
  count,
  user: 'u',
  host: of,
  sinceMs: 0,
  state: 'active',
  leaseMs: 1_000,
  holdMs: 1_100,
  reclaim: 'lease',
});

/** A ledger that says what it is told to. */
class FakeLedger {
  licenseTimeMs = 0;
  stateHash = 'one';
  seats = 2;
  overdraft = 0;
  /** Seats that it says are taken, where it is wrong about them. */
  inUse: number | undefined;
  standing: GrantView[] = [];
  servers = ['a', 'b', 'c'];
  readonly epochs = new Map<string, number>();
  head: string | undefined;

  license = () => ({ servers: this.servers.map((key) => ({ key })) });
  summary = () => ({ licenseTimeMs: this.licenseTimeMs, grants: this.standing.length });
  hash = () => this.stateHash;
  pools = () => {
    const taken = this.standing.reduce((sum, { count }) => sum + count, 0);
    const overdraft = this.overdraft === 0 ? {} : { overdraft: this.overdraft };
    return [{ feature: 'compare', version: '1.0', count: this.seats, ...overdraft, inUse: this.inUse ?? taken }];
  };
  grants = () => this.standing.values();
  session = (id: string) => (this.epochs.has(id) ? { epoch: this.epochs.get(id) } : undefined);
  queueHeads = () => (this.head === undefined ? [] : [{ feature: 'compare', session: this.head }]);
}

/** Servers that apply a log. */
class Rig {
  readonly ledger = new FakeLedger();
  readonly broken: BrokenPromise[] = [];
  nowMs = 0;
  copies = 2;
  control: Control | undefined;
  readonly held = new Set<string>();
  readonly checks = new LogChecks({
    fail: (promise) => void this.broken.push(promise),
    quorum: 2,
    isHeld: (id) => this.held.has(id),
    released: (id) => this.held.delete(id),
    copiesOf: () => this.copies,
    onEntry: () => {},
    nowMs: () => this.nowMs,
    control: () => this.control,
  });
  #index = 0;

  /** The next entry, at one server. `change` is what it does to the ledger. */
  apply(
    command: LedgerCommand,
    { reply = ok, events = [], change = () => {} }: Partial<LedgerResult> & { readonly change?: () => void } = {},
  ): this {
    this.#index++;
    return this.again('a', command, { reply, events, change });
  }

  /** The newest entry, at another server. */
  again(
    server: string,
    command: LedgerCommand,
    { reply = ok, events = [], change = () => {} }: Partial<LedgerResult> & { readonly change?: () => void } = {},
  ): this {
    this.checks.apply(server, this.ledger as unknown as Ledger, this.#index, encodeCommand(command), () => {
      change();
      return { reply, events };
    });
    return this;
  }

  granted(of: GrantView, command: LedgerCommand = checkout, fromQueue = false): this {
    const events: LedgerEvent[] = [{ kind: 'granted', grant: of, fromQueue }];
    const reply: LedgerReply = { kind: 'granted', epoch: 1, grant: of };
    return this.apply(command, { reply, events, change: () => void this.ledger.standing.push(of) });
  }

  ended(id: string): this {
    const of = this.ledger.standing.find((each) => each.id === id) ?? grant(id);
    const change = (): void => {
      this.ledger.standing = this.ledger.standing.filter((each) => each !== of);
    };
    return this.apply(tick, { events: [{ kind: 'ended', grant: of, reason: 'reclaimed' }], change });
  }
}

const rig = (): Rig => new Rig();

it('says nothing where all is well', () => {
  const well = rig().granted(grant('g1')).granted(grant('g2', 'b')).ended('g1').apply(tick).again('b', tick);
  expect(well.broken).toEqual([]);
});

describe('it fires where', () => {
  it('a license exchanges two servers at once (I1)', () => {
    const install: LedgerCommand = { kind: 'install', at: 0, license: '', licenseHash: '0'.repeat(64) };
    const reload = (servers: string[]): readonly BrokenPromise[] => {
      const reloading = rig();
      const to = (names: string[]) => ({
        events: [{ kind: 'licenseInstalled', licenseHash: '' }] as const,
        change: () => {
          reloading.ledger.servers = names;
        },
      });
      return reloading.apply(install, to(['a', 'b', 'c'])).apply(install, to(servers)).broken;
    };
    expect(reload(['a', 'b', 'x'])).toEqual([]);
    expect(reload(['a', 'x', 'y'])).toEqual(['I1']);
  });

  it('more is taken than there is (I2), or the ledger has counted wrong', () => {
    expect(rig().granted(grant('g1', 'a', 1, 3)).broken).toEqual(['I2']);
    const wrong = rig();
    wrong.ledger.inUse = 1;
    expect(wrong.apply(tick).broken).toEqual(['I2']);
  });

  it('more is taken than there is with the overdraft, or shared seats are counted twice (I2)', () => {
    const overdrawn = rig();
    overdrawn.ledger.overdraft = 1;
    expect(overdrawn.granted(grant('g1', 'a', 1, 3)).broken).toEqual([]);
    expect(overdrawn.granted(grant('g2', 'b')).broken).toEqual(['I2']);
    const shared = rig();
    shared.granted({ ...grant('g1', 'a', 1, 2), share: 'g1' });
    shared.ledger.inUse = 2;
    expect(shared.granted({ ...grant('g2', 'b'), share: 'g1' }).broken).toEqual([]);
    shared.ledger.inUse = undefined;
    expect(shared.apply(tick).broken).toEqual(['I2', 'I2']);
  });

  it('seats that linger are forgotten, or were never taken (I2, I4)', () => {
    const lingering = (): Rig => {
      const well = rig().granted(grant('g1'));
      const left: GrantView = { ...grant('g1'), session: '', state: 'lingering', untilMs: 9 };
      const events: LedgerEvent[] = [
        { kind: 'ended', grant: grant('g1'), reason: 'checkedIn' },
        { kind: 'lingering', grant: left },
      ];
      const change = (): void => {
        well.ledger.standing = [left];
      };
      return well.apply(tick, { events, change });
    };
    const well = lingering();
    expect(well.checks.standing()).toEqual([]);
    expect(well.broken).toEqual([]);
    // Time that is up may free them with a resume, too.
    const who = { session: session('a'), secretHash: '0'.repeat(64), epoch: 1, request: 'r'.repeat(22), attempt: 1 };
    const events: LedgerEvent[] = [{ kind: 'lingered', grant: { ...grant('g1'), state: 'lingering' } }];
    const change = (): void => {
      well.ledger.standing = [];
    };
    expect(well.apply({ kind: 'resume', at: 0, ...who }, { events, change }).broken).toEqual([]);
    const forgotten = lingering();
    forgotten.ledger.inUse = 0;
    expect(forgotten.apply(tick).broken).toEqual(['I2']);
    expect(rig().apply(tick, { events: [{ kind: 'lingered', grant: grant('g9') }] }).broken).toEqual(['I4']);
  });

  it('a grant ends while its client holds it (I3)', () => {
    const held = rig().granted(grant('g1'));
    held.held.add('g1');
    expect(held.ended('g1').broken).toEqual(['I3']);
  });

  it('a grant is lost, was never given, or ends twice (I4)', () => {
    const lost = rig().granted(grant('g1'));
    lost.ledger.standing = [];
    expect(lost.apply(tick).broken).toEqual(['I4']);
    const unknown = rig();
    unknown.ledger.standing = [grant('g1')];
    expect(unknown.apply(tick).broken).toEqual(['I4', 'I4']);
    expect(rig().ended('g1').broken).toEqual(['I4']);
  });

  it('a client is told of what is not in the log (I4)', () => {
    const told = rig();
    told.checks.answered('g1', 'a');
    expect(told.broken).toEqual(['I4']);
  });

  it('an entry is applied from too few disks, or differs between servers (I4)', () => {
    const few = rig();
    few.copies = 1;
    expect(few.apply(tick).broken).toEqual(['I4']);
    expect(rig().apply(tick).again('b', { kind: 'opened', at: 0 }).broken).toEqual(['I4']);
  });

  it('one request is granted twice (I5)', () => {
    expect(rig().granted(grant('g1')).granted(grant('g2')).broken).toEqual(['I5']);
  });

  it('what was granted once is decided anew, although it has ended (I5)', () => {
    const denial = { code: 'NO_SEATS', feature: 'compare', message: '', requested: 1 } as const;
    const ended = rig().granted(grant('g1')).ended('g1');
    expect(ended.apply(checkout, { reply: { kind: 'denied', epoch: 1, denial } }).broken).toEqual(['I5']);
  });

  it('a resume takes seats or raises nothing (I6), or an older epoch is served', () => {
    const request = session('r');
    const secretHash = '0'.repeat(64);
    const resume = { kind: 'resume', at: 0, session: session('a'), secretHash, epoch: 1, request, attempt: 1 } as const;
    const reply: LedgerReply = { kind: 'resumed', epoch: 1, grants: [], queue: [], ended: [] };
    const kept = rig();
    kept.ledger.epochs.set(session('a'), 1);
    expect(kept.apply(resume, { reply }).broken).toEqual(['I6']);
    const greedy = rig().granted(grant('g1'));
    const change = (): void => {
      greedy.ledger.standing[0] = grant('g1', 'a', 1, 2);
      greedy.ledger.epochs.set(session('a'), 2);
    };
    expect(greedy.apply(resume, { reply: { ...reply, epoch: 2 }, change }).broken).toEqual(['I6']);
    const old = rig();
    old.ledger.epochs.set(session('a'), 3);
    const late: LedgerCommand = { ...checkout, seq: 2, epoch: 2 };
    expect(old.apply(late, { reply: { kind: 'refused', code: 'SUPERSEDED', message: '' } }).broken).toEqual([]);
    expect(old.apply(late).broken).toEqual(['I6']);
  });

  it('license time runs back at one server, across servers, or leaps (I7)', () => {
    const to = (at: Rig, ms: number) => ({
      change: () => {
        at.ledger.licenseTimeMs = ms;
      },
    });
    const back = rig();
    back.apply(tick, to(back, 5_000)).apply(tick, to(back, 4_000));
    expect(back.broken).toContain('I7');
    const elsewhere = rig();
    elsewhere.apply(tick, to(elsewhere, 5_000));
    elsewhere.ledger.licenseTimeMs = 0;
    elsewhere.again('b', tick, to(elsewhere, 4_000));
    expect(elsewhere.broken).toEqual(['I7']);
    const leaping = rig();
    expect(leaping.apply(tick, to(leaping, 1)).apply(tick, to(leaping, 7_200_000)).broken).toEqual(['I7']);
    const accepted = rig();
    accepted.apply(tick, to(accepted, 1)).apply({ kind: 'acceptTime', at: 0 }, to(accepted, 7_200_000));
    expect(accepted.broken).toEqual([]);
  });

  it('a server makes another state, or another answer, of the same entry (I9)', () => {
    const state = rig().apply(tick);
    state.ledger.stateHash = 'other';
    expect(state.again('b', tick).broken).toEqual(['I9']);
    const answer = rig().apply(tick);
    expect(answer.again('b', tick, { reply: { kind: 'rejected', code: 'X', message: '' } }).broken).toEqual(['I9']);
  });

  it('a queue serves who is not here, or passes a head that may come yet', () => {
    const assign: LedgerCommand = { kind: 'assign', at: 0, entry: 'q1', epoch: 1 };
    const gone = rig();
    gone.ledger.epochs.set(session('a'), 1);
    gone.control = { server: 'a', term: 2, atMs: 0, index: 0 };
    gone.nowMs = 5_000;
    expect(gone.granted(grant('g1'), assign, true).broken).toEqual(['queue']);
    const passed = rig();
    passed.control = { server: 'a', term: 2, atMs: 0, index: 0 };
    passed.ledger.head = session('h');
    passed.nowMs = 500;
    expect(passed.granted(grant('g1'), { ...checkout, pastQueue: true }).broken).toEqual(['queue']);
    const waited = rig();
    waited.control = passed.control;
    waited.ledger.head = session('h');
    waited.nowMs = 1_000;
    expect(waited.granted(grant('g1'), { ...checkout, pastQueue: true }).broken).toEqual([]);
  });
});
