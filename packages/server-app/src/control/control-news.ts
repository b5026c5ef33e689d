import type { PeerId } from '@lic/interfaces';
import type { ControlHint, ServerMessage, WelcomeMessage } from '@lic/protocol';
import type { ClientLink } from '../clients/client-link.ts';
import type { PeerEndpoint } from '../peers/peer-endpoint.ts';
import { type ControlView, hintOf } from './control-view.ts';

type ControlMessage = Extract<ServerMessage, { t: 'control' }>;

/** What news of control are made from. */
export interface ControlNewsParts {
  readonly view: () => ControlView;
  readonly endpoint: (id: PeerId) => PeerEndpoint | undefined;
  /** Whether sessions are served here. */
  readonly isServing: () => boolean;
  /** Whether it is known who is in control; called whenever that may have changed. */
  readonly noteControl: (isKnown: boolean) => void;
  readonly broadcast: (message: ControlMessage) => void;
}

/** Tells clients who is in control, the moment it is decided: nobody has to poll (triad.md, Failover). */
export class ControlNews {
  readonly #parts: ControlNewsParts;
  #told = '';

  constructor(parts: ControlNewsParts) {
    this.#parts = parts;
  }

  /** Where control is, or would be at `leader`. */
  hint(leader?: unknown): ControlHint | null {
    const known = typeof leader === 'string' ? leader : this.#parts.view().leader;
    return known === null ? null : hintOf(this.#parts.endpoint(known));
  }

  /** Something may have changed: every client is told, once for each change. */
  tell(): void {
    const { view, isServing, noteControl, broadcast } = this.#parts;
    const { state, term, leader, isStopping } = view();
    if (isStopping === true) return;
    noteControl(state === 'standby' || state === 'in-control');
    // Told only once sessions are served: who comes earlier would be turned away.
    if (state === 'in-control' && !isServing()) return;
    const told = `${state} ${term} ${leader}`;
    if (told === this.#told) return;
    this.#told = told;
    broadcast(this.#message());
  }

  /** Tells a client what has changed while its welcome was written and signed. */
  tellNewcomer(link: ClientLink, { state, term, control }: WelcomeMessage): void {
    const now = this.#message();
    if (state !== now.state || term !== now.term || control?.key !== now.control?.key) link.send(now);
  }

  #message(): ControlMessage {
    const { state, term } = this.#parts.view();
    return { t: 'control', state, term, control: this.hint() };
  }
}
