import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyCommand } from './apply.ts';
import { ByteWriter } from './byte-writer.ts';
import { decodeCommand } from './command-codec.ts';
import { FrozenView } from './frozen-view.ts';
import { LedgerState } from './ledger-state.ts';
import { writeRecord } from './record-writer.ts';
import { kinds, type LedgerRecord } from './records.ts';
import { eventArbitrary, RandomLife } from './testing/random-life.ts';

function canonical(record: LedgerRecord): string {
  const writer = new ByteWriter(64);
  writeRecord(writer, record);
  return `${record.kind} ${Buffer.from(writer.take()).toString('latin1')}`;
}

function allOf(state: LedgerState): string[] {
  return Object.values(kinds).flatMap((kind) => [...state.table(kind).walk()].map(canonical));
}

describe('a frozen view', () => {
  it('gives every record as it was, in order, whatever is applied between two of them', () => {
    const counts = fc.record({ before: fc.nat(80), perRecord: fc.nat(3) });
    fc.assert(
      fc.property(
        fc.array(eventArbitrary, { maxLength: 160, size: 'max' }),
        counts,
        (events, { before, perRecord }) => {
          const life = new RandomLife();
          for (const event of events) life.live(event);
          const log = life.rig.log.map((bytes) => decodeCommand(bytes));
          const state = new LedgerState();
          for (const command of log.splice(0, before + 1)) applyCommand(state, command);
          const expected = allOf(state);
          const view = new FrozenView(state);
          const seen: string[] = [];
          for (const kind of Object.values(kinds)) {
            for (let record = view.next(kind); record !== undefined; record = view.next(kind)) {
              seen.push(canonical(record));
              for (const command of log.splice(0, perRecord)) applyCommand(state, command);
            }
          }
          view.close();
          expect(seen).toEqual(expected);
        },
      ),
      { numRuns: 60 },
    );
  });
});
