import { randomUUID } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { Database } from '../../src/db/client.ts';
import { migrate } from '../../src/db/migrate.ts';
import { statementName } from '../../src/db/statement-name.ts';
import { ADD_KEY, BAN, FORGET_KEY, REGISTER_KEY, UNBAN } from '../../src/session/astation-sql.ts';
import { AstationStore } from '../../src/session/astation-store.ts';
import { BIND, LOOK_AT_BINDINGS, UNBIND } from '../../src/session/binding-sql.ts';
import { BindingStore } from '../../src/session/binding-store.ts';
import { LoginStore } from '../../src/session/login-store.ts';
import { CREATE_GRANTED, DENY, GRANT, REQUEST, REVOKE } from '../../src/session/sql.ts';
import { SessionStore } from '../../src/session/store.ts';
import { VaultFeed } from '../../src/vault/follow/feed.ts';
import { REMOVE_WRITER } from '../../src/vault/write/store.ts';
import { AstationKey } from '../support/astation-key.ts';
import { silent, useDatabase, withEmptyDatabase } from '../support/database.ts';
import { TestStore } from '../support/store.ts';
import { useProxiedDatabase } from '../support/tcp-proxy.ts';
import { exported, imported } from '../support/transfer.ts';

const database = useDatabase();
const proxied = useProxiedDatabase(database);

describe('C21, unknown outcome: a change whose confirmation is lost reports that it may have been made', () => {
  const unknown = {
    code: 'SERVICE_UNAVAILABLE',
    details: { outcome: 'unknown' },
    message:
      'The connection to the database was lost before this change was confirmed, so it may have been made. Check whether it was before you retry.',
  };
  const key = new AstationKey().publicKeyHex;
  const ann = { workSessionId: 'st-1', clientId: 'ann' };
  const newId = () => `st-${randomUUID()}`;
  const storesOf = ({ db }: typeof database) => ({
    logins: new LoginStore(db),
    sessions: new SessionStore(db),
    bindings: new BindingStore(db),
    astations: new AstationStore(db),
    vaults: new TestStore(db, new VaultFeed()),
  });
  let here: ReturnType<typeof storesOf>;
  let there: typeof here;
  beforeAll(() => {
    [here, there] = [storesOf(proxied), storesOf(database)];
  });

  /** By name: the statement, what has to be there before, and the change. */
  const CHANGES: Record<string, [string, () => Promise<() => Promise<unknown>>]> = {
    'a request': [REQUEST, async () => () => here.logins.request('host')],
    'a grant': [
      GRANT,
      async () => {
        const { id, otp } = await there.logins.request('host');
        return () => here.logins.grant(id, otp);
      },
    ],
    'a denial': [
      DENY,
      async () => {
        const { id } = await there.logins.request('host');
        return () => here.logins.deny(id);
      },
    ],
    'a session of the operator': [
      CREATE_GRANTED,
      async () => () => here.sessions.createGranted(randomUUID(), { hostname: 'h', astationId: 'st-1' }),
    ],
    'a revocation': [
      REVOKE,
      async () => {
        const id = randomUUID();
        await there.sessions.createGranted(id, { hostname: 'h', astationId: 'st-1' });
        return () => here.sessions.revoke(id);
      },
    ],
    'a binding': [BIND, async () => () => here.bindings.bind(newId(), randomUUID())],
    'a set of bindings': [BIND, async () => () => here.bindings.replace(newId(), [randomUUID()])],
    'an unbinding': [
      UNBIND,
      async () => {
        const [astation, session] = [newId(), randomUUID()];
        await there.bindings.bind(astation, session);
        return () => here.bindings.unbind(astation, session);
      },
    ],
    'a first proof': [REGISTER_KEY, async () => () => here.astations.registerOrVerify(newId(), key)],
    'a key that is added': [ADD_KEY, async () => () => here.astations.add(newId(), key)],
    'a key that is forgotten': [
      FORGET_KEY,
      async () => {
        const id = newId();
        await there.astations.add(id, key);
        return () => here.astations.forget(id);
      },
    ],
    'a ban': [BAN, async () => () => here.astations.ban(newId())],
    'the end of a ban': [
      UNBAN,
      async () => {
        const id = newId();
        await there.astations.ban(id);
        return () => here.astations.unban(id);
      },
    ],
  };

  async function whileLost(text: string, work: () => Promise<void>): Promise<void> {
    proxied.proxy.loseAnswers(text);
    try {
      await work();
    } finally {
      proxied.proxy.heal();
    }
  }

  test.each(Object.entries(CHANGES))('%s', async (_name, [sql, prepare]) => {
    const change = await prepare();
    await whileLost(statementName(sql), () => expect(change()).rejects.toMatchObject(unknown));
  });

  test('the removal of a writer, which is a write into a vault', async () => {
    const { vault_id } = await there.vaults.create(ann, 'x');
    await whileLost(statementName(REMOVE_WRITER), () =>
      expect(here.vaults.removeWriter(ann, vault_id, 'bob')).rejects.toMatchObject({
        details: { outcome: 'unknown' },
      }),
    );
  });

  test('an import: the sentence names the vault and allows a second import', async () => {
    await withEmptyDatabase(async (from) => {
      await migrate(from);
      const source = new Database({ url: from, poolSize: 2, log: silent });
      const { vault_id } = await new TestStore(source, new VaultFeed()).create(ann, 'x');
      await source.close();
      const lines = await exported(from);
      await withEmptyDatabase(async (to) => {
        await whileLost('INSERT INTO _prisma_migrations', () =>
          expect(migrate(throughProxy(to))).rejects.toThrow(/^Migration .* failed and was rolled back/),
        );
        await whileLost('COMMIT', () =>
          expect(migrate(throughProxy(to))).rejects.toThrow(
            /^The connection to the database was lost before migration \w+ was confirmed, so it may have been applied; migrate again\.$/,
          ),
        );
        await migrate(to);
        await whileLost('COMMIT', () =>
          expect(imported(throughProxy(to), lines)).rejects.toThrow(
            `the connection to the database was lost before vault ${vault_id} was confirmed, so it may be imported; import the same file again.`,
          ),
        );
        expect(await imported(to, lines)).toMatchObject({ vaults: 0, skipped: 1 });
      });
    });
  });

  test('but a read, which changes nothing, does not', async () => {
    await whileLost(statementName(LOOK_AT_BINDINGS), () =>
      expect(here.bindings.bind(newId(), randomUUID())).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        details: {},
      }),
    );
  });
});

/** The address of another database, by way of the proxy. */
function throughProxy(address: string): string {
  const url = new URL(proxied.url);
  url.pathname = new URL(address).pathname;
  return url.href;
}

describe('C21, unknown outcome: one that only a newer version of the database knows', () => {
  const ann = { workSessionId: 'st-1', clientId: 'ann' };
  let vaults: TestStore;
  beforeAll(() => {
    vaults = new TestStore(database.db, new VaultFeed());
  });

  const TYPES = { create_vault: 'vault_creation_outcome', write_to_vaults: 'vault_write_outcome' };

  /** Makes a function of the database answer otherwise. */
  async function withOutcome(
    name: keyof typeof TYPES,
    outcome: string,
    work: () => Promise<void>,
  ): Promise<void> {
    await database.admin.query(`ALTER TYPE ${TYPES[name]} ADD VALUE IF NOT EXISTS '${outcome}'`);
    const { rows } = await database.admin.query('SELECT pg_get_functiondef($1::regproc) AS definition', [
      name,
    ]);
    const definition = rows[0].definition as string;
    try {
      await database.admin.query(definition.replace(/'(written)'/g, `'${outcome}'`));
      await work();
    } finally {
      await database.admin.query(definition);
    }
  }

  test('creating a vault fails instead of drawing ids endlessly', async () => {
    await withOutcome('create_vault', 'novel', async () => {
      await expect(vaults.create(ann, 'x')).rejects.toThrow('does not know: novel');
    });
    await withOutcome('create_vault', 'taken', async () => {
      await expect(vaults.create(ann, 'x')).rejects.toThrow('each was taken');
    });
    expect((await vaults.create(ann, 'x')).vault_id).toMatch(/^v-/);
  });

  test('a write fails with a sentence that names the outcome', async () => {
    const { vault_id } = await vaults.create(ann, 'x');
    await withOutcome('write_to_vaults', 'novel', async () => {
      await expect(vaults.append(ann, vault_id, 'one')).rejects.toThrow('does not know: novel');
    });
  });
});
