import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptClock,
  agreedClock,
  type ClockDecision,
  type ClockState,
  clockAtStart,
  clockRules,
  decideClock,
  isOff,
} from './license-time.ts';

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const noon = Date.UTC(2026, 5, 1, 12);

describe('the agreed clock', () => {
  it.each([
    ['the median of three', [0, 5, 900], 3, 5],
    ['the median of three, whichever is whose', [900, 0, 5], 3, 5],
    ['the earlier of two within 60 s', [0, 60 * second], 3, 0],
    ['none of two that are further apart', [0, 60 * second + 1], 3, null],
    ['none of one where there are three', [7], 3, null],
    ['none of one where there are two', [7], 2, null],
    ['the earlier of two where there are only two', [9, 3], 2, 3],
    ['its own where there is one', [7], 1, 7],
  ])('is %s', (_what, clocksMs, members, expected) => {
    expect(agreedClock(clocksMs, members)).toBe(expected);
  });

  it.each([
    [60 * second, false],
    [60 * second + 1, true],
    [-60 * second, false],
    [-60 * second - 1, true],
  ])('raises the alarm of one that is %i ms off: %s', (offMs, expected) => {
    expect(isOff(noon + offMs, noon)).toBe(expected);
  });
});

/** A server that looks at its clocks now and then. */
class Story {
  state: ClockState = clockAtStart;
  monotonicMs = 0;
  /** By how much each clock, its own first, is ahead of noon plus elapsed time. */
  offsMs: readonly number[];
  licenseTimeMs: number;
  readonly members: number;

  constructor({
    offsMs = [0, 0, 0],
    licenseTimeMs = 0,
    members = 3,
  }: { offsMs?: readonly number[]; licenseTimeMs?: number; members?: number }) {
    this.offsMs = offsMs;
    this.licenseTimeMs = licenseTimeMs;
    this.members = members;
  }

  get trueMs(): number {
    return noon + this.monotonicMs;
  }

  /** Lets time go by, looking every second, and says what the last look said. */
  after(ms: number): ClockDecision {
    for (const endMs = this.monotonicMs + ms; this.monotonicMs < endMs; ) {
      this.monotonicMs = Math.min(this.monotonicMs + second, endMs);
      this.look();
    }
    return this.look();
  }

  look(): ClockDecision {
    const clocksMs = this.offsMs.map((offMs) => this.trueMs + offMs);
    const decision = decideClock(this.state, {
      monotonicMs: this.monotonicMs,
      clocksMs,
      members: this.members,
      licenseTimeMs: this.licenseTimeMs,
    });
    this.state = decision.state;
    return decision;
  }

  /** Stamps a command that is applied. */
  apply(): number {
    const { stampMs } = this.look();
    this.licenseTimeMs = Math.max(this.licenseTimeMs, stampMs);
    return stampMs;
  }

  accept(): void {
    this.state = acceptClock(this.state, this.monotonicMs);
  }
}

describe('license time', () => {
  it('begins at the agreed clock, whatever that is', () => {
    const story = new Story({ offsMs: [20 * 365 * 24 * hour, 0, 5] });
    expect(story.look()).toMatchObject({ stampMs: noon + 5, pendingLeapMs: null, isAgreed: true });
  });

  it('does not begin while the clocks do not agree', () => {
    const story = new Story({ offsMs: [0] });
    expect(story.after(minute)).toMatchObject({ stampMs: 0, agreedMs: null, isAgreed: false });
    story.offsMs = [0, 0];
    expect(story.look().stampMs).toBe(story.trueMs);
  });

  it('follows the clocks that were set right before anything was applied', () => {
    const story = new Story({ offsMs: [24 * hour, 24 * hour, 24 * hour] });
    expect(story.after(minute).stampMs).toBe(story.trueMs + 24 * hour);
    story.offsMs = [0, 0, 0];
    expect(story.after(second).stampMs).toBe(story.trueMs);
  });

  it('does not leap where a server starts again and has read its log only then', () => {
    const story = new Story({ offsMs: [3 * hour, 3 * hour, 3 * hour] });
    story.after(second);
    story.licenseTimeMs = noon;
    story.look();
    expect(story.after(minute)).toMatchObject({ stampMs: noon + minute, pendingLeapMs: 3 * hour + second });
  });

  it('goes on from the last agreement where too few clocks can be read', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [30 * minute];
    expect(story.after(hour)).toMatchObject({ stampMs: story.trueMs, isAgreed: false });
    story.offsMs = [0, 2 * minute];
    expect(story.after(hour)).toMatchObject({ stampMs: story.trueMs, isAgreed: false });
  });

  it('goes on from the last applied where there never was an agreement', () => {
    const story = new Story({ offsMs: [5 * hour], licenseTimeMs: noon - hour });
    story.look();
    expect(story.after(minute).stampMs).toBe(noon - hour + minute);
  });

  it('takes a step of up to an hour at once', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [hour, hour, hour];
    expect(story.look()).toMatchObject({ stampMs: story.trueMs + hour, pendingLeapMs: null });
  });

  it('does not take a longer step in several short ones', () => {
    const story = new Story({});
    story.apply();
    for (let step = 1; step <= 3; step++) {
      story.offsMs = [0, 1, 2].map(() => step * 59 * minute);
      story.after(minute);
      story.apply();
    }
    expect(story.look().pendingLeapMs).toBeGreaterThan(hour);
    // It has the first step, and what has elapsed since.
    expect(story.licenseTimeMs).toBe(story.trueMs + 59 * minute);
  });

  it('runs at the rate of elapsed time until all have agreed on a leap for ten minutes', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [3 * hour, 3 * hour, 3 * hour + second];
    expect(story.look()).toMatchObject({ stampMs: noon, pendingLeapMs: 3 * hour });
    expect(story.after(10 * minute - second)).toMatchObject({ stampMs: story.trueMs, pendingLeapMs: 3 * hour });
    expect(story.after(second)).toMatchObject({ stampMs: story.trueMs + 3 * hour, pendingLeapMs: null });
  });

  it.each([
    ['a reachable server disagrees', [3 * hour, 3 * hour, 0]],
    ['a reachable server is just outside of a minute', [3 * hour, 3 * hour, 3 * hour + minute + 1]],
  ])('does not leap while %s', (_what, offsMs) => {
    const story = new Story({});
    story.apply();
    story.offsMs = offsMs;
    expect(story.after(24 * hour)).toMatchObject({ stampMs: story.trueMs, pendingLeapMs: 3 * hour });
    story.offsMs = [3 * hour, 3 * hour, 3 * hour];
    expect(story.after(11 * minute).pendingLeapMs).toBeNull();
  });

  it.each([
    ['one falls out for a moment', (story: Story) => (story.offsMs = [3 * hour, 0, 3 * hour])],
    ['the others can not be reached for a moment', (story: Story) => (story.offsMs = [3 * hour])],
    ['the agreed time itself moves', (story: Story) => (story.offsMs = [4 * hour, 4 * hour, 4 * hour])],
  ])('counts the ten minutes anew when %s', (_what, disturb) => {
    const story = new Story({});
    story.apply();
    story.offsMs = [3 * hour, 3 * hour, 3 * hour];
    story.after(9 * minute);
    disturb(story);
    story.after(second);
    story.offsMs = [3 * hour, 3 * hour, 3 * hour];
    expect(story.after(9 * minute).stampMs).toBe(story.trueMs);
    expect(story.after(2 * minute).stampMs).toBe(story.trueMs + 3 * hour);
  });

  it('leaps with two of three reachable, and with one of one, after ten minutes', () => {
    for (const { members, offsMs } of [
      { members: 3, offsMs: [3 * hour, 3 * hour] },
      { members: 1, offsMs: [3 * hour] },
    ]) {
      const story = new Story({ members, licenseTimeMs: noon, offsMs });
      expect(story.after(9 * minute).pendingLeapMs).toBeGreaterThanOrEqual(3 * hour);
      expect(story.after(2 * minute).pendingLeapMs).toBeNull();
    }
  });

  it('leaps at once when an operator accepts it', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [3 * hour, 3 * hour, 0];
    story.after(minute);
    story.accept();
    expect(story.look()).toMatchObject({ stampMs: story.trueMs + 3 * hour, pendingLeapMs: null });
  });

  it('treats what was applied elsewhere as elapsed', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [3 * hour, 3 * hour, 3 * hour];
    expect(story.look().pendingLeapMs).not.toBeNull();
    story.licenseTimeMs = story.trueMs + 2.5 * hour;
    expect(story.look()).toMatchObject({ pendingLeapMs: null, stampMs: story.trueMs + 3 * hour });
  });

  it('does not run back with the clocks, and goes on once they have come up', () => {
    const story = new Story({});
    story.apply();
    story.offsMs = [-hour, -hour, -hour];
    expect(story.after(30 * minute).stampMs).toBe(noon);
    expect(story.after(hour).stampMs).toBe(noon + 30 * minute);
  });

  it('does not leap after a restart that took a weekend, until all have agreed', () => {
    const story = new Story({ licenseTimeMs: noon - 60 * hour });
    story.look();
    expect(story.after(9 * minute)).toMatchObject({ stampMs: story.trueMs - 60 * hour, pendingLeapMs: 60 * hour });
    expect(story.after(2 * minute)).toMatchObject({ stampMs: story.trueMs, pendingLeapMs: null });
  });
});

const offMs = fc.oneof(
  fc.integer({ min: -90 * second, max: 90 * second }),
  fc.integer({ min: -5 * hour, max: 5 * hour }),
  fc.constantFrom(-100 * 365 * 24 * hour, 100 * 365 * 24 * hour, 0, hour, -hour),
);
/** How the world goes on: which clocks can be read, what they say, how long it lasts, whether something is applied. */
const turn = fc.record({
  offsMs: fc.array(offMs, { minLength: 1, maxLength: 3 }),
  forMs: fc.oneof(fc.integer({ min: 0, max: 5_000 }), fc.integer({ min: 0, max: 20 * minute })),
  isApplied: fc.boolean(),
  isAccepted: fc.boolean(),
});

describe('whatever the clocks say', () => {
  it('stamps never run back once something was applied, and follow what was applied (I7)', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 40 }), fc.constantFrom(0, noon), (turns, licenseTimeMs) => {
        const story = new Story({ licenseTimeMs });
        let beforeMs = 0;
        for (const { offsMs, forMs, isApplied, isAccepted } of turns) {
          story.offsMs = offsMs;
          if (isAccepted) story.accept();
          story.monotonicMs += forMs;
          const wasApplied = story.licenseTimeMs > 0;
          const stampMs = isApplied ? story.apply() : story.look().stampMs;
          if (wasApplied) expect(stampMs).toBeGreaterThanOrEqual(beforeMs);
          expect(stampMs).toBeGreaterThanOrEqual(story.licenseTimeMs);
          beforeMs = stampMs;
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('a single lying clock of three moves license time neither beyond the others nor, for long, behind them', () => {
    const lies = fc.array(
      fc.record({
        lieMs: offMs,
        isHeard: fc.boolean(),
        isOtherHeard: fc.boolean(),
        forMs: fc.integer({ min: 0, max: 5 * minute }),
      }),
      {
        minLength: 1,
        maxLength: 60,
      },
    );
    const honest = fc.integer({ min: -20 * second, max: 20 * second });
    fc.assert(
      fc.property(lies, honest, honest, fc.nat(2), (turns, ownMs, otherMs, liar) => {
        const story = new Story({ offsMs: [ownMs, otherMs, 0] });
        // It begins with all three heard: the median lies between honest clocks.
        for (const { lieMs, isHeard, isOtherHeard, forMs } of turns) {
          // The server that looks may be the liar itself.
          const clocks =
            liar === 0
              ? [lieMs, ownMs, otherMs]
              : [ownMs, ...(isOtherHeard ? [otherMs] : []), ...(isHeard ? [lieMs] : [])];
          story.offsMs = clocks;
          story.monotonicMs += forMs;
          const { stampMs, isAgreed } = story.look();
          if (stampMs === 0) continue;
          story.apply();
          expect(stampMs).toBeLessThanOrEqual(story.trueMs + Math.max(ownMs, otherMs));
          // All honest clocks heard: it is between them, but for what was stamped before.
          if (isAgreed && clocks.length === 3)
            expect(stampMs).toBeGreaterThanOrEqual(Math.floor(story.trueMs + Math.min(ownMs, otherMs)));
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });

  it('license time gains at most an hour on elapsed time within ten minutes, unless somebody accepts it', () => {
    fc.assert(
      fc.property(fc.array(turn, { maxLength: 40 }), (turns) => {
        const story = new Story({ licenseTimeMs: noon });
        const stamps: { readonly monotonicMs: number; readonly stampMs: number }[] = [];
        for (const { offsMs, forMs } of turns) {
          story.offsMs = offsMs;
          story.monotonicMs += Math.min(forMs, 30 * second);
          stamps.push({ monotonicMs: story.monotonicMs, stampMs: story.apply() });
          for (const { monotonicMs, stampMs } of stamps) {
            const elapsedMs = story.monotonicMs - monotonicMs;
            if (elapsedMs < clockRules.leapAgreedMs)
              expect(story.licenseTimeMs - stampMs).toBeLessThanOrEqual(elapsedMs + hour);
          }
        }
      }),
      { seed: 1, numRuns: 500 },
    );
  });
});
