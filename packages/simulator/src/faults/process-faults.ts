import type { CrashLoss, SeededRandom } from '@lic/testkit';
import type { ClusterServer } from '../cluster/cluster-server.ts';
import type { Ambush, FaultDeed, FaultTools, Injected, Undo } from './fault.ts';

type ProcessFault = 'crash' | 'crashInWrite' | 'crashInElection' | 'crashInChange' | 'powerCut' | 'stop' | 'pause';

/** What befalls the processes of servers. */
export function processFaults(tools: FaultTools): Record<ProcessFault, FaultDeed> {
  const { servers, boot, plan } = tools;
  const { marginMs } = plan.settings;
  const { electionTimeoutMinMs } = plan.timing;
  const crash = (server: ClusterServer, random: SeededRandom, lose?: CrashLoss): Injected => ({
    what: server.name,
    disturbs: { hosts: [server.name] },
    undo: killServer(tools, server, { random, ...(lose === undefined ? {} : { lose }) }),
  });
  return {
    crash: ({ server, random }) => (server.isUp ? crash(server, random) : undefined),
    crashInWrite: ({ random }) => ({
      waitFor: () => {
        const server = servers.find(({ isUp, disk }) => isUp && disk.isWriting);
        return server && crash(server, random, 'all-unsynced');
      },
    }),
    crashInElection: ({ random }) => {
      const terms = new Map(servers.map((server) => [server, termOf(server)]));
      return {
        waitFor: () => {
          const server = servers.find((each) => each.isUp && termOf(each) > (terms.get(each) ?? 0));
          return server && crash(server, random, 'all-unsynced');
        },
      };
    },
    crashInChange: ({ random }) => crashInChange(tools, random),
    powerCut: ({ random }) => {
      const undo = servers.filter(({ isUp }) => isUp).map((server) => killServer(tools, server, { random }));
      return {
        what: 'all servers',
        disturbs: { hosts: servers.map(({ name }) => name) },
        undo: () => void undo.map((each) => each()),
      };
    },
    stop: ({ server }) => {
      if (!server.isUp) return undefined;
      let isOver = false;
      let isStopped = false;
      const restart = (): void => {
        if (isOver && isStopped && !server.isUp) boot(server);
      };
      // However soon it is to start again: until it has ended it is on its way out.
      const calm = tools.atlas.begin({ hosts: [server.name] });
      void server.stop().then(() => {
        isStopped = true;
        calm();
        restart();
      });
      return {
        what: server.name,
        disturbs: { hosts: [server.name] },
        undo: () => {
          isOver = true;
          restart();
        },
      };
    },
    pause: ({ server, random, lastsMs }) => {
      if (!server.isUp) return undefined;
      const { runtime } = server;
      runtime.pause();
      return {
        what: server.name,
        disturbs: { hosts: [server.name] },
        undo: () => runtime.resume(),
        // Longer than the margin and too short for an election: whoever is in control stays so.
        lastsMs: random.chance(0.4) ? marginMs + random.float() * electionTimeoutMinMs : lastsMs,
      };
    },
  };
}

/** Waits for a server that puts another configuration in force, and ends its process. */
export function crashInChange(tools: FaultTools, random: SeededRandom): Ambush {
  return {
    waitFor: () => {
      const server = tools.servers.find((each) => each.isUp && each.server.inspect().consensus?.isChangingMembers);
      if (server === undefined) return undefined;
      const undo = killServer(tools, server, { random, lose: 'all-unsynced' });
      return { what: server.name, disturbs: { hosts: [server.name] }, undo };
    },
  };
}

/** Ends a server's process; the undo starts the next one. */
export function killServer(
  { boot }: FaultTools,
  server: ClusterServer,
  { random, lose = someLoss(random) }: { readonly random: SeededRandom; readonly lose?: CrashLoss },
): Undo {
  server.kill({ seenAs: random.pick(['reset', 'orderly', 'silence']), lose });
  return () => {
    if (!server.isUp) boot(server);
  };
}

/** What a crash takes of that which was not synced. */
export function someLoss(random: SeededRandom): CrashLoss {
  return random.pick(['all-unsynced', 'all-unsynced', 'nothing', () => random.chance(0.3)]);
}

function termOf(server: ClusterServer): number {
  return server.isUp ? (server.server.inspect().consensus?.term ?? 0) : 0;
}
