import type { LedgerCommand, SessionOpening, SessionRequest } from '../commands.ts';
import { anyHash, licenseText, secretHash, sessionId } from './ledger-rig.ts';
import { licenses, more, policies } from './model-licenses.ts';
import { keyOf } from './model-replies.ts';
import { names, type Step } from './model-steps.ts';
import type { ReferenceModel } from './reference-model.ts';

/** Where a life has come to. */
export interface Whereabouts {
  readonly model: ReferenceModel;
  readonly atMs: number;
  /** The newest entry's. */
  readonly index: number;
}

/** The command that a step wants, as things stand; grants and queue places are named by key. */
export function commandOf(step: Step, whereabouts: Whereabouts): LedgerCommand {
  const { model, atMs: at, index } = whereabouts;
  const session = sessionId(names[step.who]!);
  const client = model.clients.get(session);
  const held = model.held.map(({ key }) => key);
  const grants = held.filter((_, i) => i % 3 === step.pick % 3);
  const epoch = epochOf(step, client?.epoch ?? 0);
  const { attempt } = step.isProper ? { attempt: 1 } : step.oddity;
  switch (step.kind) {
    case 'checkout': {
      const { feature, version, releasedAt, display, shareKey, address, count, countMin, more, pastQueue } = step;
      // Several wait in no queue; now and then one asks all the same.
      const waitMs = more.length > 0 && step.pick > 2 ? 0 : step.waitMs;
      const request = requestOf(step, whereabouts);
      const opening = openingOf(step);
      const wish = {
        feature,
        count,
        waitMs,
        pastQueue,
        ...(countMin === undefined ? {} : { countMin }),
        ...(more.length === 0
          ? {}
          : { more: more.map((name) => ({ feature: name, count, ...(countMin === 1 ? { countMin } : {}) })) }),
        ...(version === undefined ? {} : { version }),
        ...(releasedAt === undefined ? {} : { releasedAt }),
        ...(display === undefined ? {} : { display }),
        ...(shareKey === undefined ? {} : { shareKey }),
        ...(address === undefined ? {} : { address }),
      };
      return { kind: 'checkout', ...request, ...wish, ...(request.seq === 1 && step.pick !== 1 ? { opening } : {}) };
    }
    case 'checkin': {
      const own = model.held.filter((grant) => grant.session === session).map(({ key }) => key);
      const grant =
        step.pick % 4 === 0
          ? keyOf(session, 1 + (step.pick % 5))
          : (own[step.pick % (own.length || 1)] ?? held[0] ?? 'g7');
      return { kind: 'checkin', ...requestOf(step, whereabouts), grant };
    }
    case 'cancel': {
      const own = model.waiting.filter((entry) => entry.session === session);
      return { kind: 'cancel', ...requestOf(step, whereabouts), checkoutSeq: own[0]?.seq ?? 1 + (step.pick % 4) };
    }
    case 'acknowledge':
      return {
        kind: 'acknowledge',
        ...requestOf(step, whereabouts),
        grants: [...grants, keyOf(session, 1 + (step.pick % 5))],
      };
    case 'goodbye':
      return { kind: 'goodbye', ...requestOf(step, whereabouts) };
    case 'resume': {
      const last = client?.resume?.request ?? sessionId('r');
      const secret = secretHash(step.pick === 0 ? 'other' : session);
      return {
        kind: 'resume',
        at,
        session,
        secretHash: secret,
        epoch,
        request: !step.isProper && step.pick % 3 > 0 ? last : sessionId(`r${index}`),
        attempt,
      };
    }
    case 'assign': {
      const { waiting } = model;
      const entry = waiting[step.pick % (waiting.length || 1)];
      return {
        kind: 'assign',
        at,
        entry: entry?.key ?? 'q5',
        epoch: epochOf(step, model.clients.get(entry?.session ?? '')?.epoch ?? 0),
      };
    }
    case 'reclaim':
      return { kind: 'reclaim', at, session, silentMs: step.silentMs };
    case 'disconnect':
      return { kind: 'disconnect', at, session, epoch };
    case 'revoke':
      return {
        kind: 'revoke',
        at,
        grants,
        ...(step.as === undefined ? { reason: 'needed elsewhere' } : { reason: '', as: step.as }),
      };
    case 'settle':
      return { kind: 'settle', at, grants };
    case 'install': {
      const license = licenseText(licenses[step.pick % licenses.length]!);
      const others = more.slice(0, step.pick % 4);
      return { kind: 'install', at, license, others, licenseHash: anyHash };
    }
    case 'policy':
      return {
        kind: 'policy',
        at,
        text: `policy ${step.pick}`,
        document: step.policy ?? policies[step.pick % policies.length]!,
      };
    case 'borrow': {
      const { feature, version, releasedAt, display, address, count, pastQueue } = step;
      const request = requestOf(step, whereabouts);
      return {
        kind: 'borrow',
        ...request,
        ...(request.seq === 1 && step.pick !== 1 ? { opening: openingOf(step) } : {}),
        borrow: sessionId(`borrow-${step.pick % 6}`),
        feature,
        count,
        ...(version === undefined ? {} : { version }),
        ...(releasedAt === undefined ? {} : { releasedAt }),
        ...(display === undefined ? {} : { display }),
        ...(address === undefined ? {} : { address }),
        untilMs: Math.max(0, at + step.silentMs - 10_000),
        pastQueue,
      };
    }
    case 'return':
      // Now and then under the id of a session: nothing keeps a client from that.
      return { kind: 'return', at, borrow: step.pick % 7 === 6 ? session : sessionId(`borrow-${step.pick % 6}`) };
    case 'acceptBorrow':
      return {
        kind: 'acceptBorrow',
        at,
        borrow: sessionId(`borrow-${step.pick % 6}`),
        user: `user-${step.who}`,
        host: 'h',
        feature: step.feature,
        version: step.version ?? '1.0',
        count: step.count,
        sinceMs: Math.max(0, at - step.silentMs),
        untilMs: at + step.silentMs - 10_000,
      };
    case 'recover':
    case 'opened':
      return { kind: step.kind, at };
    default:
      return { kind: 'tick', at };
  }
}

function openingOf(step: Step): SessionOpening {
  return {
    secretHash: secretHash(step.pick === 0 ? 'other' : sessionId(names[step.who]!)),
    user: `user-${step.who}`,
    host: step.who === 2 ? 'i' : 'h',
    ...(step.who === 0 ? {} : { project: 'bridge' }),
    ...(step.who === 1 ? {} : { product: step.who === 0 ? 'cad' : 'cam' }),
  };
}

function requestOf(step: Step, { model, atMs }: Whereabouts): SessionRequest {
  const session = sessionId(names[step.who]!);
  const client = model.clients.get(session) ?? { lastSeq: 0, epoch: 0, awaited: 1 };
  const { seq: which, epoch: oddEpoch, attempt } = step.isProper ? proper : step.oddity;
  const { lastSeq } = client;
  const seq = { next: lastSeq + 1, repeat: 1 + (step.pick % (lastSeq + 1)), skip: lastSeq + 2, first: 1 }[which];
  const same = Math.min(client.awaited, seq);
  const awaited = { this: seq, same, from1: 1, beyond: step.pick === 2 ? seq + 1 : seq }[step.awaits];
  const epoch = which === 'first' && oddEpoch === 'current' ? 0 : epochOf(step, client.epoch);
  return { session, seq, awaited, attempt, epoch, at: atMs };
}

const proper = { seq: 'next', epoch: 'current', attempt: 1 } as const;

function epochOf(step: Step, current: number): number {
  const { epoch } = step.isProper ? proper : step.oddity;
  return { current, older: Math.max(0, current - 1), zero: 0, newer: current + 1 }[epoch];
}
