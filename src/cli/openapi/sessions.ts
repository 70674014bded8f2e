import { randomBytes } from 'node:crypto';
import type { Logger } from 'pino';
import { makeSessionId } from '../../access/session-id.ts';
import type { Config } from '../../config.ts';
import { SessionStore } from '../../session/store.ts';
import { withDatabase } from '../with-database.ts';

/** Sessions of two Astations. */
export interface Sessions {
  session: string;
  otherSession: string;
}

/** Makes sessions on the configured database, of Astations that nobody else has. */
export function makeSessions(config: Config, log: Logger): Promise<Sessions> {
  const run = randomBytes(4).toString('hex');
  return withDatabase(config, log, async (db) => {
    const store = new SessionStore(db);
    const create = async (astationId: string) => {
      const id = makeSessionId();
      await store.createGranted(id, { hostname: 'openapi-check', astationId });
      return id;
    };
    return {
      session: await create(`openapi-check-${run}`),
      otherSession: await create(`openapi-check-other-${run}`),
    };
  });
}
