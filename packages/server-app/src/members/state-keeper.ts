import type { LedgerResult } from '@lic/core';
import {
  type Consensus,
  type ConsensusTiming,
  errorMessage,
  type Logger,
  type PeerId,
  type Runtime,
  type Timer,
} from '@lic/interfaces';
import { z } from 'zod';
import type { ControlKeeper } from '../control/control-keeper.ts';
import type { PeerCalls } from '../peers/peer-calls.ts';
import { type HashNote, hashNoteEntries } from '../server-machine.ts';
import { type ServerFacts, serverFactsSchema } from '../status/server-facts.ts';
import { statusLimits } from '../status/status-desk.ts';
import { compareStates, isOddOne, type StateDifference, type StateHashes } from './compare-states.ts';
import type { PeerRoster } from './peer-roster.ts';

/** What compares the states of servers. */
export interface StateKeeperParts {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly consensus: Pick<Consensus<LedgerResult>, 'status'>;
  readonly control: Pick<ControlKeeper, 'yieldControl'>;
  readonly calls: PeerCalls;
  readonly self: PeerId;
  readonly roster: PeerRoster;
  /** What this server says of itself. */
  readonly facts: () => Promise<ServerFacts>;
  readonly timing: ConsensusTiming;
  /** This server's state is wrong, as the sentence says: it must take no more part, and is to be refilled from the others. */
  readonly onOdd: (why: string) => void;
}

const differenceSchema = z.object({ index: z.int(), hashes: z.record(z.string(), z.string()) });

/** While something changes, states are compared at least so often, in rounds: 10 s in profile `lan`. */
const everyRounds = 100;
const callMs = 2_000;

/**
 * Compares the states of all servers that it can reach, where this server is in control: about every 1 024 entries, and every ten
 * seconds in which something has changed (triad.md, I9 and State hash differs). The odd one of three is told with proof, takes no
 * more part and is refilled; where two differ nobody knows which is right, and neither grants until a third one shows it. What differs
 * must do so twice in a row: between a snapshot and its index lies a moment.
 */
export class StateKeeper {
  readonly #parts: StateKeeperParts;
  #timer: Timer | undefined;
  #isBusy = false;
  #comparedIndex = 0;
  #comparedMs = Number.NEGATIVE_INFINITY;
  /** How many servers took part in the last comparison that said anything. */
  #comparedServers = 0;
  /** What the comparison before has shown to differ. */
  #suspected = '';
  #difference: StateDifference | null = null;
  #isOdd = false;

  constructor(parts: StateKeeperParts) {
    this.#parts = parts;
    parts.calls.handle('state.odd', async (params) => {
      const difference = differenceSchema.parse(params);
      if (isOddOne(parts.self, difference, notesOf(await parts.facts()))) this.#beOdd(difference);
      return null;
    });
    parts.calls.handle('state.split', (params) => {
      this.#setDifference(params === null ? null : differenceSchema.parse(params));
      return null;
    });
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
  }

  /** Whether nothing may be granted here: the states of servers differ, and it is not known which is right. */
  get isHalted(): boolean {
    return this.#difference !== null || this.#isOdd;
  }

  /** Sentences for the administrator. */
  notices(): readonly string[] {
    return this.#difference === null ? [] : [splitText(this.#difference.index)];
  }

  #arm(): void {
    const { runtime, timing } = this.#parts;
    this.#timer = runtime.setTimer(timing.roundMs, () => this.#look(), { keepAlive: false });
  }

  #look(): void {
    this.#arm();
    const { consensus, runtime, timing } = this.#parts;
    const { state, appliedIndex, peers } = consensus.status();
    if (state !== 'in-control') {
      this.#suspected = '';
      return;
    }
    if (this.#isBusy || this.#isOdd) return;
    const isLong = runtime.monotonic() - this.#comparedMs >= everyRounds * timing.roundMs;
    const isSettled = this.#difference === null && this.#suspected === '';
    const hasChanged = appliedIndex !== this.#comparedIndex || peers.length + 1 > this.#comparedServers;
    const isDue = appliedIndex - this.#comparedIndex >= hashNoteEntries || (isLong && hasChanged) || !isSettled;
    if (isDue) void this.#compare();
  }

  async #compare(): Promise<void> {
    const { runtime, logger, consensus } = this.#parts;
    this.#isBusy = true;
    try {
      const { appliedIndex } = consensus.status();
      const servers = await this.#gather();
      if (consensus.status().state !== 'in-control') return;
      const verdict = compareStates(servers);
      this.#comparedMs = runtime.monotonic();
      if (verdict.kind === 'unknown') return;
      this.#comparedIndex = appliedIndex;
      this.#comparedServers = servers.length;
      if (verdict.kind === 'same') {
        this.#suspected = '';
        // What two could not decide is decided by three; two that agree may both be wrong by now, but then they are one state.
        if (this.#difference !== null) this.#tellSplit(null, servers);
        return;
      }
      const suspicion = JSON.stringify([verdict.kind, verdict.kind === 'odd' ? verdict.server : verdict.hashes]);
      if (suspicion !== this.#suspected) {
        this.#suspected = suspicion;
        return;
      }
      if (verdict.kind === 'odd') await this.#tellOdd(verdict.server, verdict, servers);
      else this.#tellSplit(verdict, servers);
    } catch (error) {
      logger.warn('the states of servers could not be compared', { reason: errorMessage(error) });
    } finally {
      this.#isBusy = false;
    }
  }

  async #gather(): Promise<readonly StateHashes[]> {
    const { calls, facts, roster, self } = this.#parts;
    const answers = roster.voters.map(async (id): Promise<StateHashes | undefined> => {
      if (id === self) return { id, notes: notesOf(await facts()) };
      try {
        const answer = serverFactsSchema.parse(await calls.call(id, 'status.facts', null, statusLimits.peerMs));
        // One that takes no part has stopped at some index, and may be about to be refilled.
        return answer.state === 'standby' || answer.state === 'in-control' ? { id, notes: notesOf(answer) } : undefined;
      } catch {
        return undefined;
      }
    });
    return (await Promise.all(answers)).flatMap((answer) => answer ?? []);
  }

  async #tellOdd(odd: PeerId, { index, hashes }: StateDifference, servers: readonly StateHashes[]): Promise<void> {
    const { logger, calls, roster, self } = this.#parts;
    const difference = { index, hashes };
    logger.error('STATE HASH DIFFERS: one server has another state than the two others', {
      server: roster.find(odd)?.name ?? odd,
      ...difference,
    });
    if (this.#difference !== null) this.#tellSplit(null, servers);
    if (odd === self) this.#beOdd(difference);
    else await calls.call(odd, 'state.odd', difference, callMs);
    this.#suspected = '';
  }

  #tellSplit(difference: StateDifference | null, servers: readonly StateHashes[]): void {
    const { calls, self } = this.#parts;
    const told = difference === null ? null : { index: difference.index, hashes: difference.hashes };
    this.#setDifference(told);
    for (const { id } of servers) if (id !== self) void calls.call(id, 'state.split', told, callMs).catch(() => {});
  }

  #setDifference(difference: StateDifference | null): void {
    const { logger } = this.#parts;
    if ((difference === null) !== (this.#difference === null)) {
      if (difference === null) logger.info('the states of servers do not differ any more: checkouts are granted again');
      else logger.error(splitText(difference.index), { hashes: difference.hashes });
    }
    this.#difference = difference;
  }

  /** Takes no more part; from control it parts first. */
  #beOdd(difference: StateDifference): void {
    if (this.#isOdd) return;
    this.#isOdd = true;
    const why =
      `STATE HASH DIFFERS: this server's state at log index ${difference.index} is not that of the two others. It takes no part ` +
      'until it is refilled from them, which it begins by itself.';
    this.#parts.logger.error(why, { hashes: difference.hashes });
    this.#parts.control.yieldControl().then(
      () => this.#parts.onOdd(why),
      () => this.#parts.onOdd(why),
    );
  }
}

function notesOf({ hashNotes, lastApplied, stateHash }: ServerFacts): readonly HashNote[] {
  return [...hashNotes, { index: lastApplied, hash: stateHash }];
}

function splitText(index: number): string {
  return (
    `STATE HASH DIFFERS between servers at log index ${index}, and no third one shows which is right: nothing is granted ` +
    '(STATE_DIFFERS) until it is started, and the odd one refilled.'
  );
}
