import type { Focus } from '../focus.ts';
import type { PlantedBug } from '../planted-bug.ts';

const ledger = 'packages/core/src/ledger';
const client = 'packages/client/src';

/** Laptops that borrow, and little else. */
const travelling: Focus = {
  faults: [],
  deeds: [],
  plan: {
    travellers: 4,
    features: [
      { name: 'compare', version: '1.0', count: 9, leaseSeconds: 1, borrow: { longestSeconds: 5, countMax: 8 } },
      { name: 'merge', version: '2.0', count: 2, leaseSeconds: 1 },
    ],
  },
};

/** A seat that nobody knows of stays for the rest of the run. */
const lasting: Focus['plan'] = {
  ...travelling.plan,
  settings: { leaseMs: 2_000, drift: 0.01, marginMs: 50, allowShortLeases: true, borrowMarginMs: 600_000 },
};

/** Bugs in borrowing, at the servers and at the client. */
export const borrowBugs: readonly PlantedBug[] = [
  {
    name: 'borrow-freed-early',
    what: 'Borrowed seats are free at their end, without the margin for a clock that is behind.',
    breaks: ['I3'],
    focus: travelling,
    patches: [
      {
        file: `${ledger}/borrow-requests.ts`,
        find: 'return Math.ceil(settings?.borrowMarginMs ?? ledgerLimits.borrowMarginMs);',
        replace: 'return settings === null ? 0 : -Math.ceil(ledgerLimits.borrowMarginMs / 2_000);',
      },
    ],
  },
  {
    name: 'borrow-by-wall-clock-alone',
    what: 'A client believes its wall clock alone, and works on where that is set back.',
    breaks: ['I3'],
    focus: travelling,
    patches: [
      {
        file: 'packages/core/src/borrow/borrow-token.ts',
        find: 'Math.max(wallMs, markMs + Math.max(0, elapsedMs));',
        replace: 'Math.max(wallMs, 0 * (markMs + elapsedMs));',
      },
    ],
  },
  {
    name: 'returned-while-in-use',
    what: 'A client gives a borrow back that it goes on using.',
    breaks: ['I3'],
    focus: travelling,
    patches: [{ file: `${client}/borrowing.ts`, find: '    await stopUsing(store);\n', replace: '' }],
  },
  {
    name: 'borrow-asked-before-it-is-kept',
    what: 'A client that dies before it has its token knows nothing of what it was lent.',
    breaks: ['I5'],
    focus: { ...travelling, plan: lasting },
    patches: [
      { file: `${client}/borrowing.ts`, find: '    await keepBorrow(store, { pending: borrow });\n', replace: '' },
    ],
  },
];
