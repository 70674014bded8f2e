import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { buildApp } from '../../src/app.ts';
import { ConfigError, ENVIRONMENT_VARIABLES, readConfig } from '../../src/config.ts';
import { openServices } from '../../src/services.ts';
import { SessionStore } from '../../src/session/store.ts';
import { rest } from '../support/client.ts';
import { silent, useDatabase } from '../support/database.ts';
import { EventStream } from '../support/event-stream.ts';
import { TEST_SETTINGS } from '../support/relay-server.ts';

const database = useDatabase();

/** Values of the settings that are no numbers and no choices; null: nothing of the server in one process depends on it. */
const TEXTS: Record<string, string[] | null> = {
  HOST: ['127.0.0.1', '::1', 'localhost'],
  DATABASE_URL: null,
  DATA_DIR: null,
  PUBLIC_BASE_URL: ['http://a', `https://${'a.'.repeat(100)}example.org/${'p'.repeat(500)}`],
  CORS_ORIGIN: ['*', Array.from({ length: 500 }, (_, n) => `https://a${n}.example.org`).join(',')],
  ALLOWED_HOSTS: ['*', Array.from({ length: 500 }, (_, n) => `a${n}.example.org:${n + 1}`).join(',')],
  TRUST_PROXY: ['10.0.0.0/8,fd00::/8', Array.from({ length: 255 }, (_, n) => `10.0.0.${n}`).join(',')],
  REDIS_URL: null,
  DASHBOARD_TOKEN: ['!'.repeat(32), '~'.repeat(512)],
  ADMIN_TOKEN: ['#'.repeat(32), '}'.repeat(512)],
  METRICS_TOKEN: ['!'.repeat(16), '~'.repeat(8000)],
  OTEL_EXPORTER_OTLP_ENDPOINT: null,
  OTEL_SERVICE_NAME: ['a', 'ß'.repeat(1000)],
  OTEL_TRACES_SAMPLER_ARG: ['0', '1'],
};

/** Why a value is refused, as the server says it; undefined if it is accepted. */
function refusalOf(name: string, value: string): string | undefined {
  try {
    readConfig({ [name]: value });
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

const boundIn = (message = '', word: string) => new RegExp(`${word} (\\d+)`).exec(message)?.[1];

/** The extremes of a setting, found out by what it refuses, so that a later setting is in the table too. */
function extremesOf(name: string): string[] | null {
  const listed = TEXTS[name];
  if (listed !== undefined) return listed;
  const choices = / must be (?:one of )?(\w+(?:(?:, | or )\w+)+)\.$/.exec(refusalOf(name, '?') ?? '')?.[1];
  if (choices !== undefined) return choices.split(/, | or /);
  const most = boundIn(refusalOf(name, '9'.repeat(15)), 'at most');
  const least = boundIn(refusalOf(name, '0'), 'at least') ?? '0';
  const leastLimit = boundIn(refusalOf(name, '1'), '0, or at least');
  if (most === undefined) throw new Error(`Name extreme values of ${name}`);
  return [...new Set([least, ...(leastLimit === undefined ? [] : [leastLimit]), most])];
}

/** Several servers would need a Redis to share. */
const refused = { RELAY_REPLICAS_EXPECTED: '1000' } as Record<string, string>;

const extremes = ENVIRONMENT_VARIABLES.flatMap((name) => {
  const values = extremesOf(name)?.filter((value) => refused[name] !== value);
  return values === undefined ? [] : [{ name, values }];
});

/** Every setting at its least, at the least that is a limit, and at its most. */
const together = (place: (values: string[]) => string | undefined) =>
  Object.fromEntries(extremes.map(({ name, values }) => [name, place(values) ?? '']));
const COLUMNS = {
  least: together((values) => values[0]),
  'least but 0': together((values) => values.at(values.length > 2 ? 1 : 0)),
  most: together((values) => values.at(-1)),
};

/** What bears on the size of answers and rows is tried alone too. */
const ALONE = extremes
  .filter(({ name }) =>
    /^(MAX_(TEXT|SUMMARY|CLIENT|ANSWER|BYTES|CONN)|DATABASE_POOL|PRESSURE_RSS|RATE)/.test(name),
  )
  .flatMap(({ name, values }) => values.map((value) => ({ name, value })));

const SERVED = [200, 201];

/** Runs a server with a setting, in this process. */
async function withServer(
  env: Record<string, string>,
  work: (server: { url: string; session: string }) => Promise<EventStream | undefined>,
): Promise<void> {
  const config = readConfig({ ...TEST_SETTINGS, ...env });
  const services = await openServices({ config, databaseUrl: database.url, log: silent });
  const app = await buildApp({
    config: { ...config, shutdownDelayMs: 0 },
    services,
    log: silent,
    version: 'test',
  });
  const session = randomUUID();
  let stream: EventStream | undefined;
  try {
    const url = await app.listen({ host: config.host, port: env.PORT === undefined ? 0 : config.port });
    await new SessionStore(database.db).createGranted(session, { hostname: 'h', astationId: randomUUID() });
    stream = await work({ url, session });
  } finally {
    await app.close();
    stream?.close();
    await services.close();
  }
}

/** Where one connection is all that an address may have, a second is cut. */
const CUT = 0;
const isCut = (error: unknown) =>
  error instanceof TypeError && (error.cause as { code?: string } | undefined)?.code === 'UND_ERR_SOCKET';

/** Creates, appends, reads, lists and watches, with texts and ids as long as the settings allow. */
async function callEverything(
  env: Record<string, string>,
  { url, session }: { url: string; session: string },
) {
  const { limits } = readConfig(env);
  const id = encodeURIComponent('😀'.repeat(limits.clientIdCharacters));
  const headers = { 'idempotency-key': 'k'.repeat(64) };
  const statuses: Record<string, number> = {};
  const call = async (name: string, request: string, options: Parameters<typeof rest>[2] = {}) => {
    const [method = '', path = ''] = request.split(' ');
    const answer = await rest(method, `${url}${path}`, { session, ...options }).catch((error: unknown) => {
      if (isCut(error)) return { status: CUT, body: undefined };
      throw error;
    });
    statuses[name] = answer.status;
    return answer.body;
  };
  const summary = 's'.repeat(limits.summaryBytes);
  // A control character is six in JSON. A busy machine takes longer than a statement may for 96 MiB of them.
  const text = (limits.textBytes > 1_048_576 ? 'x' : '\u0001').repeat(limits.textBytes);
  const created = (await call('create', `POST /api/vault?id=${id}`, { body: { summary }, headers })) as
    | { vault_id?: string }
    | undefined;
  const vaultId = created?.vault_id ?? 'v-none';
  const vault = `/api/vault/${vaultId}?id=${id}`;
  await call('append', `POST ${vault}`, { body: { text }, headers });
  await call('repeat', `POST ${vault}`, { body: { text }, headers });
  await call('read', `GET ${vault}`);
  await call('page', `GET ${vault}&limit=1`);
  await call('search', `GET ${vault}&history=true&limit=1&q=x`);
  await call('list', `GET /api/vault?id=${id}&details=true`);
  const input = encodeURIComponent(JSON.stringify({ vault_id: vaultId, kind: 'summary' }));
  const stream = await EventStream.open(`${url}/trpc/vault.watch?id=${id}&input=${input}`, {
    authorization: `session ${session}`,
  }).catch((error: Error) => Number(boundIn(error.message, 'refused with') ?? CUT));
  statuses.watch = typeof stream === 'number' ? stream : 200;
  return { statuses, stream: typeof stream === 'number' ? undefined : stream };
}

async function expectServed(env: Record<string, string>, allowed: number[]): Promise<void> {
  await withServer(env, async (server) => {
    const { statuses, stream } = await callEverything(env, server);
    const odd = Object.entries(statuses).filter(([, status]) => !allowed.includes(status));
    expect(odd).toEqual([]);
    return stream;
  });
}

/** What a setting may refuse at its extremes, as docs and document say; everything else is served. */
const REFUSES: Record<string, number[]> = {
  // An entry of the greatest length is more than the smallest answer, and a busy machine may take too long for it.
  MAX_TEXT_BYTES: [422, 503],
  MAX_ANSWER_BYTES: [422],
  MAX_BYTES_IN_FLIGHT: [422, 503],
  MAX_CONNECTIONS_PER_ADDRESS: [CUT],
  PRESSURE_RSS_MB: [503],
};

describe('C12: the server works with each setting at its extremes', () => {
  test.each(Object.entries(COLUMNS))('all at their %s', (_, env) =>
    expectServed(env, [...SERVED, 422, 503, CUT]),
  );

  test.each(ALONE)('$name=$value', ({ name, value }) =>
    expectServed({ [name]: value }, [...SERVED, ...(REFUSES[name] ?? [])]),
  );
});
