import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory } from '@prisma/driver-adapter-utils';
import * as wasm from '@prisma/schema-engine-wasm/schema_engine_bg';

/**
 * Prisma's own schema engine as WebAssembly, from npm. Its results equal those of `prisma migrate`, without a download.
 */
export interface SchemaEngine {
  /** @returns the SQL that makes the tables of a Prisma schema in an empty database */
  toSql(schema: string): Promise<string>;
  /** The result of `prisma migrate status`, which compares a folder with `_prisma_migrations`. */
  diagnose(migrationsDir: string): Promise<wasm.DiagnoseMigrationHistoryOutput>;
}

/** Node has `WebAssembly`, but its types do not declare it as a value. */
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: {
    instantiate(bytes: Uint8Array, imports: object): Promise<{ instance: { exports: object } }>;
  };
};

const NO_FILTERS = { externalTables: [], externalEnums: [] };

async function loadEngine(): Promise<void> {
  const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
  const bytes = await readFile(path.join(path.dirname(entry), 'schema_engine_bg.wasm'));
  const { instance } = await WebAssembly.instantiate(bytes, { './schema_engine_bg.js': { ...wasm } });
  wasm.__wbg_set_wasm(instance.exports);
  (instance.exports as { __wbindgen_start(): void }).__wbindgen_start();
}

async function listMigrations(baseDir: string): Promise<wasm.MigrationList> {
  const names = (await readdir(baseDir)).sort();
  const migrationDirectories = names.map(async (name) => {
    const value = await readFile(path.join(baseDir, name, 'migration.sql'), 'utf8');
    return { path: name, migrationFile: { path: 'migration.sql', content: { tag: 'ok' as const, value } } };
  });
  return {
    baseDir,
    lockfile: { path: './migration_lock.toml', content: null },
    shadowDbInitScript: '',
    migrationDirectories: await Promise.all(migrationDirectories),
  };
}

let loaded: Promise<void> | undefined;

/** Runs work with the engine on a database. */
export async function withSchemaEngine<T>(
  url: string,
  work: (engine: SchemaEngine) => Promise<T>,
): Promise<T> {
  loaded ??= loadEngine();
  await loaded;
  const adapter = bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: url }));
  const provider = 'datasource db {\n  provider = "postgresql"\n}\n';
  const options = { datamodels: [['schema.prisma', provider] as [string, string]] };
  const engine = await wasm.SchemaEngine.new(options, () => undefined, adapter);
  try {
    return await work({
      toSql: async (schema) => {
        const { stdout } = await engine.diff({
          from: { tag: 'empty' },
          to: { tag: 'schemaDatamodel', files: [{ path: 'schema.prisma', content: schema }] },
          script: true,
          exitCode: null,
          shadowDatabaseUrl: null,
          filters: NO_FILTERS,
        } as unknown as wasm.DiffParams);
        return stdout ?? '';
      },
      diagnose: async (migrationsDir) =>
        engine.diagnoseMigrationHistory({
          migrationsList: await listMigrations(migrationsDir),
          optInToShadowDatabase: false,
          filters: NO_FILTERS,
        }),
    });
  } finally {
    engine.free();
  }
}
