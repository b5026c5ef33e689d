import type { ServerLink, ServerLinks } from './server-links.ts';
import type { Place, Session } from './session.ts';
import { relayFactor, staleFactor, staleMsMax } from './timing.ts';

/** What decides where a session is bound. */
export interface SteeringView {
  readonly links: ServerLinks;
  readonly session: Session;
  readonly repeatAfterMs: number;
  /** The session holds, waits for, or has yet to say something. */
  readonly isNeeded: boolean;
  /** Somebody waits for an answer that any server can give. */
  readonly hasQuestions: boolean;
  /** Control is announced to leave the server that the session is bound to. */
  readonly isMoving: boolean;
}

/** Whether the session is bound to a server in control that answers. */
export function isHealthy({ session, repeatAfterMs }: SteeringView, nowMs: number): boolean {
  if (session.bound === null || session.troubleSinceMs <= nowMs) return false;
  return nowMs < session.awaitedSinceMs() + repeatAfterMs;
}

/**
 * Decides which servers are dialled and where the session is bound (triad.md, S7, S9, Failover): the highest term in control
 * wins; a server that does not answer is kept until another one does; where the one in control can't be reached, a
 * stand-by may relay; at rest there is one connection.
 */
export function steer(view: SteeringView, nowMs: number): void {
  const { links, session, isNeeded, hasQuestions } = view;
  if (links.searchSinceMs !== null) links.dropDoubtful(nowMs, view.repeatAfterMs);
  dropInvalid(view);
  if (isNeeded) bindBest(view, nowMs);
  const isAtRest = isNeeded
    ? isHealthy(view, nowMs) && !view.isMoving && session.bound?.isRelay !== true
    : !hasQuestions;
  if (!isAtRest) links.search(nowMs);
  else if (links.searchSinceMs !== null) links.rest(restingLink(view));
}

/** When {@link steer} may decide otherwise for the passing of time alone, monotonic ms. */
export function nextSteerMs(view: SteeringView, nowMs: number): number {
  const { links, session, repeatAfterMs } = view;
  const awaitedMs = session.awaitedSinceMs();
  const isUnplaced = session.bound === null && session.binding === null;
  return Math.min(
    links.nextDialMs(),
    links.nextDoubtMs(repeatAfterMs),
    later(awaitedMs + repeatAfterMs, nowMs),
    later(awaitedMs + staleAfterMs(view), nowMs),
    isUnplaced ? links.nextRelayMs(nowMs, relayFactor * repeatAfterMs) : Infinity,
    isUnplaced ? later(session.bindNotBeforeMs, nowMs) : Infinity,
  );
}

/**
 * A connection silent for so long is dialled anew. A server that was slow to answer last is given twice that time: otherwise
 * each repeated resume would overtake the one before, and none ever be the last.
 */
function staleAfterMs({ session, repeatAfterMs }: SteeringView): number {
  return Math.max(staleFactor * repeatAfterMs, Math.min(2 * session.roundTripMs, staleMsMax));
}

/** `atMs` where it lies ahead, else never: what is past was looked at in the step before. */
const later = (atMs: number, nowMs: number): number => (atMs > nowMs ? atMs : Infinity);

function dropInvalid({ links, session }: SteeringView): void {
  const place = session.bound ?? session.binding;
  if (place !== null && !isValid(place, links.get(place.link))) session.unbind();
}

/** A binding lasts as long as its server stays in the term in which it was made: a new term's server knows of none. */
function isValid(place: Place, link: ServerLink | undefined): boolean {
  if (link === undefined || link.term !== place.term) return false;
  if (!place.isRelay) return link.state === 'in-control';
  return link.state === 'standby' && link.relayRefusedTerm !== link.term;
}

function bindBest(view: SteeringView, nowMs: number): void {
  const { links, session, repeatAfterMs } = view;
  const best = links.best() ?? links.relay(nowMs, relayFactor * repeatAfterMs);
  const place = session.bound ?? session.binding;
  if (place === null) {
    if (best !== undefined && nowMs >= session.bindNotBeforeMs) session.bind(best, nowMs);
    return;
  }
  const silentMs = nowMs - session.awaitedSinceMs();
  if (best === undefined || best.id === place.link) {
    if (silentMs >= staleAfterMs(view)) links.goStale(place.link, nowMs);
    return;
  }
  const current = links.get(place.link);
  const isBetter =
    best.term > place.term ||
    (current?.isStale === true && !best.isStale) ||
    (place.isRelay && best.state === 'in-control');
  if (isBetter) session.bind(best, nowMs);
}

function restingLink({ links, session }: SteeringView): number | null {
  const first = links.all().next();
  return session.bound?.link ?? links.best()?.id ?? (first.done === true ? null : first.value.id);
}
