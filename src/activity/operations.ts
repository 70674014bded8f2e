import { z } from 'zod';
import { COPIES_IN_MEMORY } from '../api/operation.ts';
import { query, resumableSubscription, router } from '../api/trpc.ts';
import type { VaultInputs } from '../vault/inputs.ts';
import { storable, storableName } from '../wire.ts';
import { CURSOR } from './cursor.ts';
import type { LiveActivity } from './live.ts';
import { type ActivityEvent, ActivityHours, ActivityPage, What } from './schema.ts';
import type { ActivityStore } from './store.ts';

/** Most rows of a page. */
const MAX_ROWS = 200;
const PAGE_ROWS = 50;
/** Most hours that are counted. */
const MAX_HOURS = 48;

const moment = z.iso.datetime({ offset: true });

const makeInputs = ({ meta, list, removeWriter }: VaultInputs) => ({
  page: z.strictObject({
    before: storable(() => undefined)
      .regex(CURSOR, 'must be the cursor of a page')
      .optional(),
    until: moment.optional(),
    since: moment.optional(),
    vault_id: meta.shape.vault_id.optional(),
    client_id: removeWriter.shape.client_id.optional(),
    tag: list.shape.tag,
    what: What.array().min(1).max(5).optional(),
    work_session_id: storableName(255).optional(),
    limit: z.int().min(1).max(MAX_ROWS).default(PAGE_ROWS),
  }),
  hours: z.strictObject({ hours: z.int().min(1).max(MAX_HOURS).default(MAX_HOURS) }),
  watch: z.strictObject({
    lastEventId: z
      .string()
      .regex(/^\d{1,16}$/)
      .nullish(),
  }),
});

export interface ActivityDeps {
  activity: ActivityStore;
  liveActivity: LiveActivity;
  vaultInputs: VaultInputs;
}

/** The calls on what goes on in all vaults of the caller's work session. An operator sees every vault. */
export function makeActivityProcedures({ activity, liveActivity, vaultInputs }: ActivityDeps) {
  const inputs = makeInputs(vaultInputs);
  return router({
    /** What happened, the newest first. */
    page: query({
      who: 'reader',
      acrossVaults: true,
      input: inputs.page,
      output: ActivityPage,
      run: async (reader, input) => ({ value: await activity.page(reader, input) }),
    }),

    /** How much was written in each of the last hours. */
    hours: query({
      who: 'reader',
      acrossVaults: true,
      input: inputs.hours,
      output: ActivityHours,
      run: async (reader, { hours }) => ({ value: await activity.hours(reader, hours) }),
    }),

    /** Streams what happens, and who is present. A client that comes back resumes where it was. */
    watch: resumableSubscription({
      who: 'reader',
      acrossVaults: true,
      input: inputs.watch,
      run: (reader, { lastEventId }, { signal, hold }) => {
        const since = lastEventId ? Math.min(Number(lastEventId), Number.MAX_SAFE_INTEGER) : undefined;
        return liveActivity.watch(reader, {
          since,
          signal,
          hold: (bytes) => hold(COPIES_IN_MEMORY * bytes),
        });
      },
      idOf: ({ at }: ActivityEvent) => String(at),
    }),
  });
}
