import { z } from 'zod';
import { query } from '../api/trpc.ts';
import type { WorkSessionInfo } from '../session/store.ts';

const count = z.int().min(0);

export const OperatorStatus = z.object({
  version: z.string(),
  uptime_seconds: z.number().min(0).meta({ description: 'Uptime of the server that answers, in seconds.' }),
  sockets: z
    .object({ atems: count, astations: count })
    .meta({ description: 'Relay sockets of the server that answers.' }),
  work_sessions: z
    .array(z.object({ work_session_id: z.string(), sessions: z.int().min(1) }))
    .meta({ description: 'Astations with bound live sessions, and the number of these sessions, by id.' }),
});

export interface OperatorDeps {
  version: string;
  sockets: { counts(): { atem: number; astation: number } };
  sessionStore: { listWorkSessions(): Promise<WorkSessionInfo[]> };
}

/** The calls for operators. They are on tRPC only, because they change together with the dashboard. */
export const makeOperatorProcedures = ({ version, sockets, sessionStore }: OperatorDeps) => ({
  status: query({
    who: 'operator',
    output: OperatorStatus,
    run: async () => {
      const workSessions = await sessionStore.listWorkSessions();
      const { atem, astation } = sockets.counts();
      return {
        value: {
          version,
          uptime_seconds: process.uptime(),
          sockets: { atems: atem, astations: astation },
          work_sessions: workSessions.map(({ workSessionId, sessions }) => ({
            work_session_id: workSessionId,
            sessions,
          })),
        },
      };
    },
  }),
});
