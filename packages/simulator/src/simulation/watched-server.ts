import { errorCode, errorMessage } from '@lic/interfaces';
import type { MemoryNetwork, VirtualWorld } from '@lic/testkit';
import type { ConsensusChecks } from '../checks/consensus-checks.ts';
import { watchForDamage } from '../checks/store-checks.ts';
import type { Fail } from '../checks/violation.ts';
import type { NamedServer } from '../cluster/cluster-license.ts';
import { ClusterServer } from '../cluster/cluster-server.ts';
import type { Atlas } from '../faults/atlas.ts';
import type { ServerPaths } from '../rare-paths/server-paths.ts';
import { draw, type Plan } from './plan.ts';

/** What a server of a run is made with, and who looks on at it. */
export interface WatchedServerParts {
  readonly world: VirtualWorld;
  readonly network: MemoryNetwork;
  readonly plan: Plan;
  readonly fail: Fail;
  readonly note: (who: string, what: string) => void;
  readonly serverPaths: ServerPaths;
  readonly consensus: ConsensusChecks;
  readonly atlas: Atlas;
  /** A server was told to accept a leap of its clock. */
  readonly leapAccepted: () => void;
}

/** Wall clocks of servers differ by so much at most when a run begins, ms. */
const clockOffsetMsMax = 20_000;

/** A server that does not run yet, with what watches its store, its consensus and its log. */
export function watchedServer(named: NamedServer, license: string, parts: WatchedServerParts): ClusterServer {
  const { world, network, plan, fail, note, serverPaths, consensus, atlas } = parts;
  const { timing, settings, raft, failback, failbackAfterMs, sync, isNew } = plan;
  const random = world.random.fork(`pace of ${named.name}`);
  const server = new ClusterServer(named, license, {
    world,
    network,
    timing,
    settings,
    isNew,
    raft,
    syncMs: () => draw(random, sync),
    more: { failback, failbackAfterMs },
    wrapStore: (store, booted) => {
      const watched = serverPaths.watchStore(store, booted);
      return watchForDamage(watched, { server: booted.name, disk: booted.disk, fail });
    },
    wrapConsensus: (factory, booted) => {
      const { runtime } = booted;
      return consensus.wrap(serverPaths.watchTransfers(factory), {
        server: booted.name,
        key: booted.key,
        isAlive: () => runtime.isAlive && booted.isUp,
        mayBeLearner: () => atlas.withoutMemory.has(booted),
        isPaused: () => runtime.isPaused,
        isRolledBack: () => atlas.withoutMemory.get(booted) === 'diskRolledBack',
      });
    },
  });
  server.clock = {
    wallOffsetMs: (random.float() - 0.5) * 2 * clockOffsetMsMax,
    drift: (random.float() - 0.5) * 0.008,
  };
  server.onLogLine = (line) => {
    const { level, message, fields } = line;
    serverPaths.logged(line);
    if (message === 'An operator has accepted the leap of license time.') parts.leapAccepted();
    if (level === 'debug') return;
    const error = fields?.err ?? fields?.reason ?? fields?.why;
    const why = error === undefined ? '' : ` (${errorMessage(error)})`;
    note(server.name, `${level}: ${message}${why}`);
    if (level === 'error' && error instanceof Error && errorCode(error) === 'INTERNAL')
      fail('bug', `${server.name} logged: ${message}: ${error.stack}`);
  };
  return server;
}
