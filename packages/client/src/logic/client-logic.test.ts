import { describe, expect, test } from 'vitest';
import { LogicWorld } from '../testing/logic-world.test.fixture.ts';

describe('a first checkout', () => {
  test('dials the primary alone, and is granted over it', () => {
    const world = new LogicWorld();
    world.triad.giveControl(1);
    const client = world.client();
    const grant = client.hold();
    expect(client.dialled).toEqual(['mem://primary:1']);
    expect(client.stateOf(grant)).toBe('holding');
    expect(client.holds(grant)).toBe(true);
    expect(world.nowMs).toBeLessThan(10);
  });
});
