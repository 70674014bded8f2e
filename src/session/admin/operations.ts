import { administeredWorkSession } from '../../access/administered.ts';
import type { Reader } from '../../access/policy.ts';
import type { Source } from '../../access/source.ts';
import { mutation, query } from '../../api/trpc.ts';
import { AdminInputs, Revoked, type SessionInfo, SessionPage } from './schema.ts';
import type { SessionAdminStore } from './store.ts';

export interface SessionAdminDeps {
  sessionAdmin: SessionAdminStore;
  /** The cache of this server, where an end takes effect before the call is answered. */
  credentials: { ended(idHash: string): void };
}

/**
 * The two calls for those who administer: a list, and the end of one of the list.
 * @param kind undefined: sessions of agents and of people
 */
export function makeSessionAdminProcedures(
  { sessionAdmin, credentials }: SessionAdminDeps,
  kind?: SessionInfo['kind'],
) {
  const revoke = async (reader: Reader, session: string, from: Source) => {
    const workSessionId = administeredWorkSession(reader);
    const by = reader.author ?? 'operator';
    const { fingerprint, ended } = await sessionAdmin.revoke(session, kind, { workSessionId, by, from });
    for (const idHash of ended) credentials.ended(idHash);
    return { value: { fingerprint } };
  };
  return {
    list: query({
      who: 'administrator',
      scope: 'admin',
      input: AdminInputs.list,
      output: SessionPage,
      run: async (reader, { work_session_id, live, cursor, limit }) => {
        const workSessionId = administeredWorkSession(reader, work_session_id);
        return { value: await sessionAdmin.list({ workSessionId, kind, live, cursor, limit }) };
      },
    }),

    revoke: mutation({
      who: 'administrator',
      scope: 'admin',
      input: AdminInputs.revoke,
      output: Revoked,
      run: (reader, { session }, { source }) => revoke(reader, session, source),
    }),
  };
}
