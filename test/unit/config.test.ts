import { readFile } from 'node:fs/promises';
import { totalmem } from 'node:os';
import path from 'node:path';
import { getHeapStatistics } from 'node:v8';
import { describe, expect, test } from 'vitest';
import { ConfigError, ENVIRONMENT_VARIABLES, readConfig } from '../../src/config.ts';

function refusalOf(env: NodeJS.ProcessEnv): string {
  try {
    readConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  throw new Error('The configuration was not refused');
}

const DEFAULTS = {
  port: 3000,
  host: '127.0.0.1',
  databaseUrl: undefined,
  databasePoolSize: 10,
  dataDir: path.resolve('.data'),
  publicBaseUrl: undefined,
  corsOrigin: undefined,
  allowedHosts: undefined,
  trustProxy: undefined,
  logLevel: 'info',
  limits: { textBytes: 65_536, summaryBytes: 2048, clientIdCharacters: 128 },
  caps: { vaultsPerWorkSession: 10_000, entriesPerVault: 1_000_000, bytesPerVault: 1_073_741_824 },
  secretScan: 'warn',
  coalesce: true,
  rateLimitPerMinute: 600,
  rateLimitPerAddress: 6000,
  grantLimitPerMinute: 60,
  redisUrl: undefined,
  maxConnectionsPerAddress: 4000,
  pressure: {
    eventLoopMs: 500,
    heapBytes: Math.floor(0.9 * getHeapStatistics().heap_size_limit),
    rssBytes: Math.floor(0.8 * Math.min(process.constrainedMemory() || totalmem(), totalmem())),
  },
  maxAnswerBytes: 67_108_864,
  maxBytesInFlight: 268_435_456,
  readCacheBytes: 33_554_432,
  relayMaxSocketsPerAddress: 200,
  relayLimits: {
    controlPerMinute: 3000,
    controlPerAddress: 9000,
    framesPerSecond: 2000,
    framesPerAddress: 4000,
    unprovedPerSecond: 1000,
  },
  dashboardToken: undefined,
  adminToken: undefined,
  shutdownDelayMs: 0,
  metricsPort: undefined,
  metricsToken: undefined,
  traces: undefined,
  pastWriterReads: true,
  enrollmentOpen: true,
};

test('without any variable there are defaults', () => {
  expect(readConfig({})).toEqual(DEFAULTS);
});

test('an empty variable counts as unset, another program’s is left alone', () => {
  const empty = Object.fromEntries(ENVIRONMENT_VARIABLES.map((name) => [name, '']));
  expect(readConfig({ ...empty, PATH: '/bin', PORTS: 'x' })).toEqual(DEFAULTS);
});

describe('accepted values', () => {
  test.each<[string, string, object]>([
    ['PORT', '0', { port: 0 }],
    ['PORT', '65535', { port: 65_535 }],
    ['HOST', '::', { host: '::' }],
    ['HOST', 'localhost', { host: 'localhost' }],
    ['DATABASE_URL', 'postgres://u:p@db:5432/vr', { databaseUrl: 'postgres://u:p@db:5432/vr' }],
    [
      'DATABASE_URL',
      'postgresql://db/vr?sslmode=require',
      { databaseUrl: 'postgresql://db/vr?sslmode=require' },
    ],
    ['DATABASE_URL', 'postgres://u:p@/vr?host=/tmp', { databaseUrl: 'postgres://u:p@/vr?host=/tmp' }],
    [
      'DATABASE_URL',
      'postgres:///vr?host=/run/postgresql',
      { databaseUrl: 'postgres:///vr?host=/run/postgresql' },
    ],
    ['DATABASE_POOL_SIZE', '1', { databasePoolSize: 1 }],
    ['DATA_DIR', 'data/here', { dataDir: path.resolve('data/here') }],
    ['DATA_DIR', '/var/lib/vault-relay', { dataDir: '/var/lib/vault-relay' }],
    ['PUBLIC_BASE_URL', 'https://relay.example.org', { publicBaseUrl: 'https://relay.example.org' }],
    [
      'PUBLIC_BASE_URL',
      'http://example.org:8080/relay//',
      { publicBaseUrl: 'http://example.org:8080/relay' },
    ],
    ['CORS_ORIGIN', '*', { corsOrigin: ['*'] }],
    [
      'CORS_ORIGIN',
      'https://a.org, http://b.org:8080',
      { corsOrigin: ['https://a.org', 'http://b.org:8080'] },
    ],
    ['ALLOWED_HOSTS', '*', { allowedHosts: ['*'] }],
    [
      'ALLOWED_HOSTS',
      'relay.example.org, Relay:8443, [fd00::1]',
      { allowedHosts: ['relay.example.org', 'Relay:8443', '[fd00::1]'] },
    ],
    ['TRUST_PROXY', '10.0.0.0/8, ::1', { trustProxy: ['10.0.0.0/8', '::1'] }],
    ['TRUST_PROXY', '192.168.1.1', { trustProxy: ['192.168.1.1'] }],
    ['TRUST_PROXY', 'fd00::/128', { trustProxy: ['fd00::/128'] }],
    ['LOG_LEVEL', 'silent', { logLevel: 'silent' }],
    ['MAX_TEXT_BYTES', '1', { limits: { ...DEFAULTS.limits, textBytes: 1 } }],
    ['MAX_SUMMARY_BYTES', '4096', { limits: { ...DEFAULTS.limits, summaryBytes: 4096 } }],
    ['MAX_CLIENT_ID_CHARACTERS', '400', { limits: { ...DEFAULTS.limits, clientIdCharacters: 400 } }],
    ['RATE_LIMIT_PER_MINUTE', '0', { rateLimitPerMinute: 0, rateLimitPerAddress: 0 }],
    ['RATE_LIMIT_PER_MINUTE', '7', { rateLimitPerMinute: 7, rateLimitPerAddress: 70 }],
    ['RATE_LIMIT_PER_ADDRESS', '0', { rateLimitPerAddress: 0 }],
    ['RATE_LIMIT_PER_ADDRESS', '10000000', { rateLimitPerAddress: 10_000_000 }],
    ['MAX_CONNECTIONS_PER_ADDRESS', '1', { maxConnectionsPerAddress: 1 }],
    ['PRESSURE_EVENT_LOOP_MS', '0', { pressure: { ...DEFAULTS.pressure, eventLoopMs: 0 } }],
    ['PRESSURE_HEAP_MB', '0', { pressure: { ...DEFAULTS.pressure, heapBytes: 0 } }],
    ['PRESSURE_HEAP_MB', '512', { pressure: { ...DEFAULTS.pressure, heapBytes: 536_870_912 } }],
    ['PRESSURE_RSS_MB', '1', { pressure: { ...DEFAULTS.pressure, rssBytes: 1_048_576 } }],
    ['PRESSURE_RSS_MB', '0', { pressure: { ...DEFAULTS.pressure, rssBytes: 0 } }],
    ['MAX_ANSWER_BYTES', '65536', { maxAnswerBytes: 65_536 }],
    ['MAX_BYTES_IN_FLIGHT', '1048576', { maxBytesInFlight: 1_048_576 }],
    ['READ_CACHE_BYTES', '0', { readCacheBytes: 0 }],
    ['GRANT_LIMIT_PER_MINUTE', '0', { grantLimitPerMinute: 0 }],
    ['RELAY_WS_MAX_PER_IP', '1', { relayMaxSocketsPerAddress: 1 }],
    [
      'RELAY_CONTROL_PER_MINUTE',
      '1100',
      { relayLimits: { ...DEFAULTS.relayLimits, controlPerMinute: 1100, controlPerAddress: 3300 } },
    ],
    ['RELAY_CONTROL_PER_ADDRESS', '0', { relayLimits: { ...DEFAULTS.relayLimits, controlPerAddress: 0 } }],
    [
      'RELAY_FRAMES_PER_SECOND',
      '0',
      { relayLimits: { ...DEFAULTS.relayLimits, framesPerSecond: 0, framesPerAddress: 0 } },
    ],
    ['RELAY_FRAMES_PER_ADDRESS', '100', { relayLimits: { ...DEFAULTS.relayLimits, framesPerAddress: 100 } }],
    ['RELAY_UNPROVED_PER_SECOND', '0', { relayLimits: { ...DEFAULTS.relayLimits, unprovedPerSecond: 0 } }],
    ['REDIS_URL', 'redis://cache', { redisUrl: 'redis://cache' }],
    ['REDIS_URL', 'rediss://u:p@cache:6380/3', { redisUrl: 'rediss://u:p@cache:6380/3' }],
    ['RELAY_REPLICAS_EXPECTED', '1', {}],
    ['DASHBOARD_TOKEN', 't'.repeat(32), { dashboardToken: 't'.repeat(32) }],
    ['ADMIN_TOKEN', 't'.repeat(32), { adminToken: 't'.repeat(32) }],
    ['SHUTDOWN_DELAY_SECONDS', '5', { shutdownDelayMs: 5000 }],
    ['METRICS_PORT', '0', { metricsPort: 0 }],
    ['METRICS_TOKEN', 'sixteen-and-more', { metricsToken: 'sixteen-and-more' }],
    [
      'OTEL_EXPORTER_OTLP_ENDPOINT',
      'http://collector:4318',
      { traces: { endpoint: 'http://collector:4318', serviceName: 'vault-relay', ratio: 1 } },
    ],
    ['OTEL_SERVICE_NAME', 'another', {}],
    ['OTEL_TRACES_SAMPLER_ARG', '0.25', {}],
    ['PAST_WRITER_READ', 'deny', { pastWriterReads: false }],
    ['ENROLLMENT', 'closed', { enrollmentOpen: false }],
  ])('%s=%s', (name, value, changed) => {
    expect(readConfig({ [name]: value })).toEqual({ ...DEFAULTS, ...changed });
  });
});

test('traces have the name and the share that are set', () => {
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector.example.org/otlp',
    OTEL_SERVICE_NAME: 'relay-2',
    OTEL_TRACES_SAMPLER_ARG: '0.1',
  };
  expect(readConfig(env).traces).toEqual({
    endpoint: 'https://collector.example.org/otlp',
    serviceName: 'relay-2',
    ratio: 0.1,
  });
});

describe('refused values, with the name of the variable', () => {
  const notWhole = ['-1', '1.5', '1e3', '0x10', ' 80', '80 ', '+80', 'eighty', '٣'];
  const wholeNumbers = [
    'PORT',
    'DATABASE_POOL_SIZE',
    'MAX_TEXT_BYTES',
    'MAX_SUMMARY_BYTES',
    'MAX_CLIENT_ID_CHARACTERS',
    'RATE_LIMIT_PER_MINUTE',
    'RATE_LIMIT_PER_ADDRESS',
    'GRANT_LIMIT_PER_MINUTE',
    'MAX_CONNECTIONS_PER_ADDRESS',
    'PRESSURE_EVENT_LOOP_MS',
    'PRESSURE_HEAP_MB',
    'PRESSURE_RSS_MB',
    'MAX_ANSWER_BYTES',
    'MAX_BYTES_IN_FLIGHT',
    'READ_CACHE_BYTES',
    'RELAY_WS_MAX_PER_IP',
    'RELAY_REPLICAS_EXPECTED',
    'SHUTDOWN_DELAY_SECONDS',
    'METRICS_PORT',
  ];
  test.each(wholeNumbers.flatMap((name) => notWhole.map((value) => [name, value])))(
    '%s=%j',
    (name, value) => {
      expect(refusalOf({ [name ?? '']: value })).toBe(`Bad configuration: ${name} must be a whole number.`);
    },
  );

  const url =
    'must be a postgres:// or postgresql:// address, with special characters of its password percent-encoded';
  const everybody =
    'must not hold a network of every address (/0), because any client could then claim any address; list your proxies';
  const redis = 'must be a redis:// or rediss:// address';
  const origins = 'must be * or a comma-separated list of origins such as https://example.org';
  const hosts =
    'must be * or a comma-separated list of host names, each with an optional port, such as relay.example.org';
  const networks = 'must be a comma-separated list of addresses or CIDR networks';
  const token = 'must be 32 to 512 visible ASCII characters, such as openssl rand -hex 32 prints';
  const base = 'must be an http:// or https:// address';
  test.each([
    ['PORT', '65536', 'must be at most 65535'],
    ['DATABASE_POOL_SIZE', '0', 'must be at least 1'],
    ['DATABASE_POOL_SIZE', '1001', 'must be at most 1000'],
    ['MAX_TEXT_BYTES', '0', 'must be at least 1'],
    ['MAX_TEXT_BYTES', '16777217', 'must be at most 16777216'],
    ['MAX_SUMMARY_BYTES', '0', 'must be at least 1'],
    ['MAX_SUMMARY_BYTES', '1048577', 'must be at most 1048576'],
    ['MAX_CLIENT_ID_CHARACTERS', '0', 'must be at least 1'],
    ['MAX_CLIENT_ID_CHARACTERS', '401', 'must be at most 400'],
    ['RATE_LIMIT_PER_MINUTE', '1000001', 'must be at most 1000000'],
    ['RATE_LIMIT_PER_ADDRESS', '10000001', 'must be at most 10000000'],
    ['GRANT_LIMIT_PER_MINUTE', '1000001', 'must be at most 1000000'],
    ['MAX_CONNECTIONS_PER_ADDRESS', '0', 'must be at least 1'],
    ['PRESSURE_EVENT_LOOP_MS', '60001', 'must be at most 60000'],
    ['RELAY_WS_MAX_PER_IP', '0', 'must be at least 1'],
    ['RELAY_CONTROL_PER_MINUTE', '1099', 'must be 0, or at least 1100'],
    ['RELAY_CONTROL_PER_ADDRESS', '10000001', 'must be at most 10000000'],
    ['RELAY_FRAMES_PER_SECOND', '99', 'must be 0, or at least 100'],
    ['RELAY_FRAMES_PER_ADDRESS', '-1', 'must be a whole number'],
    ['RELAY_UNPROVED_PER_SECOND', '1', 'must be 0, or at least 100'],
    ['DASHBOARD_TOKEN', 't'.repeat(31), token],
    ['DASHBOARD_TOKEN', 't'.repeat(513), token],
    ['DASHBOARD_TOKEN', `${'t'.repeat(32)} t`, token],
    ['ADMIN_TOKEN', 't'.repeat(31), token],
    ['SHUTDOWN_DELAY_SECONDS', '61', 'must be at most 60'],
    ['METRICS_PORT', '65536', 'must be at most 65535'],
    ['METRICS_TOKEN', 'fifteen-letters', 'must have at least 16 characters, none of them a blank'],
    ['METRICS_TOKEN', 'sixteen and more', 'must have at least 16 characters, none of them a blank'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'collector:4318', base],
    ['OTEL_TRACES_SAMPLER_ARG', '1.5', 'must be a number from 0 to 1'],
    ['OTEL_TRACES_SAMPLER_ARG', '-1', 'must be a number from 0 to 1'],
    ['PAST_WRITER_READ', 'yes', 'must be allow or deny'],
    ['RELAY_WS_MAX_PER_IP', '1000001', 'must be at most 1000000'],
    ['REDIS_URL', 's3cret', redis],
    ['REDIS_URL', 'http://u:s3cret@cache', redis],
    ['REDIS_URL', 'redis://', redis],
    ['REDIS_URL', 'redis://:s3cret@cache:99999', redis],
    ['REDIS_URL', 'redis://cache/vault-relay', redis],
    ['RELAY_REPLICAS_EXPECTED', '0', 'must be at least 1'],
    ['DATABASE_URL', 'mysql://u:s3cret@db/vr', url],
    ['DATABASE_URL', 'u:s3cret@db/vr', url],
    ['DATABASE_URL', 's3cret', url],
    ['DATABASE_URL', 'postgres://u:s3cret@db:99999/vr', url],
    ['PUBLIC_BASE_URL', 'relay.example.org', base],
    ['PUBLIC_BASE_URL', 'ftp://relay.example.org', base],
    ['CORS_ORIGIN', 'https://example.org/', origins],
    ['CORS_ORIGIN', 'https://example.org/page', origins],
    ['CORS_ORIGIN', 'example.org', origins],
    ['CORS_ORIGIN', 'https://a.org,', origins],
    ['CORS_ORIGIN', 'null', origins],
    ['ALLOWED_HOSTS', 'https://example.org', hosts],
    ['ALLOWED_HOSTS', 'example.org/', hosts],
    ['ALLOWED_HOSTS', 'a.org,', hosts],
    ['ALLOWED_HOSTS', 'a.org b.org', hosts],
    ['ALLOWED_HOSTS', 'a.org:99999', hosts],
    ['ALLOWED_HOSTS', '*.a.org', hosts],
    ['TRUST_PROXY', 'true', networks],
    ['TRUST_PROXY', '10.0.0.0/33', networks],
    ['TRUST_PROXY', '::/129', networks],
    ['TRUST_PROXY', '10.0.0.0/', networks],
    ['TRUST_PROXY', '10.0.0.0/8/8', networks],
    ['TRUST_PROXY', '10.0.0.1,,10.0.0.2', networks],
    ['TRUST_PROXY', '0.0.0.0/0', everybody],
    ['TRUST_PROXY', '10.0.0.0/8, ::/0', everybody],
    ['TRUST_PROXY', '10.0.0.0/00', everybody],
    ['DATABASE_URL', 'postgres://u:p#s3cret@db/vr', url],
    ['DATABASE_URL', '/tmp', url],
    ['LOG_LEVEL', 'verbose', 'must be one of fatal, error, warn, info, debug, trace, silent'],
    ['LOG_LEVEL', 'INFO', 'must be one of fatal, error, warn, info, debug, trace, silent'],
  ])('%s=%s', (name, value, problem) => {
    expect(refusalOf({ [name]: value })).toBe(`Bad configuration: ${name} ${problem}.`);
  });

  test('all of them at once', () => {
    expect(refusalOf({ PORT: 'x', LOG_LEVEL: 'info', MAX_TEXT_BYTES: '0', DATABASE_URL: 's3cret' })).toBe(
      `Bad configuration: PORT must be a whole number; DATABASE_URL ${url}; MAX_TEXT_BYTES must be at least 1.`,
    );
  });

  test('several replicas without a Redis to share', () => {
    expect(refusalOf({ RELAY_REPLICAS_EXPECTED: '2' })).toBe(
      'Bad configuration: RELAY_REPLICAS_EXPECTED is above 1, but replicas without REDIS_URL would not know of each ' +
        "other's rooms. Set REDIS_URL to a Redis or Valkey that all replicas share, or run one replica.",
    );
    expect(readConfig({ RELAY_REPLICAS_EXPECTED: '2', REDIS_URL: 'redis://cache' })).toBeDefined();
  });

  test.each([
    ['DATABASE_URL', 's3cret'],
    ['DATABASE_URL', 'mysql://s3cret@db'],
    ['DATABASE_URL', 'postgres://u:s3cret@:x/'],
    ['REDIS_URL', 's3cret'],
    ['REDIS_URL', 'redis://u:s3cret@:x/'],
  ])('never the value of %s', (name, value) => {
    try {
      readConfig({ [name]: value });
      expect.unreachable();
    } catch (error) {
      expect(`${(error as Error).stack} ${JSON.stringify(error)}`).not.toContain('s3cret');
    }
  });

  test.each(['DASHBOARD_TOKEN', 'ADMIN_TOKEN'])('never the value of %s', (name) => {
    expect(refusalOf({ [name]: 's3cret' })).not.toContain('s3cret');
  });

  test('the two tokens of operators must differ', () => {
    const same = 's3cret'.repeat(6);
    expect(refusalOf({ DASHBOARD_TOKEN: same, ADMIN_TOKEN: same })).toBe(
      'Bad configuration: ADMIN_TOKEN must differ from DASHBOARD_TOKEN, whose holders only read.',
    );
  });
});

describe('.env.example', async () => {
  const lines = (await readFile('.env.example', 'utf8')).split('\n');
  const settings = lines.flatMap((line, i) => {
    const [, commented, name, value] = /^(# )?([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return name === undefined ? [] : [{ name, value, isSet: !commented, comment: lines[i - 1] ?? '' }];
  });

  test('names each variable once, in the order of the code', () => {
    expect(settings.map(({ name }) => name)).toEqual(ENVIRONMENT_VARIABLES);
  });

  test('changes nothing when it is used unchanged', () => {
    const env = Object.fromEntries(
      settings.flatMap(({ name, value, isSet }) => (isSet ? [[name, value]] : [])),
    );
    expect(readConfig(env)).toEqual(DEFAULTS);
  });

  test.each(settings)(
    '$name has a comment and a value that can be used',
    ({ name, value, isSet, comment }) => {
      expect(comment).toMatch(/^# \w/);
      expect(readConfig({ [name]: value })).toBeDefined();
      const hasDefault = JSON.stringify(readConfig({ [name]: value })) === JSON.stringify(DEFAULTS);
      expect(isSet).toBe(hasDefault);
    },
  );
});

describe('C12: the configuration reference', async () => {
  const page = await readFile('docs/configuration.md', 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (.*?) \| (.*) \|$/gm)].map(
    ([, name = '', value = '', meaning = '']) => ({ name, value, meaning }),
  );

  test('names each variable once, in the order of the code', () => {
    expect(rows.map(({ name }) => name)).toEqual(ENVIRONMENT_VARIABLES);
  });

  test.each(rows)('$name has the default of the code, and a meaning', ({ name, value, meaning }) => {
    expect(meaning).toMatch(/\w/);
    const [, literal] = /^`(.*)`$/.exec(value) ?? [];
    if (literal !== undefined) expect(readConfig({ [name]: literal })).toEqual(DEFAULTS);
    else
      expect(value).toMatch(
        /^(unset|the listening address|ten times that|three times that|twice that|\d\/10 of .*)$/,
      );
  });
});
