export { type SeededRandom, seededRandom } from './virtual/random.ts';
export {
  createVirtualWorld,
  type RunLimits,
  type VirtualClockOptions,
  type VirtualRuntime,
  type VirtualWorld,
  virtualEpochMs,
} from './virtual/virtual-world.ts';
