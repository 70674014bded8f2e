import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { useServer } from '../support/server.ts';
import { callOn, SURFACE_NAMES } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

const CALLS: [procedure: string, input: object][] = [
  ['vault.create', { summary: 'e1.AAAA' }],
  ['vault.write', { text: 'e1.AAAA' }],
  ['vault.write', { text: 'e1.AAAA', entry_id: 1 }],
  ['vault.append', { text: 'e1.AAAA' }],
  ['vault.override', { text: 'e1.AAAA', entry_id: 1 }],
  ['vault.setSummary', { text: 'e1.AAAA' }],
];

test.each(SURFACE_NAMES)(
  'a text that atem sealed is refused with 409 by every write: %s',
  async (surface) => {
    const credentials = { session: await server.login('st-1'), clientId: 'ann' };
    const call = (procedure: string, input: object, vaultId?: string) =>
      callOn(surface, server.url, {
        procedure,
        json: JSON.stringify(input),
        ...(vaultId === undefined ? {} : { vaultId }),
        credentials,
      });
    const made = await call('vault.create', {});
    const { vault_id } = (made as unknown as { result: { vault_id: string } }).result;
    await call('vault.append', { text: 'one' }, vault_id);
    for (const [procedure, input] of CALLS) {
      const { answer: _, ...outcome } = await call(
        procedure,
        input,
        procedure === 'vault.create' ? undefined : vault_id,
      );
      expect(outcome, procedure).toEqual({
        status: 409,
        code: 'CONFLICT',
        message: expect.stringMatching(/^A text or summary must not begin with "e1\.", .+ encryption .+\.$/),
      });
    }
    expect(await call('vault.read', { history: true }, vault_id)).toMatchObject({
      result: [{ content: 'one' }],
    });
  },
);
