/** The append-only models, with their tables. */
const APPEND_ONLY: ReadonlyMap<string, string> = new Map([
  ['VaultEntry', 'vault_entries'],
  ['AuditRow', 'audit_log'],
]);

/** The field through which a write to a vault can reach entries. A test compares it with the schema. */
export const ENTRIES_FIELD = 'entries';

const READ_OR_INSERT = /^(find|count|aggregate|groupBy|create)/;
const NESTED_INSERTS: readonly string[] = ['create', 'createMany'];

const refused = (table: string, operation: string) =>
  new Error(
    `${table} is append-only: ${operation} refused. ${table === 'vault_entries' ? 'Write a new version of the entry instead.' : 'Write a new row instead.'}`,
  );

/** Refuses changes of entries that are nested in the values of another write. */
function refuseNested(values: unknown): void {
  if (typeof values !== 'object' || values === null || ArrayBuffer.isView(values)) return;
  for (const [key, inner] of Object.entries(values)) {
    // Filters may name entries, because they change nothing.
    if (key === 'where') continue;
    const nested = key === ENTRIES_FIELD && typeof inner === 'object' && inner !== null ? inner : {};
    const change = Object.keys(nested).find((operation) => !NESTED_INSERTS.includes(operation));
    if (change !== undefined) throw refused('vault_entries', `${ENTRIES_FIELD}.${change}`);
    refuseNested(inner);
  }
}

/** A call of the typed client, before it leaves the process. */
export interface ClientCall {
  /** Undefined for raw SQL. */
  model: string | undefined;
  operation: string;
  args: unknown;
}

/**
 * Refuses a call that could change an append-only table: directly, nested in another write, or by raw SQL, which belongs in
 * `Database`. The database refuses such changes too.
 * @throws Error that names the operation
 */
export function refuseChange({ model, operation, args }: ClientCall): void {
  if (model === undefined) {
    throw new Error(`The typed client runs no raw SQL: ${operation} refused. Use Database.rows instead.`);
  }
  const table = APPEND_ONLY.get(model);
  if (table !== undefined && !READ_OR_INSERT.test(operation)) throw refused(table, operation);
  const { data, create, update } = (args ?? {}) as Record<'data' | 'create' | 'update', unknown>;
  refuseNested({ data, create, update });
}
