import { z } from 'zod';
import { mutation, query } from '../api/trpc.ts';
import type { AstationStore } from '../session/astation-store.ts';
import { hostname } from '../session/schema.ts';
import type { Hub } from './hub.ts';

const tags = ['pairing'];

const CODE = 'WVZG-72CA';

const code = z
  .string()
  .max(255)
  .meta({ description: 'A pairing code, or the id of an Astation.', example: CODE });

export const CreatedPairing = z.object({ code: z.string() }).meta({ id: 'CreatedPairing' });

export const PairingStatus = z
  .object({
    paired: z.boolean(),
    hostname: z.string(),
    atem_count: z.int().min(0),
    atem_ids: z.array(z.string()).optional(),
    atem_connected: z.boolean(),
    astation_connected: z.boolean(),
    expired: z.boolean(),
  })
  .meta({ id: 'PairingStatus' });

export const ClosedPairing = z.object({ closed: z.literal(true) }).meta({ id: 'ClosedPairing' });

export interface PairingDeps {
  hub: Hub;
  astations: Pick<AstationStore, 'findKey'>;
}

/** The calls on relay rooms; none needs a session. */
export const makePairingProcedures = ({ hub, astations }: PairingDeps) => ({
  create: mutation({
    who: 'anybody',
    rest: {
      method: 'POST',
      path: '/pair',
      status: 201,
      operationId: 'openPairing',
      tags,
      summary: 'Open a pairing room',
      description: 'The room lasts ten minutes while no Astation is in it.',
      successDescription: 'The room is open.',
      example: { request: { hostname: 'build-mac' }, answer: { code: CODE } },
    },
    input: z.strictObject({ hostname }),
    output: CreatedPairing,
    run: async (_, input) => ({ value: { code: await hub.openPairing(input.hostname) } }),
  }),

  status: query({
    who: 'anybody',
    rest: {
      method: 'GET',
      path: '/pair/{code}',
      operationId: 'getPairingStatus',
      tags,
      summary: 'Show the members of a room',
      description: 'After its ten minutes a room is `expired`. Ten minutes later it is unknown.',
      successDescription: 'The state of the room.',
      errors: ['NOT_FOUND'],
      example: {
        answer: {
          paired: true,
          hostname: 'build-mac',
          atem_count: 1,
          atem_ids: ['build-mac'],
          atem_connected: true,
          astation_connected: true,
          expired: false,
        },
      },
    },
    input: z.strictObject({ code }),
    output: PairingStatus,
    run: async (_, input) => ({ value: await hub.status(input.code) }),
  }),

  close: mutation({
    who: 'anybody',
    rest: {
      method: 'DELETE',
      path: '/pair/{code}',
      operationId: 'closePairing',
      tags,
      summary: 'Close a room',
      description:
        'Closes every socket in the room. A room whose Astation has a registered key cannot be closed.',
      successDescription: 'The room is closed.',
      errors: ['NOT_FOUND', 'CONFLICT'],
      example: { answer: { closed: true } },
    },
    input: z.strictObject({ code }),
    output: ClosedPairing,
    run: async (_, input) => {
      await hub.closeRoom(input.code, (await astations.findKey(input.code)) !== undefined);
      return { value: { closed: true as const } };
    },
  }),
});
