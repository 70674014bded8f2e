import type pg from 'pg';
import { beforeAll, describe, expect, test } from 'vitest';
import { hashSessionId } from '../../src/access/session-id.ts';
import { ACTIVITY, ANNOUNCED } from '../../src/activity/sql.ts';
import * as vaultAuditSql from '../../src/audit/vault-audit-sql.ts';
import * as keySql from '../../src/keys/sql.ts';
import * as peopleSql from '../../src/people/sql.ts';
import * as astationSql from '../../src/session/astation-sql.ts';
import * as bindingSql from '../../src/session/binding-sql.ts';
import * as otherSessionSql from '../../src/session/sql.ts';
import { READ_HEADS } from '../../src/vault/follow/head-store.ts';
import { READ_LIST_ITEMS } from '../../src/vault/read/list-item-store.ts';
import { PORTION_BYTES, PORTION_ROWS } from '../../src/vault/read/portion-sql.ts';
import { LISTS_OF_WORK_SESSION } from '../../src/vault/read/shared-list-store.ts';
import { LIMITED_LISTS, READS } from '../../src/vault/read/sql.ts';
import { WRITE } from '../../src/vault/write/batch-store.ts';
import { CREATE } from '../../src/vault/write/create-store.ts';
import { REMOVE_WRITER } from '../../src/vault/write/store.ts';
import { useDatabase } from '../support/database.ts';

const database = useDatabase();

const sessionSql = { ...otherSessionSql, ...bindingSql, ...astationSql, ...keySql };
const vaultSql = {
  ...vaultAuditSql,
  READ_HEADS,
  WRITE,
  CREATE,
  REMOVE_WRITER,
  ...LISTS_OF_WORK_SESSION,
  READ_LIST_ITEMS,
  ANNOUNCED,
  ACTIVITY_PAGE: ACTIVITY.caller.PAGE,
  ACTIVITY_HOURS: ACTIVITY.caller.HOURS,
  LIMITED_ACTIVITY_PAGE: ACTIVITY.limited.PAGE,
  LIMITED_ACTIVITY_HOURS: ACTIVITY.limited.HOURS,
  ...READS.caller,
};

/** 100,000 entries and 24,001 writers in 2,002 vaults of 500 work sessions, 20,000 sessions and 20,000 keys. */
const FILL = `
  INSERT INTO vaults (bucket, vault_id, summary, work_session_id, created_by, writer_list, next_entry_no, head_seq)
  SELECT vault_bucket('v-' || n), 'v-' || n, 'vault ' || n, 'st-' || n % 500, 'client-' || n,
    ARRAY['client-' || n, 'client-' || n + 1], 46, 45
  FROM generate_series(1, 2000) AS n;
  INSERT INTO vault_writers (bucket, vault_id, client_id)
  SELECT vault_bucket('v-' || n), 'v-' || n, 'client-' || n + more FROM generate_series(0, 1) AS more, generate_series(1, 2000) AS n;
  INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
  SELECT vault_bucket('v-' || n), 'v-' || n, (version - 1) * 15 + entry_no, entry_no, version, 'content', 'client-' || n, repeat('text ', 20), sha256('')
  FROM generate_series(1, 3) AS version, generate_series(1, 15) AS entry_no, generate_series(1, 2000) AS n;

  INSERT INTO vaults (bucket, vault_id, work_session_id, created_by, next_entry_no, head_seq) VALUES
    (vault_bucket('v-many-entries'), 'v-many-entries', 'st-1', 'ann', 5001, 5000),
    (vault_bucket('v-many-versions'), 'v-many-versions', 'st-1', 'ann', 2, 5000);
  INSERT INTO vault_writers (bucket, vault_id, client_id)
  SELECT vault_bucket(id), id, 'ann' FROM unnest('{v-many-entries,v-many-versions}'::text[]) AS id;
  INSERT INTO vault_writers (bucket, vault_id, client_id)
  SELECT vault_bucket('v-many-entries'), 'v-many-entries', 'run-' || n FROM generate_series(1, 19999) AS n;
  INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
  SELECT vault_bucket('v-many-entries'), 'v-many-entries', n, n, 1, 'content', 'ann', 'text', sha256('') FROM generate_series(1, 5000) AS n;
  INSERT INTO vault_entries (bucket, vault_id, seq, entry_no, version, kind, writer_id, content, hash)
  SELECT vault_bucket('v-many-versions'), 'v-many-versions', n, 1, n, 'content', 'ann', 'text', sha256('') FROM generate_series(1, 5000) AS n;

  INSERT INTO vault_outside_reads (bucket, vault_id, client_id, work_session_id)
  SELECT vault_bucket('v-' || n), 'v-' || n, 'client-' || more, 'st-none'
  FROM generate_series(1, 2000) AS n, generate_series(1, 5) AS more;

  INSERT INTO sessions (id_hash, hostname, status, astation_id, expires_at)
  SELECT sha256(n::text::bytea), 'host', 'granted', 'st-' || n % 500, now() + interval '1 day'
  FROM generate_series(1, 20000) AS n;
  INSERT INTO people (id, name) SELECT 'p' || n, 'person ' || n FROM generate_series(1, 5000) AS n;
  INSERT INTO sign_in_codes (code_hash, role, expires_at)
  SELECT sha256(n::text::bytea), 'operator', now() + interval '1 minute' FROM generate_series(1, 5000) AS n;
  INSERT INTO astations (astation_id, public_key)
  SELECT 'st-' || n, '04' || repeat('ab', 64) FROM generate_series(1, 5000) AS n;
  INSERT INTO api_keys (id, key_hash, work_session_id, name, client_id, scopes, created_by)
  SELECT 'k' || lpad(n::text, 11, '0'), sha256(n::text::bytea), 'st-' || n % 500, 'a key', 'ci', '{read}', 'operator'
  FROM generate_series(1, 20000) AS n`;

beforeAll(async () => {
  await database.admin.query(FILL);
  // VACUUM as autovacuum does.
  for (const table of [
    'vaults',
    'vault_entries',
    'vault_writers',
    'vault_outside_reads',
    'sessions',
    'astations',
    'api_keys',
  ]) {
    await database.admin.query(`VACUUM ANALYZE ${table}`);
  }
  const { rows } = await database.admin.query('SELECT count(*)::int AS n FROM vault_entries');
  expect(rows[0].n).toBe(100_000);
});

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Index Cond'?: string;
  'Relation Name'?: string;
  'Actual Loops'?: number;
  /** Of this node and those below it. */
  'Shared Hit Blocks'?: number;
  'Shared Read Blocks'?: number;
  Plans?: PlanNode[];
}

type Arg = string | number | boolean | null;

/** Both ways that PostgreSQL plans a prepared statement: for the values at hand, or once for all. */
const PLANS = ['force_custom_plan', 'force_generic_plan'] as const;

const flatten = (node: PlanNode): PlanNode[] => [node, ...(node.Plans ?? []).flatMap(flatten)];

/** @returns the plan's nodes for a statement that is prepared as the server prepares it */
async function explain(
  sql: string,
  args: Arg[],
  planCacheMode: (typeof PLANS)[number],
  options = '',
): Promise<PlanNode[]> {
  const client: pg.PoolClient = await database.admin.connect();
  try {
    await client.query(`SET plan_cache_mode = ${planCacheMode}`);
    await client.query(`PREPARE statement AS ${sql}`);
    const values = args.map((arg) => (typeof arg === 'string' ? client.escapeLiteral(arg) : String(arg)));
    const execute = `EXECUTE statement${values.length ? `(${values.join(', ')})` : ''}`;
    // The first of a connection reads the catalogue too, which would count as blocks of the plan.
    await client.query(`EXPLAIN (${options}FORMAT JSON) ${execute}`);
    const { rows } = await client.query(`EXPLAIN (${options}FORMAT JSON) ${execute}`);
    // Counted now, not when the connection has closed: a test below compares counts.
    await client.query('SELECT pg_stat_force_next_flush()');
    return flatten(rows[0]['QUERY PLAN'][0].Plan);
  } finally {
    client.release(true);
  }
}

const scansOf = (nodes: PlanNode[]) =>
  nodes.filter((node) => node['Node Type'] === 'Seq Scan').map((node) => node['Relation Name']);

const indexesOf = (nodes: PlanNode[]) =>
  [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].toSorted();

const ENTRY_KEY = 'vault_entries_bucket_vault_id_entry_no_version_key';
const hash = `\\x${'ab'.repeat(32)}`;

/** Indexes that begin with the bucket of a vault. */
const BUCKET_FIRST = [
  'vaults_pkey',
  'vault_entries_pkey',
  ENTRY_KEY,
  'vault_writers_pkey',
  'vault_outside_reads_pkey',
  'vault_outside_reads_by_vault',
];

interface Case {
  args: Arg[];
  /** Indexes that serve the statement; of those in one group, the planner may take any. */
  indexes: string[][];
}

const who = (vaultId: string) => [vaultId, 'st-1', 'ann'];
const whole = (vaultId: string) => [...who(vaultId), PORTION_ROWS, PORTION_BYTES];
const each = (indexes: string[][], ...argLists: Case['args'][]): Case[] =>
  argLists.map((args) => ({ args, indexes }));

const VAULT = ['vaults_pkey'];
/** Both have all of its columns: where both are known, the planner may take either. */
const WRITER = ['vault_writers_pkey', 'vault_writers_by_client'];
/** A small vault may as well be read by its entries and sorted, a row near the head of all found by its seq. */
const IN_ORDER = [ENTRY_KEY, 'vault_entries_pkey'];

const OUTSIDE_READS = ['vault_outside_reads_by_vault', 'vault_outside_reads_pkey'];
const SOURCE = ['request-1', '127.0.0.1'];
const ORIGIN = ['abcdef123456', ...SOURCE];

const MIB = 1_048_576;

/** The values of a read: since, as of, text, writer, tag, last position, how many, kind, bytes, begun, how many to look at, weight, entry, details, author. */
const reading = (vaultId: string, since: number, rest: Arg[] = [null, null, null, null, -1, 1000]) => [
  ...who(vaultId),
  since,
  ...rest,
  'content',
  MIB,
  false,
  5000,
  MIB / 2,
  null,
  false,
  null,
];
/** The same of one entry. */
const readingEntry = (entryNo: number, ...args: Parameters<typeof reading>): Arg[] => [
  ...reading(...args).slice(0, -3),
  entryNo,
  true,
  'session:abcdef123456',
];
/** The same values of somebody who has neither work session nor client id. */
const asOperator = ([vaultId = '', , , ...rest]: Arg[]): Arg[] => [vaultId, null, null, ...rest];

/** A search pattern, as PostgreSQL writes arrays. */
const TEXT = '{NULL,***:[tT]ext,NULL,text}';

const FILTERS: Arg[][] = [
  [4000, null, null, null, -1, 10],
  [null, TEXT, 'ann', 'tag', 3, 10],
];

/** Work session, client id, text, writer, tag, last vault's time and id, how many, bytes, begun, how many to look at, author, vaults that may have the text, and since when others changed. */
const LISTS: Arg[][] = [
  [
    'st-1',
    'client-7',
    TEXT,
    'ann',
    'tag',
    1_795_537_984_156_964,
    'v-1',
    10,
    MIB,
    true,
    200,
    'key:4k9x2m0q7d1z',
    '{v-1,v-2}',
    1_795_537_984_156_964,
  ],
  ['st-none', 'ann', TEXT, 'ann', 'tag', null, null, 1000, MIB, false, 200, null, null, null],
];

/** Work session and vaults of a caller who is limited to them. */
const LIMITED = ['st-1', '{v-1,v-2,v-many-entries}'];

/** Time, vault and `n` of the last row, how many, vault, client, tag, what, work session, since. */
const NO_ACTIVITY_FILTER: Arg[] = [null, null, null, 50, null, null, null, null, null, null];
const ACTIVITY_FILTER: Arg[] = [
  1_795_537_984_156_964,
  'v-1',
  5,
  50,
  'v-1',
  'ann',
  null,
  '{wrote,read}',
  'st-1',
  1_790_000_000_000_000,
];

/** Work session, and the clients that ask. */
const TOGETHER: Arg[][] = [
  ['st-1', '{client-1,client-7,ann}'],
  ['st-none', '{}'],
];

/** For every statement, values that it is used with, and the indexes that serve it. */
const VAULT_CASES: Record<keyof typeof vaultSql, Case[]> = {
  // What these two do inside is looked at below.
  CREATE: each([], ['{}', 0]),
  WRITE: each([], ['[]', 0, 0]),
  LIST: each(
    [['vaults_by_work_session'], ['vault_writers_by_client'], VAULT],
    ['st-1', 'client-7'],
    ['st-none', 'ann'],
  ),
  LIST_TOGETHER: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT], ...TOGETHER),
  LIST_DETAILS_TOGETHER: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT], ...TOGETHER),
  READ_LIST_ITEMS: each([VAULT], ['{v-1,v-2}', '{st-1,st-none}']),
  LIST_MATCHING: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT, IN_ORDER], ...LISTS),
  LIST_DETAILS: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT, IN_ORDER], ...LISTS),
  MEASURE_LIST: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT, IN_ORDER], ...LISTS),
  MEASURE_DETAILS: each([['vaults_by_work_session'], ['vault_writers_by_client'], VAULT, IN_ORDER], ...LISTS),
  READ_WHOLE: each(
    [VAULT, WRITER, [ENTRY_KEY]],
    whole('v-1'),
    whole('v-many-entries'),
    whole('v-many-versions'),
  ),
  READ_CURRENT: each(
    [VAULT, WRITER, [ENTRY_KEY], IN_ORDER],
    reading('v-1', 0),
    reading('v-many-entries', 0),
    reading('v-many-versions', 0),
    ...FILTERS.map((rest) => reading('v-many-entries', 0, rest)),
    readingEntry(2500, 'v-many-entries', 0),
  ),
  MEASURE_CURRENT: each([VAULT, WRITER, [ENTRY_KEY], IN_ORDER], reading('v-many-entries', 0)),
  MEASURE_HISTORY: each([VAULT, WRITER, IN_ORDER], reading('v-many-versions', 0)),
  READ_ENTRY_HISTORY: each(
    [VAULT, WRITER, [ENTRY_KEY], IN_ORDER],
    readingEntry(7, 'v-1', 0),
    readingEntry(2500, 'v-many-entries', 0),
    readingEntry(1, 'v-many-versions', 0),
    readingEntry(1, 'v-many-versions', 4990),
    ...FILTERS.map((rest) => readingEntry(1, 'v-many-versions', 0, rest)),
  ),
  MEASURE_ENTRY_HISTORY: each(
    [VAULT, WRITER, [ENTRY_KEY], IN_ORDER],
    readingEntry(2500, 'v-many-entries', 0),
  ),
  READ_HISTORY: each(
    [VAULT, WRITER, IN_ORDER],
    reading('v-1', 0),
    reading('v-many-entries', 0),
    reading('v-many-versions', 0),
    reading('v-many-versions', 4990),
    ...FILTERS.map((rest) => reading('v-many-versions', 0, rest)),
  ),
  READ_CURRENT_SINCE: each(
    [VAULT, WRITER, IN_ORDER],
    reading('v-1', 40),
    reading('v-many-entries', 4990),
    reading('v-many-versions', 4990),
    ...FILTERS.map((rest) => reading('v-many-versions', 4000, rest)),
  ),
  READ_HEADS: each(
    [VAULT, WRITER, IN_ORDER],
    ['{v-1}', '{st-1}', '{client-1}', '{NULL}'],
    ['{v-1,v-many-entries}', '{st-1,st-none}', '{client-1,NULL}', '{40,4995}'],
  ),
  READ_META: each([VAULT, WRITER, IN_ORDER, OUTSIDE_READS], who('v-1'), who('v-many-versions')),
  READ_PROOF: each(
    [VAULT, WRITER, IN_ORDER],
    [...who('v-1'), 0, 1000, MIB],
    [...who('v-many-versions'), 4900, 1000, MIB],
  ),
  ANNOUNCED: each([VAULT, IN_ORDER, OUTSIDE_READS], ['{v-1,v-2}', '{3,-4}', '{st-1,NULL}']),
  ACTIVITY_PAGE: each(
    [['vaults_by_work_session'], IN_ORDER, OUTSIDE_READS],
    ['st-1', null, ...NO_ACTIVITY_FILTER],
    ['st-1', null, ...ACTIVITY_FILTER],
  ),
  ACTIVITY_HOURS: each([['vaults_by_work_session'], IN_ORDER], ['st-1', null, 48]),
  LIMITED_ACTIVITY_PAGE: each([VAULT, IN_ORDER, OUTSIDE_READS], [...LIMITED, ...NO_ACTIVITY_FILTER]),
  LIMITED_ACTIVITY_HOURS: each([VAULT, IN_ORDER], [...LIMITED, 48]),
  REMOVE_WRITER: each([VAULT, WRITER], [...who('v-1'), ...ORIGIN, 'client-1']),
  NOTE_OPERATOR_READ: each([], ['v-1', null, 'request-1', '127.0.0.1', 'read']),
  NOTE_OUTSIDE_READS: each([OUTSIDE_READS, VAULT], ['{v-1}', 'st-1', 'ann', ...ORIGIN, 'read']),
  EXPLAIN_REFUSAL: each([VAULT, WRITER], [...who('v-1'), ...ORIGIN, 'ann', 'read']),
  NOTE_REFUSALS: each([], [...who('v-1'), ...ORIGIN, '{append}', '{bad_request}']),
};

const nobody = (vaultId: string) => [vaultId, null, null];

/** The same for operators. What lists every vault reads every vault, and of their entries what it looks for. */
const OPERATOR_CASES: Record<keyof typeof READS.operator, Case[]> = {
  LIST: [],
  LIST_MATCHING: [],
  LIST_DETAILS: [],
  MEASURE_LIST: [],
  MEASURE_DETAILS: [],
  MEASURE_CURRENT: each([VAULT, [ENTRY_KEY], IN_ORDER], asOperator(reading('v-many-versions', 0))),
  MEASURE_HISTORY: each([VAULT, IN_ORDER], asOperator(reading('v-many-versions', 4990))),
  READ_WHOLE: each([VAULT, [ENTRY_KEY]], [...nobody('v-many-versions'), PORTION_ROWS, PORTION_BYTES]),
  READ_CURRENT: each([VAULT, [ENTRY_KEY], IN_ORDER], asOperator(reading('v-many-versions', 0))),
  READ_HISTORY: each([VAULT, IN_ORDER], asOperator(reading('v-many-versions', 4990))),
  READ_ENTRY_HISTORY: each(
    [VAULT, [ENTRY_KEY], IN_ORDER],
    asOperator(readingEntry(2500, 'v-many-entries', 0)),
  ),
  MEASURE_ENTRY_HISTORY: each(
    [VAULT, [ENTRY_KEY], IN_ORDER],
    asOperator(readingEntry(2500, 'v-many-entries', 0)),
  ),
  READ_CURRENT_SINCE: each([VAULT, IN_ORDER], asOperator(reading('v-many-entries', 4990))),
  READ_META: each([VAULT, WRITER, IN_ORDER, OUTSIDE_READS], nobody('v-many-versions')),
  READ_PROOF: each([VAULT, IN_ORDER], [...nobody('v-many-versions'), 4900, 1000, MIB]),
};

/** All of a feature's statements but those that read a whole table because that is what is asked for. */
const READS_ALL = [
  'SESSION_ENDED_CHANNEL',
  'KEY_USED_CHANNEL',
  'KEY_FORGOTTEN_CHANNEL',
  'KEY_REGISTERED_CHANNEL',
  'ASTATION_BANNED_CHANNEL',
  'ASTATION_UNBANNED_CHANNEL',
  'LIST_BANS',
  'LIST',
  'LOAD_KEYS',
  'SWEEP_CLOCK',
] as const;
const BANS = ['astation_bans_pkey'];

const SESSION_CASES: Record<Exclude<keyof typeof sessionSql, (typeof READS_ALL)[number]>, Case[]> = {
  CREATE_GRANTED: each([], [hash, 'host', 'st-1']),
  USE: each([['sessions_pkey'], BANS], [hash]),
  REVOKE: each([['sessions_pkey']], [hash, null, ...SOURCE]),
  ENDED: each([['sessions_pkey'], ['api_keys_key_hash_key'], BANS], [`{${'ab'.repeat(32)}}`]),
  REQUEST: each([], [hash, 'host', hash]),
  STATUS: each([['sessions_pkey']], [hash]),
  PEEK: each([['sessions_pkey']], [hash]),
  GRANT: each([['sessions_pkey']], [hash, hash, 'token', 'st-1', ...SOURCE]),
  DENY: each([['sessions_pkey']], [hash, ...SOURCE]),
  LOOK_AT_BINDINGS: each(
    [['sessions_by_astation'], ['sessions_pkey']],
    ['st-1', `{\\\\x${'ab'.repeat(32)}}`],
  ),
  // What it does inside is looked at below.
  BIND: each([], ['st-1', `{\\\\x${'ab'.repeat(32)}}`, 'true', ...SOURCE]),
  UNBIND: each([['sessions_pkey', 'sessions_by_astation']], ['st-1', hash, ...SOURCE]),
  FIND_KEY: each([['astations_pkey']], ['st-1']),
  ADD_KEY: each([], ['st-1', `04${'ab'.repeat(64)}`, 'a-store']),
  BAN: each([['sessions_by_astation'], ['api_keys_by_work_session']], ['st-1', 'operator', ...SOURCE]),
  UNBAN: each([BANS], ['st-1', 'operator', ...SOURCE]),
  IS_BANNED: each([BANS], ['st-1']),
  FIND_KEYS: each([['astations_pkey']], ['{st-1,st-2}']),
  REGISTER_KEY: each([], ['st-1', `04${'ab'.repeat(64)}`, 'a-store']),
  FORGET_KEY: each([['astations_pkey']], ['st-1']),
  SWEEP_KEYS: each(
    [
      ['astations_by_standing', 'astations_pkey'],
      ['sessions_by_astation'],
      ['vaults_by_work_session'],
      ['api_keys_by_work_session'],
    ],
    [],
  ),
  USE_KEY: each([['api_keys_key_hash_key'], BANS], [hash]),
  CREATE_KEY: each(
    [VAULT],
    ['k00000000000', hash, 'st-1', 'a key', 'ci', '{read}', '{v-1,v-2}', 'operator', 60, ...SOURCE],
  ),
  REVOKE_KEY: each(
    [['api_keys_pkey', 'api_keys_by_work_session']],
    ['k00000000000', 'st-1', 'operator', ...SOURCE],
    ['k00000000000', null, 'operator', ...SOURCE],
  ),
};

const secretHash = [hash, hash];
const SIGNING_IN = [...secretHash, 'p1', 'Maria', hash, ...SOURCE];
const PEOPLE_CASES: Record<keyof typeof peopleSql, Case[]> = {
  CREATE_CODE: each([], [hash, 'member', 'st-1', 'Maria']),
  USE_PERSON: each([['sessions_pkey'], BANS, ['people_pkey']], [hash]),
  SIGN_IN: each([['sign_in_codes_pkey'], ['sessions_pkey'], BANS], SIGNING_IN),
  SIGN_IN_WITH_SESSION: each([['sessions_pkey'], BANS], SIGNING_IN),
  RENAME: each([['people_pkey']], ['p1', 'Maria', 'ab'.repeat(6), 'st-1', ...SOURCE]),
  SIGN_OUT: each([['sessions_by_person', 'sessions_pkey']], ['p1', hash, ...SOURCE]),
  SWEEP_PEOPLE: each([['sign_in_codes_by_expiry'], ['sessions_by_expiry']], []),
};

test('every statement has its case', () => {
  expect(Object.keys(VAULT_CASES).toSorted()).toEqual(Object.keys(vaultSql).toSorted());
  const lookUps = Object.keys(sessionSql).filter((name) => !READS_ALL.some((other) => other === name));
  expect(Object.keys(SESSION_CASES).toSorted()).toEqual(lookUps.toSorted());
});

const forOperators = Object.entries(READS.operator).map(([name, sql]) => [`operator ${name}`, sql]);
const SQL: Record<string, string> = {
  ...vaultSql,
  ...sessionSql,
  ...peopleSql,
  LIST: vaultSql.LIST,
  ...Object.fromEntries(forOperators),
};

const operatorCases = Object.entries(OPERATOR_CASES).map(([name, cases]) => [`operator ${name}`, cases]);
const ALL_CASES: Record<string, Case[]> = {
  ...VAULT_CASES,
  ...SESSION_CASES,
  ...PEOPLE_CASES,
  ...Object.fromEntries(operatorCases),
};

const STATEMENTS = Object.entries(ALL_CASES).flatMap(([name, cases]) =>
  cases.map(({ args, indexes }) => ({ title: `${name} ${JSON.stringify(args)}`, name, args, indexes })),
);

function expectServedBy(nodes: PlanNode[], indexes: string[][]): void {
  expect(scansOf(nodes)).toEqual([]);
  const used = indexesOf(nodes);
  expect(indexes.flat()).toEqual(expect.arrayContaining(used));
  for (const group of indexes) expect(used.some((index) => group.includes(index))).toBe(true);
  // A table that is spread by buckets is asked in one place only.
  for (const node of nodes) {
    if (BUCKET_FIRST.includes(node['Index Name'] ?? '')) expect(node['Index Cond']).toMatch(/\bbucket = /);
  }
}

describe.each(PLANS)('no table is read through: %s', (mode) => {
  test.each(STATEMENTS)('$title', async ({ name, args, indexes }) => {
    expectServedBy(await explain(SQL[name] ?? '', args, mode), indexes);
  });
});

describe.each(PLANS)('the list of a caller with a list of vaults looks for these alone: %s', (mode) => {
  test.each([
    ['LIST', LIMITED],
    ...(['LIST_MATCHING', 'LIST_DETAILS', 'MEASURE_LIST', 'MEASURE_DETAILS'] as const).map(
      (name) =>
        [name, [...LIMITED, null, null, null, null, null, 10, MIB, false, 11, null, null, null]] as const,
    ),
  ] as const)('%s', async (name, args) => {
    const nodes = await explain(LIMITED_LISTS[name], [...args], mode);
    expect(scansOf(nodes)).toEqual([]);
    expect(indexesOf(nodes)).toContain('vaults_pkey');
    expect(indexesOf(nodes)).not.toContain('vault_writers_by_client');
  });
});

describe.each(PLANS)('the list of an operator scans the vaults, and no entry: %s', (mode) => {
  test.each([
    ['LIST', [null, null]],
    ['LIST_MATCHING', [null, null, null, null, null, null, null, 10, MIB, false, 11, null, null, null]],
    ['LIST_DETAILS', [null, null, null, null, null, null, null, 10, MIB, false, 11, null, null, null]],
  ] as const)('%s', async (name, args) => {
    const nodes = await explain(READS.operator[name], [...args], mode, 'ANALYZE, ');
    const ran = nodes.filter((node) => node['Actual Loops'] !== 0);
    expect(scansOf(ran)).toEqual(['vaults']);
    expect(ran.some((node) => node['Relation Name'] === 'vault_entries')).toBe(false);
  });
});

/** Inside a function, PostgreSQL's own count of the scans says what EXPLAIN cannot. */
async function scansDuring(work: (client: pg.PoolClient) => Promise<void>): Promise<Record<string, number>> {
  const client = await database.admin.connect();
  const count = async () => {
    await client.query('SELECT pg_stat_force_next_flush()');
    const { rows } = await client.query<{ relname: string; seq_scan: string }>(
      'SELECT relname, seq_scan FROM pg_stat_user_tables',
    );
    return new Map(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]));
  };
  try {
    const before = await count();
    await work(client);
    const after = await count();
    return Object.fromEntries(
      [...after].flatMap(([table, n]) => (n === before.get(table) ? [] : [[table, n]])),
    );
  } finally {
    client.release(true);
  }
}

describe.each(PLANS)('no write reads through a table: %s', (mode) => {
  test('write_to_vaults, of every kind', async () => {
    const common = { vault_id: 'v-many-versions', work_session_id: 'st-1', client_id: 'ann', text: 'text' };
    const scans = await scansDuring(async (client) => {
      await client.query(`SET plan_cache_mode = ${mode}`);
      const writes = ['append', 'override', 'summary'].map((op, place) => ({
        ...common,
        place,
        op,
        entry_no: 1,
      }));
      const keyed = writes.map((write) => ({ ...write, key: `${mode} ${write.op}`, request_hash: 'ab' }));
      const byNewWriters = writes.map((write) => ({
        ...write,
        vault_id: 'v-many-entries',
        client_id: `${mode} ${write.op}`,
      }));
      for (const batch of [writes, keyed, keyed, byNewWriters]) {
        const { rows } = await client.query(vaultSql.WRITE, [JSON.stringify(batch), 0, 0]);
        const outcome = batch === keyed ? /^(written|replayed)$/ : /^written$/;
        for (const row of rows) expect(row.outcome).toMatch(outcome);
      }
    });
    expect(scans).toEqual({});
  });

  test('write_to_vaults, by a past writer and by a stranger from another work session', async () => {
    const summary = { vault_id: 'v-many-entries', work_session_id: 'st-2', op: 'summary', text: 'text' };
    const scans = await scansDuring(async (client) => {
      await client.query(`SET plan_cache_mode = ${mode}`);
      const writes = ['run-7', 'stranger'].map((id, place) => ({
        ...summary,
        place,
        client_id: id,
        reads_as: id,
      }));
      const { rows } = await client.query(vaultSql.WRITE, [JSON.stringify(writes), 0, 0]);
      expect(rows).toMatchObject([{ outcome: 'written' }, { outcome: 'forbidden' }]);
    });
    expect(scans).toEqual({});
  });

  test('create_vault', async () => {
    const scans = await scansDuring(async (client) => {
      await client.query(`SET plan_cache_mode = ${mode}`);
      const common = {
        summary: '',
        work_session_id: 'st-1',
        client_id: 'ann',
        key: mode,
        request_hash: 'ab',
      };
      for (const n of [1, 2]) {
        const creation = { ...common, vault_id: `v-${mode}-${n}` };
        const { rows } = await client.query(vaultSql.CREATE, [JSON.stringify(creation), 100_000]);
        expect(rows).toMatchObject([{ outcome: n === 1 ? 'written' : 'replayed', vault_id: `v-${mode}-1` }]);
      }
    });
    expect(scans).toEqual({});
  });
});

test.each(PLANS)('bind_sessions reads through no table, whether it binds or replaces: %s', async (mode) => {
  const scans = await scansDuring(async (client) => {
    await client.query(`SET plan_cache_mode = ${mode}`);
    for (const exact of [false, true]) {
      const ids = Array.from({ length: 20 }, (_, n) => hashSessionId(`${mode} ${exact} ${n}`));
      const { rows } = await client.query(bindingSql.BIND, ['st-1', ids, exact, ...SOURCE]);
      expect(rows).toMatchObject([{ outcome: 'done', bound: 20 }]);
    }
  });
  expect(scans).toEqual({});
});

test.each([
  ['READ_WHOLE', whole('v-many-versions')],
  ['LIST', ['st-1', 'client-7']],
  ['LIST_TOGETHER', ['st-1', ['client-7']]],
  ['READ_HEADS', [['v-1'], ['st-1'], ['client-1'], [40]]],
  ['READ_LIST_ITEMS', [['v-1'], ['st-1']]],
  ['limited LIST', LIMITED],
] as const)('%s is planned once', async (name, values) => {
  const client: pg.PoolClient = await database.admin.connect();
  try {
    const text = name === 'limited LIST' ? LIMITED_LISTS.LIST : vaultSql[name];
    const statement = { name, text, values: [...values] };
    // PostgreSQL plans a statement for its values five times, before it compares.
    for (let i = 0; i < 8; i++) await client.query(statement);
    const { rows } = await client.query(
      'SELECT custom_plans::int AS custom, generic_plans::int AS generic FROM pg_prepared_statements WHERE name = $1',
      [name],
    );
    expect(rows).toEqual([{ custom: 5, generic: 3 }]);
  } finally {
    client.release(true);
  }
});

describe.each(PLANS)('the cost of a read, in blocks of 8 KiB: %s', (mode) => {
  async function blocksOf(sql: string, args: Arg[]): Promise<number> {
    const [root] = await explain(sql, args, mode, 'ANALYZE, BUFFERS, ');
    return (root?.['Shared Hit Blocks'] ?? 0) + (root?.['Shared Read Blocks'] ?? 0);
  }

  test('the current view scans entries, not versions', async () => {
    expect(await blocksOf(vaultSql.READ_CURRENT, reading('v-many-versions', 0))).toBeLessThan(30);
    expect(await blocksOf(vaultSql.READ_WHOLE, whole('v-many-versions'))).toBeLessThan(30);
  });

  test.each([
    ['v-many-versions', 4990],
    ['v-1', 40],
  ])('a follower of %s reads only the new rows', async (vaultId, since) => {
    expect(await blocksOf(vaultSql.READ_HISTORY, reading(vaultId, since))).toBeLessThan(20);
    expect(await blocksOf(vaultSql.READ_CURRENT_SINCE, reading(vaultId, since))).toBeLessThan(20);
  });

  test.each([0, 4000])('one entry of thousands is read without the others: since %d', async (since) => {
    for (const name of ['READ_CURRENT', 'READ_ENTRY_HISTORY', 'MEASURE_ENTRY_HISTORY'] as const) {
      for (const entryNo of [4500, 5001, 4_294_967_295]) {
        const blocks = await blocksOf(vaultSql[name], readingEntry(entryNo, 'v-many-entries', since));
        expect(blocks, `${name} of entry ${entryNo}`).toBeLessThan(30);
      }
    }
  });

  test.each([
    ['near the head', 4990, -1],
    ['near the head, on its second page', 0, 4990],
    ['on a page in the middle', 0, 2500],
  ])(
    'a reader of one entry with thousands of versions reads only the returned rows: %s',
    async (_, since, at) => {
      const args = readingEntry(1, 'v-many-versions', since, [null, null, null, null, at, 10]);
      // How many to look at: no more than a page.
      args[13] = 20;
      expect(await blocksOf(vaultSql.READ_ENTRY_HISTORY, args)).toBeLessThan(40);
    },
  );

  test('a list scans only the listed vaults', async () => {
    expect(await blocksOf(vaultSql.LIST, ['st-none', 'client-7'])).toBeLessThan(20);
  });
});
