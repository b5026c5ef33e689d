import type { ConsensusStatus, PeerId, Runtime, Timer } from '@lic/interfaces';
import type { Refusal } from '../peers/refusals.ts';

/** What shows that the triad that a new folder has joined is not the one that goes on. */
export interface LostTriadFacts {
  readonly self: { readonly id: PeerId; readonly incarnation: string };
  readonly status: ConsensusStatus;
  readonly refusals: readonly Pick<Refusal, 'code'>[];
}

/**
 * Whether this folder has never held anything of its triad, is not counted on by it, and the others are of another instance: one of them
 * was recovered alone, after this folder had joined (triad.md, Recover).
 */
export function hasLostTriad({ self, status, refusals }: LostTriadFacts): boolean {
  if (status.lastIndex > 0 || status.leader !== null) return false;
  const isCounted = status.members.some(({ id, incarnation }) => id === self.id && incarnation === self.incarnation);
  return !isCounted && refusals.some(({ code }) => otherInstance.has(code));
}

const otherInstance: ReadonlySet<string> = new Set(['OTHER_INSTANCE', 'PEER_SAYS_OTHER_INSTANCE']);

/** How often it is looked, in peer rounds. */
const everyRounds = 20;

/** What {@link LostTriadWatch} is made from. */
export interface LostTriadWatchParts {
  readonly runtime: Runtime;
  readonly roundMs: number;
  readonly facts: () => LostTriadFacts;
  /** Called once, when {@link hasLostTriad}. */
  readonly onLost: () => void;
}

/** Looks now and then whether {@link hasLostTriad}, from its making on. */
export class LostTriadWatch {
  readonly #parts: LostTriadWatchParts;
  #timer: Timer | undefined;

  constructor(parts: LostTriadWatchParts) {
    this.#parts = parts;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  #arm(): void {
    const { runtime, roundMs } = this.#parts;
    this.#timer = runtime.setTimer(everyRounds * roundMs, () => this.#look(), { keepAlive: false });
  }

  #look(): void {
    const { facts, onLost } = this.#parts;
    if (hasLostTriad(facts())) onLost();
    else this.#arm();
  }
}
