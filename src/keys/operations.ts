import { administeredWorkSession, requireWorkSession } from '../access/administered.ts';
import type { Scope } from '../access/credential.ts';
import type { CredentialCache } from '../access/credential-cache.ts';
import { isOperator, type Reader } from '../access/policy.ts';
import type { Source } from '../access/source.ts';
import { operation, rendered } from '../api/operation.ts';
import { mutation, query, subscription } from '../api/trpc.ts';
import { forbidden } from '../errors.ts';
import { type FirstUseDeps, followFirstUse } from './first-use.ts';
import { CreatedKey, KeyInfo, KeyPage, makeKeyInputs, RevokedKey } from './schema.ts';
import type { Actor, KeyStore } from './store.ts';

const tags = ['key'];

const ID = '4k9x2m0q7d1z';
const FACTS = {
  id: ID,
  name: 'nightly build',
  work_session_id: 'st-4b1d',
  client_id: 'ci',
  scopes: ['read', 'write'],
  vaults: null,
  created_by: 'person:7b0c2d9a1b7e',
  created_at: '2026-11-24T16:42:57.587610Z',
  expires_at: null,
};

export interface KeyDeps {
  keys: KeyStore;
  credentials: Pick<CredentialCache, 'ended'>;
  maxClientIdCharacters: number;
  waiters: FirstUseDeps['waiters'];
}

const actorOf = ({ author = 'operator' }: Reader, from: Source): Actor => ({ author, from });

/** @throws RelayError `FORBIDDEN` for scopes that no key with these vaults may have, or that the caller lacks */
function checkGrant(reader: Reader, scopes: readonly Scope[], vaults: readonly string[] | undefined): void {
  const wide = vaults && scopes.find((scope) => scope === 'create' || scope === 'admin');
  if (wide) throw forbidden(`A key that is limited to vaults cannot have the scope ${wide}.`);
  if (isOperator(reader)) return;
  const lacking = scopes.find((scope) => !reader.scopes?.includes(scope));
  if (lacking) throw forbidden(`You lack the scope ${lacking}, so you cannot create a key with it.`);
}

/** The calls on keys, for keys with the scope `admin`, people, and operators who administer. */
export function makeKeyProcedures({ keys, credentials, maxClientIdCharacters, waiters }: KeyDeps) {
  const inputs = makeKeyInputs(maxClientIdCharacters);

  const list = operation({
    who: 'administrator',
    scope: 'admin',
    rest: {
      method: 'GET',
      path: '/keys',
      operationId: 'listKeys',
      tags,
      summary: 'List keys',
      description: 'The keys of a work session, oldest first, also those that were revoked or have expired.',
      successDescription: 'The keys, without their secrets.',
      errors: ['FORBIDDEN'],
      paged: true,
      example: { answer: [{ ...FACTS, state: 'live', last_used_at: null, revoked_at: null }] },
    },
    input: inputs.list.optional(),
    output: KeyInfo.array(),
    run: async (reader, input) => {
      const workSessionId = requireWorkSession(reader, input?.work_session_id);
      const page = await keys.list({ workSessionId, limit: input?.limit, cursor: input?.cursor });
      return { value: page.keys, next: page.next };
    },
  });

  return {
    create: mutation({
      who: 'administrator',
      scope: 'admin',
      rest: {
        method: 'POST',
        path: '/keys',
        status: 201,
        operationId: 'createKey',
        tags,
        summary: 'Create a key',
        description:
          'A key lets a program act in a work session under one client id. It cannot have a scope that its maker lacks.',
        successDescription: 'The key, which only this answer has.',
        errors: ['NOT_FOUND'],
        example: {
          request: { name: 'nightly build', client_id: 'ci' },
          answer: { key: `vr_${ID}_<secret>`, ...FACTS },
        },
      },
      input: inputs.create,
      output: CreatedKey,
      run: async (reader, { name, client_id, scopes, vaults, expires_in, work_session_id }, { source }) => {
        checkGrant(reader, scopes, vaults);
        const workSessionId = requireWorkSession(reader, work_session_id);
        const wanted = { workSessionId, name, clientId: client_id, scopes, vaults, expiresIn: expires_in };
        return { value: await keys.create(wanted, actorOf(reader, source)) };
      },
    }),

    list: query(list),
    listPage: query(rendered(list, KeyPage, (page, { next = null }) => ({ keys: page, next_cursor: next }))),

    /** Streams the time at which a key was first used, once, and ends. */
    firstUse: subscription({
      who: 'administrator',
      scope: 'admin',
      input: inputs.byId,
      run: (reader, { id }, { signal }) => followFirstUse({ keys, waiters }, { reader, id }, signal),
    }),

    revoke: mutation({
      who: 'administrator',
      scope: 'admin',
      rest: {
        method: 'DELETE',
        path: '/keys/{id}',
        operationId: 'revokeKey',
        tags,
        summary: 'Revoke a key',
        description: 'The key ends at once, with its streams and sockets. Revoking it again changes nothing.',
        successDescription: 'The key is revoked.',
        errors: ['NOT_FOUND'],
        example: { answer: { id: ID, revoked: true } },
      },
      input: inputs.byId,
      output: RevokedKey,
      run: async (reader, { id }, { source }) => {
        const within = administeredWorkSession(reader);
        // Before the answer, so that no call after it finds the key in the cache of this server.
        credentials.ended(await keys.revoke(id, within, actorOf(reader, source)));
        return { value: { id, revoked: true as const } };
      },
    }),
  };
}
