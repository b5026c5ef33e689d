import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyCommand } from './apply.ts';
import { decodeCommand } from './command-codec.ts';
import { LedgerState } from './ledger-state.ts';
import { writeRecord } from './record-writer.ts';
import { kinds, type LedgerRecord } from './records.ts';
import { MultisetHash, RecordHash } from './state-hash.ts';
import { eventArbitrary, RandomLife } from './testing/random-life.ts';

function stateOf(log: readonly Uint8Array[]): LedgerState {
  const state = new LedgerState();
  for (const bytes of log) applyCommand(state, decodeCommand(bytes));
  return state;
}

function recordsOf(state: LedgerState): LedgerRecord[] {
  return Object.values(kinds).flatMap((kind) => [...state.table(kind).walk()]);
}

const emptyPolicy = JSON.stringify({ groups: {}, hostGroups: {}, rules: [] });

/** The hash of records alone, by adding all of them up; what is not in a record is left out. */
function sumOf(records: readonly LedgerRecord[]): string {
  const sum = new MultisetHash();
  const hash = new RecordHash();
  for (const record of records) {
    hash.begin();
    hash.uint(record.kind);
    writeRecord(hash, record);
    hash.end();
    sum.add(hash);
  }
  hash.begin();
  return sum.hexWith(hash);
}

describe('the state hash (I9)', () => {
  it('kept up command by command is that of the records as they are', () => {
    fc.assert(
      fc.property(fc.array(eventArbitrary, { maxLength: 120, size: 'max' }), (events) => {
        const life = new RandomLife();
        for (const event of events) life.live(event);
        const state = stateOf(life.rig.log);
        expect(state.hash()).toBe(life.rig.ledger.hash());
        // The same state without its history: another ledger whose sum begins with these records.
        const bare = new LedgerState();
        for (const record of recordsOf(state).reverse()) bare.add(record);
        bare.settle();
        Object.assign(bare, globalsOf(state));
        if (state.license !== null)
          bare.setLicense(state.license, { license: state.licenseText, licenseHash: state.licenseHash });
        if (state.policyJson !== '') bare.setPolicy(state.policyText, state.policyJson);
        for (const server of state.drained) bare.drained.add(server);
        expect(bare.hash()).toBe(state.hash());
      }),
      { numRuns: 60 },
    );
  });

  it('differs where any field of any record does', () => {
    const records = recordsOfAllKinds();
    const sums = new Set([sumOf(records)]);
    let variants = 1;
    records.forEach((record, at) => {
      for (const changed of variantsOf(record)) {
        sums.add(sumOf(records.with(at, changed)));
        variants++;
      }
      sums.add(sumOf(records.toSpliced(at, 1)));
      variants++;
    });
    expect(variants).toBeGreaterThan(200);
    expect(sums.size).toBe(variants);
  });

  it('differs where time, license, settings, openness, serial, version or drains do', () => {
    const base = stateOf(new RandomLife().rig.log);
    const hashes = new Set([base.hash()]);
    const changes: readonly ((state: LedgerState) => void)[] = [
      (state) => state.timeMs++,
      (state) => state.serial++,
      (state) => state.version++,
      (state) => state.formedAtMs++,
      (state) => state.recoveredAtMs++,
      (state) => void Object.assign(state, { isOpen: false }),
      (state) => void Object.assign(state, { settings: { ...state.settings!, drift: 0.02 } }),
      (state) => void state.drained.add('ed25519:x'),
      (state) => state.setPolicy('policy: 1', emptyPolicy),
      (state) => state.setPolicy('policy: 1 ', emptyPolicy),
      (state) => state.setLicense(state.license!, { license: `${state.licenseText} `, licenseHash: state.licenseHash }),
      (state) => state.setLicense(state.license!, { license: state.licenseText, licenseHash: 'f'.repeat(64) }),
      (state) => {
        const { licenseText: license, licenseHash } = state;
        state.setLicense(state.license!, { license, others: [license], licenseHash });
      },
    ];
    for (const change of changes) {
      const state = stateOf(new RandomLife().rig.log);
      change(state);
      hashes.add(state.hash());
    }
    expect(hashes.size).toBe(changes.length + 1);
  });
});

describe('the hash of one record', () => {
  const lanes = (write: (hash: RecordHash) => void) => {
    const hash = new RecordHash();
    hash.begin();
    write(hash);
    hash.end();
    return [hash.lane0, hash.lane1, hash.lane2, hash.lane3].join();
  };

  it('tells records of one shape apart, whatever is in them', () => {
    const seen = new Map<string, string>();
    const number = fc.oneof(fc.nat(3), fc.maxSafeNat(), fc.constantFrom(2 ** 32, 2 ** 32 + 1, 2 ** 31));
    const text = fc.oneof(fc.string({ maxLength: 4 }), fc.constantFrom('', '\0', '\0\0', 'a\0'));
    fc.assert(
      fc.property(number, text, text, number, (first, one, two, last) => {
        const sum = lanes((hash) => {
          hash.uint(first);
          hash.text(one);
          hash.name(two);
          hash.uint(last);
        });
        const record = JSON.stringify([first, one, two, last]);
        expect(seen.get(sum) ?? record).toBe(record);
        seen.set(sum, record);
      }),
      { numRuns: 2000 },
    );
  });

  it('spreads over all lanes: neighbours share no lane', () => {
    const perLane = [new Set<string>(), new Set<string>(), new Set<string>(), new Set<string>()];
    for (let i = 0; i < 5000; i++) {
      const parts = lanes((hash) => hash.uint(i)).split(',');
      parts.forEach((part, lane) => {
        perLane[lane]!.add(part);
      });
    }
    // 5000 draws out of 2^32 are expected to meet 0.003 times.
    for (const lane of perLane) expect(lane.size).toBeGreaterThan(4990);
  });
});

/** The records of the first random life that has some of every kind at its end. */
function recordsOfAllKinds(): LedgerRecord[] {
  for (let seed = 1; ; seed++) {
    const life = new RandomLife();
    for (const event of fc.sample(eventArbitrary, { seed, numRuns: 300 })) life.live(event);
    // Whatever they came to: in the end somebody waits.
    for (const what of ['opened', 'checkout', 'wait', 'wait'] as const)
      for (const who of [0, 1, 2, 3, 4]) life.live({ what, who, pick: 1, laterMs: 0 });
    const records = recordsOf(stateOf(life.rig.log));
    if (new Set(records.map(({ kind }) => kind)).size === Object.values(kinds).length) return records;
  }
}

function globalsOf({ version, serial, timeMs, isOpen, formedAtMs, recoveredAtMs, settings }: LedgerState) {
  return { version, serial, timeMs, isOpen, formedAtMs, recoveredAtMs, settings };
}

/** The record with one field of its canonical form changed, for each of them. */
function variantsOf(record: LedgerRecord): LedgerRecord[] {
  const derived = [
    'kind',
    'isDirty',
    'isLive',
    'previous',
    'next',
    'heapIndex',
    'lowestPool',
    'outcomes',
    'leases',
    'releasedAtMs',
    'priority',
  ];
  const derivedOf: Record<number, readonly string[]> = {
    [kinds.pool]: [
      'count',
      'overdraft',
      'overdraftMax',
      'parts',
      'isUsable',
      'isOver',
      'expiresAtMs',
      'supportEndMs',
      'sharedBy',
      'sharersMax',
      'lingerMs',
      'minimumMs',
      'holders',
      'lingers',
      'borrow',
      'borrows',
      'borrowed',
      'vendorData',
      'leaseMs',
      'holdMs',
      'endsOnDisconnect',
      'inUse',
      'grants',
      'waiting',
    ],
    [kinds.session]: ['grants', 'entries', 'results', 'untold', 'firstResult', 'lastResult'],
  };
  return Object.entries(record).flatMap(([field, value]) => {
    if ([...derived, ...(derivedOf[record.kind] ?? [])].includes(field)) return [];
    const other = otherThan(record, field, value);
    return other === undefined ? [] : [{ ...record, [field]: other }];
  });
}

function otherThan(record: LedgerRecord, field: string, value: unknown): unknown {
  // Only ends have a grant.
  if (record.kind === kinds.result && record.type !== 'ended' && field === 'grant') return undefined;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  if (field === 'reason' || field === 'endingReason') return value === undefined ? undefined : 'idle';
  if (field === 'type') return value === 'done' ? 'denied' : 'done';
  if (field === 'version') return { text: '7.7', key: '7.7', parts: [7, 7] };
  if (field === 'share') return value === undefined ? { serial: 9999, key: 'k' } : undefined;
  if (field === 'session' || field === 'pool') return { ...(value as object), serial: 9999 };
  if (field === 'feature') return { name: 'zzz' };
  // Texts that this kind of result does not have, a note where nothing is ending.
  if (record.kind === kinds.result && record.type !== 'denied' && record.type !== 'refused' && field === 'text')
    return undefined;
  if (field === 'endingNote' && 'endingReason' in record && record.endingReason === undefined) return undefined;
  return typeof value === 'string' ? `${value}x` : undefined;
}
