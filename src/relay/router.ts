import { z } from 'zod';
import { publicProcedure, router } from '../api/trpc.ts';
import type { AstationStore } from '../session/astation-store.ts';
import { hostname } from '../session/schema.ts';
import type { Hub } from './hub.ts';

const tags = ['pairing'];

const code = z.string().max(255);

export const CreatedPairing = z.object({ code: z.string() });

export const PairingStatus = z.object({
  paired: z.boolean(),
  hostname: z.string(),
  atem_count: z.int().min(0),
  atem_ids: z.array(z.string()).optional(),
  atem_connected: z.boolean(),
  astation_connected: z.boolean(),
  expired: z.boolean(),
});

export const ClosedPairing = z.object({ closed: z.literal(true) });

export interface PairingDeps {
  hub: Hub;
  astations: Pick<AstationStore, 'findKey'>;
}

/** The procedures on relay rooms; none needs a session. */
export const makePairingRouter = ({ hub, astations }: PairingDeps) =>
  router({
    create: publicProcedure
      .meta({
        status: 201,
        openapi: { method: 'POST', path: '/pair', tags, protect: false, summary: 'Open a pairing room' },
      })
      .input(z.strictObject({ hostname }))
      .output(CreatedPairing)
      .mutation(({ input }) => ({ code: hub.openPairing(input.hostname) })),

    status: publicProcedure
      .meta({
        openapi: {
          method: 'GET',
          path: '/pair/{code}',
          tags,
          protect: false,
          summary: 'See who is in a room',
        },
      })
      .input(z.strictObject({ code }))
      .output(PairingStatus)
      .query(({ input }) => hub.status(input.code)),

    close: publicProcedure
      .meta({
        openapi: { method: 'DELETE', path: '/pair/{code}', tags, protect: false, summary: 'Close a room' },
      })
      .input(z.strictObject({ code }))
      .output(ClosedPairing)
      .mutation(async ({ input }) => {
        hub.closeRoom(input.code, (await astations.findKey(input.code)) !== undefined);
        return { closed: true as const };
      }),
  });
