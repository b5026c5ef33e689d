import fc from 'fast-check';
import type { PolicyDocument, PolicyRule, SelectorKind } from '../../policy/document.ts';

// Policies without much sense, as random as lives are: the ledger takes whatever the log has.

const groups = { d: ['user-0', 'user-1'], e: ['user-2'] };
const hostGroups = { farm: ['h'], rest: ['h', 'i'] };
/** Whom rules name; of a group there is no `*`. */
const names: Readonly<Record<SelectorKind, readonly string[]>> = {
  user: ['user-0', 'user-1', 'user-2', '*'],
  group: ['d', 'e'],
  host: ['h', 'i', '*'],
  hostGroup: ['farm', 'rest'],
  display: [':0', ':1', '*'],
  address: ['10.1.0.0/16', '10.1.9.0/24', '192.168.0.1', '0.0.0.0/0', '*'],
  project: ['bridge', '*'],
  product: ['cad', 'cam', '*'],
};

const whomArbitrary = fc.oneof(
  ...(Object.keys(names) as SelectorKind[]).map((by) =>
    fc.constantFrom(...names[by]).map((name): Pick<PolicyRule, 'by' | 'name'> => ({ by, name })),
  ),
);

type Said = Omit<PolicyRule, 'line' | 'feature'>;

const limitArbitrary = fc.record({
  kind: fc.constantFrom('max' as const, 'max' as const, 'reserve' as const, 'priority' as const),
  whom: whomArbitrary,
  count: fc.constantFrom(1, 1, 2, 3),
});

const saidArbitrary: fc.Arbitrary<Said> = fc.oneof(
  { weight: 10, arbitrary: limitArbitrary.map(({ kind, whom, count }): Said => ({ kind, ...whom, count })) },
  // Fewer of these: who is kept out does nothing any more.
  { weight: 1, arbitrary: whomArbitrary.map((whom): Said => ({ kind: 'exclude', ...whom })) },
  { weight: 1, arbitrary: whomArbitrary.map((whom): Said => ({ kind: 'include', ...whom })) },
  { weight: 1, arbitrary: fc.constantFrom(1000, 6000, 25_000).map((ms): Said => ({ kind: 'linger', ms })) },
  { weight: 1, arbitrary: fc.constantFrom(0, 1).map((count): Said => ({ kind: 'overdraft', count })) },
  { weight: 1, arbitrary: fc.constant<Said>({ kind: 'idle', ms: 1000 }) },
  {
    weight: 2,
    arbitrary: fc
      .record({
        longestMs: fc.constantFrom(15_000, 60_000),
        countMax: fc.constantFrom(0, 1, 2),
        keep: fc.constantFrom(0, 1),
      })
      .map((borrow): Said => ({ kind: 'borrow', borrow })),
  },
);

const ruleArbitrary = fc.record({
  feature: fc.constantFrom('a', 'b', 'c', 'h', 'h', 'l', 's', 'u', '*', '*'),
  said: saidArbitrary,
});

/** Policies of up to ten rules, no two of a kind for the same: of two, one would have no say, and nobody promises which. */
export const policyArbitrary: fc.Arbitrary<PolicyDocument> = fc
  .uniqueArray(ruleArbitrary, {
    maxLength: 10,
    selector: ({ feature, said: { kind, by, name } }) => `${kind} ${feature} ${by} ${name}`,
  })
  .map((rules) => ({
    groups,
    hostGroups,
    rules: rules.flatMap(({ feature, said }, at) =>
      // Each one's own reservation is none.
      said.kind === 'reserve' && said.name === '*' ? [] : [{ line: at + 5, feature, ...said }],
    ),
  }));
