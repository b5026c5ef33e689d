import { describe, expect, it } from 'vitest';
import { applyCommand } from './apply.ts';
import type { LedgerCommand } from './commands.ts';
import { LedgerState } from './ledger-state.ts';
import { openCommand, secretHash, sessionId, startMs } from './testing/ledger-rig.ts';

const at = startMs;

/** A state with `grants` grants, five to a session, and a queue of `queued`. */
function crowd(grants: number, queued: number): LedgerState {
  const state = new LedgerState();
  applyCommand(state, openCommand([{ name: 'compare', count: grants }]));
  for (let i = 0; i < grants; i++) applyCommand(state, checkout(`s${Math.floor(i / 5)}`, 1 + (i % 5)));
  for (let i = 0; i < queued; i++) applyCommand(state, { ...checkout(`w${i}`, 1), waitMs: 60_000 + i });
  return state;
}

function request(name: string, seq: number) {
  return { at, session: sessionId(name), seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : 1 };
}

function checkout(name: string, seq: number): Extract<LedgerCommand, { kind: 'checkout' }> {
  const opening = { secretHash: secretHash(name), user: name, host: 'h' };
  return { kind: 'checkout', ...request(name, seq), ...(seq === 1 ? { opening } : {}), feature: 'compare', count: 1 };
}

/** Records that each of the commands of a client's day looks at or changes. */
function visitsOf(state: LedgerState): readonly number[] {
  const session = sessionId('s7');
  const grants = [...state.sessionsById.get(session)!.outcomes.values()].map(({ serial }) => `g${serial}`);
  const first = state.entries.first()!.serial;
  const commands: readonly LedgerCommand[] = [
    checkout('s7', 6),
    { ...checkout('s7', 7), waitMs: 5000 },
    { kind: 'cancel', ...request('s7', 8), checkoutSeq: 7 },
    { kind: 'checkin', ...request('s7', 9), grant: grants[0]! },
    { kind: 'assign', at, entry: `q${first}`, epoch: 1 },
    { kind: 'resume', at, session, secretHash: secretHash('s7'), epoch: 1, request: session, attempt: 1 },
    { kind: 'revoke', at, grants: [grants[1]!], reason: 'x' },
    { kind: 'acknowledge', ...request('s7', 10), epoch: 2, grants: [grants[1]!] },
    { kind: 'reclaim', at, session, silentMs: 1e9 },
    { kind: 'tick', at: at + 1 },
  ];
  return commands.map((command) => {
    const before = state.visits;
    applyCommand(state, command);
    return state.visits - before;
  });
}

describe('the work of a command', () => {
  it('does not grow with the grants, sessions and queue places that there are', () => {
    const small = visitsOf(crowd(100, 10));
    const large = visitsOf(crowd(20_000, 3000));
    expect(large).toEqual(small);
    expect(Math.max(...large)).toBeLessThan(20);
  });
});
