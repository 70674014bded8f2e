import { publicProcedure, router } from '../api/trpc.ts';
import { badRequest, unauthorized } from '../errors.ts';
import type { AstationStore } from './astation-store.ts';
import type { LoginStore } from './login-store.ts';
import { CreatedSession, DeniedSession, GrantedSession, SessionInputs, SessionStatus } from './schema.ts';

const tags = ['session'];

/** A grant that an Astation signed, with the key that is registered for it. */
export interface SignedGrant {
  sessionId: string;
  otp: string;
  astationId: string;
  publicKeyHex: string;
  signatureHex: string;
}

export interface SessionRouterDeps {
  logins: LoginStore;
  astations: Pick<AstationStore, 'findKey'>;
  verifyGrant(grant: SignedGrant): boolean;
}

/** The procedures by which `atem` logs in; none needs a session. */
export const makeSessionRouter = ({ logins, astations, verifyGrant }: SessionRouterDeps) => {
  /** @returns the Astation whose signature holds, or undefined for a grant without one */
  async function readSigner(grant: {
    id: string;
    otp: string;
    astation_id?: string | undefined;
    signature?: string | undefined;
  }): Promise<string | undefined> {
    const { id, otp, astation_id, signature } = grant;
    if (astation_id === undefined && signature === undefined) return undefined;
    if (astation_id === undefined || signature === undefined) {
      throw badRequest('A signed grant has both astation_id and signature.');
    }
    const publicKeyHex = await astations.findKey(astation_id);
    if (publicKeyHex === undefined) throw unauthorized('No key is registered for this Astation.');
    const signed = { sessionId: id, otp, astationId: astation_id, publicKeyHex, signatureHex: signature };
    if (!verifyGrant(signed)) throw unauthorized('The signature does not fit the key of this Astation.');
    return astation_id;
  }

  return router({
    create: publicProcedure
      .meta({
        status: 201,
        openapi: { method: 'POST', path: '/sessions', tags, protect: false, summary: 'Ask for a session' },
      })
      .input(SessionInputs.create)
      .output(CreatedSession)
      .mutation(({ input }) => logins.request(input.hostname)),

    status: publicProcedure
      .meta({
        takes: true,
        openapi: {
          method: 'GET',
          path: '/sessions/{id}/status',
          tags,
          protect: false,
          summary: 'See what became of it',
        },
      })
      .input(SessionInputs.status)
      .output(SessionStatus)
      .query(({ input }) => logins.status(input.id)),

    grant: publicProcedure
      .meta({
        openapi: {
          method: 'POST',
          path: '/sessions/{id}/grant',
          tags,
          protect: false,
          summary: 'Grant it by its OTP',
        },
      })
      .input(SessionInputs.grant)
      .output(GrantedSession)
      .mutation(async ({ ctx, input }) => {
        await ctx.countGrantAttempt();
        return logins.grant(input.id, input.otp, await readSigner(input));
      }),

    deny: publicProcedure
      .meta({
        openapi: { method: 'POST', path: '/sessions/{id}/deny', tags, protect: false, summary: 'Deny it' },
      })
      .input(SessionInputs.deny)
      .output(DeniedSession)
      .mutation(({ input }) => logins.deny(input.id)),
  });
};
