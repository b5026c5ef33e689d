import { createLedger, encodeCommand, type Ledger, type LedgerCommand, ledgerVersions } from '@lic/core';

const grantsPerSession = 5;
const at = Date.UTC(2026, 5, 1);
const anyHash = '0'.repeat(64);

/** What a ledger that holds so many grants costs. */
export interface LedgerRate {
  readonly grants: number;
  /** Checkouts and checkins on top of them. */
  readonly commandsPerSecond: number;
  /** Checkouts that are denied, each with its facts. */
  readonly denialsPerSecond: number;
  readonly heapBytesPerGrant: number;
  /** With the sessions. */
  readonly snapshotBytesPerGrant: number;
}

/** A ledger alone, without network and disk: every command is encoded and read as the log has it. */
export async function measureLedger(grants: number): Promise<LedgerRate> {
  const before = heapBytes();
  const ledger = openLedger(grants);
  let index = 1;
  const apply = (command: LedgerCommand): void => {
    const { reply } = ledger.apply(++index, encodeCommand(command));
    if (reply.kind === 'rejected' || reply.kind === 'refused') throw new Error(JSON.stringify(reply));
  };
  const sessions = Math.ceil(grants / grantsPerSession);
  for (let i = 0; i < grants; i++) apply(checkout(i % sessions, 1 + Math.floor(i / sessions), 'compare'));
  const heapBytesPerGrant = (heapBytes() - before) / grants;
  let snapshotBytes = 0;
  for await (const chunk of ledger.snapshot()) snapshotBytes += chunk.length;

  const seqs = new Map<number, number>();
  const seqOf = (session: number): number => {
    const seq = (seqs.get(session) ?? grantsPerSession) + 1;
    seqs.set(session, seq);
    return seq;
  };
  const timed = (commands: number, run: (session: number) => void): number => {
    const beganMs = performance.now();
    for (let i = 0; i < commands; i++) run(i % Math.min(sessions, 2_000));
    return (commands / (performance.now() - beganMs)) * 1_000;
  };
  const pairsPerSecond = timed(20_000, (session) => {
    const seq = seqOf(session);
    apply(checkout(session, seq, 'merge'));
    const grant = ledger.grantsOf(idOf(session)).at(-1)!.id;
    apply({ kind: 'checkin', at, ...envelope(session, seqOf(session)), grant });
  });
  const denialsPerSecond = timed(20_000, (session) => apply(checkout(session, seqOf(session), 'compare')));
  return {
    grants,
    commandsPerSecond: 2 * pairsPerSecond,
    denialsPerSecond,
    heapBytesPerGrant,
    snapshotBytesPerGrant: snapshotBytes / grants,
  };
}

/** With as many seats of one feature as are to be held, and some of another. */
function openLedger(count: number): Ledger {
  const ledger = createLedger({ verifyLicense: () => undefined });
  const license = JSON.stringify({
    lic: 1,
    id: 'bench',
    vendor: 'acme',
    licensee: 'Bench',
    issuedAt: '2026-01-01T00:00:00Z',
    servers: [
      {
        rank: 1,
        name: 's1',
        address: 'tcp://s1:7411',
        key: 'ed25519:9jjZsEmTHyasQpn93so6J7Tr3ZKTr3CVjn8MxfzBLMQ',
      },
    ],
    features: [
      { name: 'compare', version: '12.0', count },
      { name: 'merge', version: '12.0', count: 10_000 },
    ],
    signature: { alg: 'Ed25519', keyId: '0123456789abcdef', value: 'A'.repeat(86) },
  });
  const settings = { leaseMs: 60_000, drift: 0.01, marginMs: 1_000, allowShortLeases: false };
  const { current: ledgerVersion } = ledgerVersions;
  const open = { kind: 'open', at, license, licenseHash: anyHash, settings, isNew: true, ledgerVersion } as const;
  const { reply } = ledger.apply(1, encodeCommand(open));
  if (reply.kind !== 'ok') throw new Error(JSON.stringify(reply));
  return ledger;
}

function checkout(session: number, seq: number, feature: string): LedgerCommand {
  const opening = { secretHash: anyHash, user: `user${session % 5_000}`, host: `workstation-${session % 10_000}` };
  return {
    kind: 'checkout',
    at,
    ...envelope(session, seq),
    ...(seq === 1 ? { opening } : {}),
    feature,
    count: 1,
  };
}

function envelope(session: number, seq: number) {
  return { session: idOf(session), seq, awaited: seq, attempt: 1, epoch: seq === 1 ? 0 : 1 };
}

function idOf(session: number): string {
  return session.toString(36).padEnd(22, '_');
}

/** As little of it garbage as can be had. */
function heapBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}
