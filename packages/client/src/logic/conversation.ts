import type { EndReason } from '@lic/core';
import type { ErrorMessage, ServerMessage, WireGrant } from '@lic/protocol';
import { busyPauseMs } from './busy-pause.ts';
import type { Checkins } from './checkins.ts';
import type { Checkouts } from './checkouts.ts';
import type { Entropy } from './entropy.ts';
import type { Clocks, LinkId } from './inputs.ts';
import type { Questions } from './questions.ts';
import { numbersOf, type Request } from './request-line.ts';
import type { ServerLink, ServerLinks } from './server-links.ts';
import type { Session } from './session.ts';

/** What the machine has that messages change. */
export interface Scene {
  readonly links: ServerLinks;
  readonly checkouts: Checkouts;
  readonly checkins: Checkins;
  readonly questions: Questions;
  readonly clocks: Clocks;
  readonly entropy: Entropy;
  readonly session: Session;
  readonly repeatAfterMs: number;
  /** The session is over, with all that it held. */
  sessionOver(reason: EndReason): void;
  /** The session's goodbye was answered. */
  goodbyeDone(): void;
  /** Control is about to leave a server. */
  moving(reason: string, to: string | null): void;
}

type Message<T extends ServerMessage['t']> = Extract<ServerMessage, { t: T }>;

/** Takes one message of an open connection. */
export function takeMessage(scene: Scene, link: ServerLink, message: ServerMessage): void {
  const nowMs = scene.clocks.monotonicMs;
  switch (message.t) {
    case 'granted':
    case 'queued':
    case 'denied':
    case 'done':
    case 'borrowed':
      takeAnswer(scene, link, message);
      break;
    case 'heartbeatAnswer':
      takeHeartbeatAnswer(scene, link, message);
      break;
    case 'heartbeatRefused':
      takeHeartbeatRefused(scene, link, message);
      break;
    case 'resumed':
      takeResumed(scene, link, message);
      break;
    case 'error':
      takeError(scene, link, message);
      break;
    case 'ending':
      if (isBoundTo(scene, link.id))
        for (const { grant, reason, note } of message.grants) stopEnding(scene, grant, reason, note);
      break;
    case 'ended':
      if (isBoundTo(scene, link.id))
        for (const { grant, reason, note } of message.grants) end(scene, grant, reason, note);
      break;
    case 'control':
      scene.links.control(link.id, message, nowMs);
      break;
    case 'moving':
      scene.links.hint(message.to, nowMs);
      if (isBoundTo(scene, link.id)) scene.moving(message.reason, message.to?.name ?? null);
      break;
    case 'statusAnswer':
    case 'adminAnswer':
    case 'returned':
    case 'presented':
      scene.questions.answered(message);
      break;
    case 'welcome':
      // The handshake took the one that counts.
      break;
  }
}

const isBoundTo = ({ session }: Scene, link: LinkId): boolean => session.bound?.link === link;

/** The answer to a request, or the later news of a queue place (those have no open request any more). */
function takeAnswer(
  scene: Scene,
  link: ServerLink,
  message: Message<'granted' | 'queued' | 'denied' | 'done' | 'borrowed'>,
): void {
  const { session, checkouts, clocks } = scene;
  const request = message.id === undefined ? undefined : session.line.byId(message.id);
  if (request !== undefined && message.epoch < session.epoch) {
    // From before the newest binding, whose list did not have it: what it obtained may have ended since. It goes again.
    return;
  }
  if (request !== undefined) {
    const sentMs = request.copies.find(({ id }) => id === message.id)?.sentMs ?? -Infinity;
    if (request.seq === 1) {
      session.opened(request.copies.length);
      session.accept(link, message.epoch);
    }
    session.line.answered(request);
    // A denial may come from a record that several share; everything else was committed for this very request.
    if (message.t !== 'denied' && message.epoch === session.epoch) session.confirm(sentMs, clocks);
  } else if (!isBoundTo(scene, link.id)) return;
  switch (message.t) {
    case 'granted':
      if (request !== undefined && numbersOf(request.body) > 1)
        takeGrantedAll(scene, request, [message.grant, ...(message.more ?? [])]);
      else takeGranted(scene, message.seq, request, message.grant);
      break;
    case 'queued':
      checkouts.queued(message.seq, request, message.place, session, clocks.monotonicMs);
      break;
    case 'denied':
      checkouts.denied(message.seq, request, message.denial);
      break;
    case 'borrowed':
      if (request?.body.t === 'borrow' && !checkouts.borrowed(request, message.token))
        scene.questions.tell({ t: 'return', borrow: request.body.borrow }, clocks.monotonicMs);
      break;
    case 'done':
      if (request !== undefined) finish(scene, request);
      break;
  }
}

/** Whether a request asks for seats: what it obtained may have ended, and it is asked anew. */
function asksForSeats({ body }: Request): boolean {
  return body.t === 'checkout' || body.t === 'borrow';
}

/** A seat: for whoever waits for it, else it goes back silently. An aborted checkout's cancel may be answered with one, too. */
function takeGranted(scene: Scene, seq: number, request: Request | undefined, grant: WireGrant): void {
  const { session, checkouts, clocks } = scene;
  const isCheckout = request === undefined || request.body.t === 'checkout';
  if (grant.state === 'ending') {
    stopEnding(scene, grant.id, grant.ending?.reason ?? 'revoked', grant.ending?.note);
    if (isCheckout) checkouts.again(seq, request, session, clocks.monotonicMs);
    return;
  }
  if (session.holdings.get(grant.id) !== undefined || session.releasing.has(grant.id)) return;
  if (!isCheckout || !checkouts.granted(seq, request, grant, session)) release(session, grant.id);
}

/** Several features: all of them or none, so where one has ended before the answer came the others go back, and all are asked for anew. */
function takeGrantedAll(scene: Scene, request: Request, grants: readonly WireGrant[]): void {
  const { session, checkouts, clocks } = scene;
  const isWhole =
    grants.length === numbersOf(request.body) &&
    grants.every(({ id, state }) => state === 'active' && !session.releasing.has(id));
  if (isWhole && checkouts.grantedAll(request, grants, session)) return;
  for (const { id, state, ending } of grants) {
    if (state === 'ending') stopEnding(scene, id, ending?.reason ?? 'revoked', ending?.note);
    else if (session.holdings.get(id) === undefined && !session.releasing.has(id)) release(session, id);
  }
  if (!isWhole) checkouts.again(request.seq, request, session, clocks.monotonicMs);
}

function release(session: Session, grant: string): void {
  session.releasing.add(grant);
  session.line.add({ t: 'checkin', grant }, null);
}

/** A request that needs no more: checkin, acknowledgement, cancel, goodbye. */
function finish(scene: Scene, { body, call }: Request): void {
  const { session } = scene;
  if (body.t === 'checkin') session.releasing.delete(body.grant);
  if (body.t === 'acknowledge') for (const grant of body.grants) session.releasing.delete(grant);
  if (body.t === 'goodbye') scene.goodbyeDone();
  else if (call !== null) scene.checkins.done(call);
}

function takeHeartbeatAnswer(scene: Scene, link: ServerLink, message: Message<'heartbeatAnswer'>): void {
  const { session, clocks } = scene;
  if (!isBoundTo(scene, link.id) || message.epoch !== session.epoch) return;
  for (const { grant, reason, note } of message.ending) stopEnding(scene, grant, reason, note);
  const sentMs = session.heartbeats.answered(message.number, message.leaseMs);
  if (sentMs === undefined) return;
  session.confirm(sentMs, clocks);
}

function takeHeartbeatRefused(scene: Scene, link: ServerLink, message: Message<'heartbeatRefused'>): void {
  const { session, links, clocks } = scene;
  // A word on the binding before this one, which was on the same connection perhaps, says nothing of this one.
  if (!isBoundTo(scene, link.id) || !session.heartbeats.refused(message.number)) return;
  switch (message.code) {
    case 'RESUME':
      session.unbind();
      break;
    case 'SUPERSEDED':
      takeSuperseded(scene);
      break;
    case 'ENDED':
      scene.sessionOver(message.reason ?? 'reclaimed');
      break;
    case 'NOT_IN_CONTROL':
      links.refused(link.id, message.control ?? null, clocks.monotonicMs);
      break;
    case 'NO_QUORUM':
      session.trouble(clocks.monotonicMs);
      break;
  }
}

/** The only holder of this session's newest epoch may be a copy of this client: then nothing is held from now on (triad.md, Sessions). */
function takeSuperseded(scene: Scene): void {
  if (scene.session.mayHaveNewerEpoch) scene.session.seekNewerEpoch();
  else scene.sessionOver('superseded');
}

/** The list says all that stands; what is not in it has ended. */
function takeResumed(scene: Scene, link: ServerLink, message: Message<'resumed'>): void {
  const { session, checkouts, clocks } = scene;
  if (!session.isResume(message.id)) return;
  session.accept(link, message.epoch);
  const sentMs = session.resumed(message.id);
  const reasons = new Map(message.ended.map(({ grant, reason }) => [grant, reason]));
  const standing = new Map(message.grants.map((grant) => [grant.id, grant]));
  for (const holding of session.holdings.all()) {
    if (!standing.has(holding.id)) session.holdings.end(holding, reasons.get(holding.id) ?? 'reclaimed');
  }
  session.confirm(sentMs, clocks);
  const together = new Map<Request, WireGrant[]>();
  for (const grant of message.grants) {
    const request = session.line.carrying(grant.checkoutSeq);
    if (request !== undefined && numbersOf(request.body) > 1) {
      const others = together.get(request);
      if (others === undefined) together.set(request, [grant]);
      else others.push(grant);
      continue;
    }
    if (request !== undefined) session.line.answered(request);
    takeGranted(scene, grant.checkoutSeq, request, grant);
  }
  for (const [request, grants] of together) {
    session.line.answered(request);
    takeGrantedAll(scene, request, grants);
  }
  for (const place of message.queue) {
    const request = session.line.unanswered(place.checkoutSeq);
    if (request !== undefined) session.line.answered(request);
    checkouts.queued(place.checkoutSeq, request, place, session, clocks.monotonicMs);
  }
  checkouts.keepPlaces(new Set(message.queue.map(({ checkoutSeq }) => checkoutSeq)), session, clocks.monotonicMs);
}

/** The servers end a grant and wait for this client to stop: it stops first, then says so. */
function stopEnding(scene: Scene, grant: string, reason: EndReason, note: string | undefined): void {
  const { session } = scene;
  end(scene, grant, reason, note);
  if (session.releasing.has(grant)) return;
  session.releasing.add(grant);
  session.line.add({ t: 'acknowledge', grants: [grant] }, null);
}

function end({ session }: Scene, grant: string, reason: EndReason, note: string | undefined): void {
  const holding = session.holdings.get(grant);
  if (holding !== undefined) session.holdings.end(holding, reason, note);
}

function takeError(scene: Scene, link: ServerLink, message: ErrorMessage): void {
  const { session, links, questions, clocks } = scene;
  const { id } = message;
  if (id === undefined || questions.refused(message)) return;
  const nowMs = clocks.monotonicMs;
  const control = message.control ?? null;
  if (message.code === 'NOT_IN_CONTROL') links.refused(link.id, control, nowMs);
  if (session.isResume(id)) {
    link.hasBindingOut = false;
    takeResumeError(scene, id, message);
    return;
  }
  const request = session.line.byId(id);
  if (request === undefined) return;
  if (request.seq === 1) link.hasBindingOut = false;
  // A later copy is under way elsewhere: its answer is the one that counts.
  if (request.copies.at(-1)?.id !== id) return;
  request.refusal = { code: message.code, message: message.message };
  switch (message.code) {
    case 'SUPERSEDED':
      // Where the session is not bound any more it only means that a later connection has taken over.
      if (isBoundTo(scene, link.id)) takeSuperseded(scene);
      break;
    case 'RESUME':
      if (isBoundTo(scene, link.id)) session.unbind();
      break;
    case 'ENDED':
    case 'UNKNOWN_SESSION':
      takeEnded(scene, request, message);
      break;
    case 'REFUSED':
      // Its number came too early, since one before it was put off: both go again.
      if (session.line.hasEarlier(request)) session.line.repeat(request, nowMs + scene.repeatAfterMs);
      else takeFinalError(scene, request, message);
      break;
    case 'NOT_IN_CONTROL':
      session.line.repeat(request, nowMs);
      break;
    case 'BUSY':
      request.busyCount += 1;
      session.line.repeat(request, nowMs + busyPauseMs(request.busyCount, scene.repeatAfterMs, scene.entropy));
      break;
    default:
      if (message.code === 'NO_QUORUM' || message.code === 'NOT_READY') session.trouble(nowMs);
      if (message.retryable) session.line.repeat(request, nowMs + scene.repeatAfterMs);
      else takeFinalError(scene, request, message);
  }
}

function takeResumeError(scene: Scene, id: number, message: ErrorMessage): void {
  const { session, clocks } = scene;
  switch (message.code) {
    case 'ENDED':
    case 'UNKNOWN_SESSION':
    case 'REFUSED':
      scene.sessionOver(message.reason ?? (message.code === 'UNKNOWN_SESSION' ? 'recovered' : 'reclaimed'));
      break;
    case 'SUPERSEDED':
      scene.sessionOver('superseded');
      break;
    case 'NOT_IN_CONTROL':
      session.resumeFailed(id, clocks.monotonicMs);
      break;
    case 'BUSY':
      session.resumeFailed(
        id,
        clocks.monotonicMs + busyPauseMs(session.resumeAttempts, scene.repeatAfterMs, scene.entropy),
      );
      break;
    default:
      session.resumeFailed(id, clocks.monotonicMs + scene.repeatAfterMs);
  }
}

/**
 * Either what the request had obtained is over, or its whole session. Where something is at stake a resume tells which; a
 * first copy can't have obtained anything before.
 */
function takeEnded(scene: Scene, request: Request, message: ErrorMessage): void {
  const { session, checkouts, clocks } = scene;
  const isCheckout = asksForSeats(request);
  const isAtStake = session.holdings.size > 0 || checkouts.queuedCount > 0 || request.copies.length > 1;
  if (isCheckout && !isAtStake) {
    scene.sessionOver(message.reason ?? 'reclaimed');
    return;
  }
  session.line.answered(request);
  if (isCheckout) checkouts.again(request.seq, request, session, clocks.monotonicMs);
  else finish(scene, request);
  if (isCheckout || message.code === 'UNKNOWN_SESSION') session.unbind();
}

function takeFinalError(scene: Scene, request: Request, message: ErrorMessage): void {
  const { session, checkouts } = scene;
  session.line.answered(request);
  if (!asksForSeats(request)) {
    finish(scene, request);
    return;
  }
  checkouts.refused(request, {
    code: 'REFUSED',
    message: `The server refused the ${request.body.t}: ${message.message}`,
    details: { ...message.details, code: message.code },
  });
}
