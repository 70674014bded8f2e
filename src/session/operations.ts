import { z } from 'zod';
import { isOperator } from '../access/policy.ts';
import { mutation, query } from '../api/trpc.ts';
import { badRequest, unauthorized } from '../errors.ts';
import type { AstationStore } from './astation-store.ts';
import type { LoginStore } from './login-store.ts';
import { CreatedSession, DeniedSession, GrantedSession, SessionInputs, SessionStatus } from './schema.ts';

const tags = ['session'];

const ID = '8a8f6c90-ba18-4178-9711-e20df7d81f84';
const TOKEN = 'd039cc28cb3cfb519b351dbefb9afb0685e575e3fda4a459e03fa9766279e1b5';

/** A grant that an Astation signed, with its registered key. */
export interface SignedGrant {
  sessionId: string;
  otp: string;
  astationId: string;
  publicKeyHex: string;
  signatureHex: string;
}

export interface SessionDeps {
  logins: LoginStore;
  astations: Pick<AstationStore, 'findKey' | 'isBanned'>;
  verifyGrant(grant: SignedGrant): boolean;
  /** Counts a guess of an OTP from an address. @throws RelayError `TOO_MANY_REQUESTS` */
  countGrantAttempt(address: string): Promise<void>;
}

/** The login calls of `atem`, which need no session, and `whoami`. */
export function makeSessionProcedures({ logins, astations, verifyGrant, countGrantAttempt }: SessionDeps) {
  /** @returns the Astation whose signature is valid, or undefined for a grant without one */
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
    if (await astations.isBanned(astation_id)) throw unauthorized('This Astation is banned.');
    const publicKeyHex = await astations.findKey(astation_id);
    if (publicKeyHex === undefined) throw unauthorized('No key is registered for this Astation.');
    const signed = { sessionId: id, otp, astationId: astation_id, publicKeyHex, signatureHex: signature };
    if (!verifyGrant(signed)) throw unauthorized('The signature does not match the key of this Astation.');
    return astation_id;
  }

  return {
    /** The caller's work session and client id; null for an operator. */
    whoami: query({
      who: 'reader',
      acrossVaults: true,
      output: z.object({ work_session_id: z.string().nullable(), client_id: z.string().nullable() }),
      run: async (reader) => ({
        value: isOperator(reader)
          ? { work_session_id: null, client_id: null }
          : { work_session_id: reader.workSessionId, client_id: reader.clientId },
      }),
    }),

    create: mutation({
      who: 'anybody',
      rest: {
        method: 'POST',
        path: '/sessions',
        status: 201,
        operationId: 'requestSession',
        tags,
        summary: 'Request a session',
        description: 'The request is pending for five minutes.',
        successDescription: 'The request was created.',
        example: {
          request: { hostname: 'build-mac' },
          answer: {
            id: ID,
            otp: '04381975',
            hostname: 'build-mac',
            status: 'pending',
            created_at: '2026-11-24T16:42:57.587610Z',
            expires_at: '2026-11-24T16:47:57.587610Z',
          },
        },
      },
      input: SessionInputs.create,
      output: CreatedSession,
      run: async (_, { hostname }) => ({ value: await logins.request(hostname) }),
    }),

    status: query({
      who: 'anybody',
      rest: {
        method: 'GET',
        path: '/sessions/{id}/status',
        operationId: 'getSessionStatus',
        tags,
        summary: 'Show the status of a session request',
        description: 'After the grant, the answer has the token for five minutes.',
        successDescription: 'The state of the session.',
        errors: ['NOT_FOUND'],
        example: { answer: { id: ID, status: 'granted', token: TOKEN } },
      },
      input: SessionInputs.status,
      output: SessionStatus,
      run: async (_, { id }) => ({ value: await logins.status(id) }),
    }),

    grant: mutation({
      who: 'anybody',
      rest: {
        method: 'POST',
        path: '/sessions/{id}/grant',
        operationId: 'grantSession',
        tags,
        summary: 'Grant a session by its OTP',
        description:
          'A grant by OTP alone binds the session to no Astation, so every vault call gets 401. A grant with `astation_id` and `signature` binds it too. The signature is the hex of DER ECDSA over SHA-256 of `vault-relay-grant-v1\\n<session id>\\n<otp>\\n<astation_id>`, by the registered key. Five wrong OTPs end the session.',
        successDescription: 'The session is granted.',
        errors: ['UNAUTHORIZED', 'NOT_FOUND', 'CONFLICT', 'GONE'],
        together: ['astation_id', 'signature'],
        example: { request: { otp: '04381975' }, answer: { id: ID, status: 'granted', token: TOKEN } },
      },
      input: SessionInputs.grant,
      output: GrantedSession,
      run: async (_, input, { source }) => {
        await countGrantAttempt(source.address);
        const signedBy = await readSigner(input);
        return { value: await logins.grant(input.id, input.otp, { signedBy, from: source }) };
      },
    }),

    deny: mutation({
      who: 'anybody',
      rest: {
        method: 'POST',
        path: '/sessions/{id}/deny',
        operationId: 'denySession',
        tags,
        summary: 'Deny a session',
        successDescription: 'The session is denied.',
        errors: ['NOT_FOUND', 'CONFLICT', 'GONE'],
        example: { request: {}, answer: { id: ID, status: 'denied' } },
      },
      input: SessionInputs.deny,
      output: DeniedSession,
      run: async (_, { id }, { source }) => {
        await countGrantAttempt(source.address);
        return { value: await logins.deny(id, source) };
      },
    }),
  };
}
