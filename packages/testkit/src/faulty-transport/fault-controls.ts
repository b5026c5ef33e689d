/** Which way: what this transport's connections send, or what they receive. */
export type Direction = 'outbound' | 'inbound';

/** Steers the faults of one `faultyTransport` while it runs. None is on at first. */
export interface FaultControls {
  /** From now on every frame, and every end, is this much later, ms. Order is kept. Default 0. */
  setDelay(direction: Direction, delayMs: number): void;
  /** Holds all frames of that direction back. The transport's own probes go on below: it will not see a silence. */
  hold(direction: Direction): void;
  /** Lets what was held go, and all that follows. */
  release(direction: Direction): void;
  /** Resets every connection now open: both sides see `reset`. Answers how many there were. */
  dropConnections(): number;
  /** How many connections are open. */
  readonly connectionCount: number;
}

/** What controls do to one connection. */
export interface FaultyLink {
  /** Lets go what may go now. */
  update(direction: Direction): void;
  /** The network takes it away. */
  drop(): void;
}

/** What a link asks about its faults. */
export interface FaultState {
  readonly delayMs: Record<Direction, number>;
  readonly isHeld: Record<Direction, boolean>;
  readonly connections: Set<FaultyLink>;
}

const states = new WeakMap<FaultControls, FaultState>();

/** The state behind controls. Throws where `createFaultControls` did not make them. */
export function faultStateOf(controls: FaultControls): FaultState {
  const state = states.get(controls);
  if (state === undefined) throw new TypeError('controls come from createFaultControls');
  return state;
}

/** Makes controls, for one or more transports. */
export function createFaultControls(): FaultControls {
  const state: FaultState = {
    delayMs: { inbound: 0, outbound: 0 },
    isHeld: { inbound: false, outbound: false },
    connections: new Set(),
  };
  const controls: FaultControls = {
    setDelay(direction, delayMs) {
      state.delayMs[direction] = delayMs;
    },
    hold(direction) {
      state.isHeld[direction] = true;
    },
    release(direction) {
      state.isHeld[direction] = false;
      for (const connection of state.connections) connection.update(direction);
    },
    dropConnections() {
      const { size } = state.connections;
      for (const connection of [...state.connections]) connection.drop();
      return size;
    },
    get connectionCount() {
      return state.connections.size;
    },
  };
  states.set(controls, state);
  return controls;
}
