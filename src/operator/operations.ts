import { z } from 'zod';
import type { Source } from '../access/source.ts';
import { mutation, query } from '../api/trpc.ts';
import type { WorkSessionInfo } from '../session/store.ts';
import { storableName } from '../wire.ts';

const count = z.int().min(0);

export const OperatorStatus = z.object({
  version: z.string(),
  uptime_seconds: z.number().min(0).meta({ description: 'Uptime of the server that answers, in seconds.' }),
  sockets: z
    .object({ atems: count, astations: count })
    .meta({ description: 'Relay sockets of the server that answers.' }),
  search_index: z
    .object({
      waiting: count.meta({ description: 'Work sessions whose rows this server is to index.' }),
      lag_seconds: z.number().min(0).meta({ description: 'How long the first of them has waited.' }),
      bytes: count.meta({ description: 'Size in the database, measured once a minute.' }),
    })
    .meta({ description: 'The index of searches. Searches are exact without it.' }),
  work_sessions: z
    .array(z.object({ work_session_id: z.string(), sessions: z.int().min(1) }))
    .meta({ description: 'Astations with bound live sessions, and the number of these sessions, by id.' }),
});

export interface OperatorDeps {
  version: string;
  sockets: { counts(): { atem: number; astation: number } };
  indexer: { state: { waiting: number; lag: number; bytes: number } };
  sessionStore: { listWorkSessions(): Promise<WorkSessionInfo[]> };
  astations: {
    ban(astationId: string, by: string, from: Source): Promise<boolean>;
    unban(astationId: string, by: string, from: Source): Promise<void>;
  };
}

const TheAstation = z.strictObject({ astation_id: storableName(255) });

/** The calls for operators. They are on tRPC only, because they change together with the dashboard. */
export const makeOperatorProcedures = ({
  version,
  sockets,
  indexer,
  sessionStore,
  astations,
}: OperatorDeps) => ({
  status: query({
    who: 'operator',
    output: OperatorStatus,
    run: async () => {
      const workSessions = await sessionStore.listWorkSessions();
      const { atem, astation } = sockets.counts();
      const { waiting, lag, bytes } = indexer.state;
      return {
        value: {
          version,
          uptime_seconds: process.uptime(),
          sockets: { atems: atem, astations: astation },
          search_index: { waiting, lag_seconds: lag, bytes },
          work_sessions: workSessions.map(({ workSessionId, sessions }) => ({
            work_session_id: workSessionId,
            sessions,
          })),
        },
      };
    },
  }),

  /** Ends the sockets, sessions and keys of an Astation on every server, and refuses new ones. */
  banAstation: mutation({
    who: 'administeringOperator',
    input: TheAstation,
    output: z.object({ banned: z.boolean().meta({ description: 'False: it was banned before.' }) }),
    run: async ({ author = 'operator' }, { astation_id }, { source }) => ({
      value: { banned: await astations.ban(astation_id, author, source) },
    }),
  }),

  unbanAstation: mutation({
    who: 'administeringOperator',
    input: TheAstation,
    output: z.object({}),
    run: async ({ author = 'operator' }, { astation_id }, { source }) => {
      await astations.unban(astation_id, author, source);
      return { value: {} };
    },
  }),
});
