import { describe, expect, it } from 'vitest';
import { transportSuite } from '../transport-suite/transport-suite.ts';
import { memoryWorld } from './memory-world.ts';

transportSuite(
  { describe, it, expect },
  {
    name: 'memory',
    capabilities: {
      canAbort: true,
      seesOrderlyEnd: true,
      addressForPortZero: true,
      canHalfOpen: true,
      canHangDial: true,
    },
    makeWorld: () => Promise.resolve(memoryWorld()),
  },
);
