import { z } from 'zod';
import { operatorProcedure, router } from '../api/trpc.ts';
import type { WorkSessionInfo } from '../session/store.ts';

const count = z.int().min(0);

export const OperatorStatus = z.object({
  version: z.string(),
  uptime_seconds: z.number().min(0).meta({ description: 'Of the server that answers.' }),
  rooms: count.meta({ description: 'Relay rooms of the server that answers.' }),
  sockets: z
    .object({ atems: count, astations: count, pending: count })
    .meta({ description: 'Of the server that answers; `pending` have not proved their key yet.' }),
  work_sessions: z
    .array(z.object({ work_session_id: z.string(), sessions: z.int().min(1) }))
    .meta({ description: 'Astations that live sessions are bound to, with how many, by id.' }),
});

export interface OperatorDeps {
  version: string;
  /** The relay's rooms and sockets as they are now. */
  hub: { census(): Pick<z.output<typeof OperatorStatus>, 'rooms' | 'sockets'> };
  sessionStore: { listWorkSessions(): Promise<WorkSessionInfo[]> };
}

/** What only operators see. It has no REST face: it serves the dashboard, and its shape follows that. */
export const makeOperatorRouter = ({ version, hub, sessionStore }: OperatorDeps) =>
  router({
    status: operatorProcedure.output(OperatorStatus).query(async () => {
      const workSessions = await sessionStore.listWorkSessions();
      return {
        version,
        uptime_seconds: process.uptime(),
        ...hub.census(),
        work_sessions: workSessions.map(({ workSessionId, sessions }) => ({
          work_session_id: workSessionId,
          sessions,
        })),
      };
    }),
  });
