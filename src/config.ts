import path from 'node:path';
import { z } from 'zod';
import { PRESSURE_VARIABLES, type Pressure, readPressure } from './pressure-settings.ts';
import { RELAY_LIMIT_VARIABLES, type RelayLimitSettings, readRelayLimits } from './relay/settings.ts';
import { SECRET_SCANS, type SecretScan } from './secrets/settings.ts';
import {
  hosts,
  httpUrl,
  integer,
  isOrigin,
  isRedisUrl,
  networks,
  operatorToken,
  postgresUrl,
} from './setting-types.ts';

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

/** Every variable that the server reads, with its default. A test compares them with `.env.example`. */
const Environment = z.object({
  PORT: integer(0, 65_535).default(3000),
  HOST: z.string().default('127.0.0.1'),
  DATABASE_URL: postgresUrl.optional(),
  DATABASE_POOL_SIZE: integer(1, 1000).default(10),
  DATA_DIR: z.string().default('.data'),
  PUBLIC_BASE_URL: httpUrl.transform((url) => url.replace(/\/+$/, '')).optional(),
  CORS_ORIGIN: z
    .string()
    .transform((list) => list.split(',').map((origin) => origin.trim()))
    .refine(
      (list) => list.every((origin) => origin === '*' || isOrigin(origin)),
      'must be * or a comma-separated list of origins such as https://example.org',
    )
    .optional(),
  ALLOWED_HOSTS: hosts.optional(),
  TRUST_PROXY: networks.optional(),
  LOG_LEVEL: z.enum(LOG_LEVELS, `must be one of ${LOG_LEVELS.join(', ')}`).default('info'),
  MAX_TEXT_BYTES: integer(1, 16_777_216).default(65_536),
  MAX_SUMMARY_BYTES: integer(1, 1_048_576).default(2048),
  // The longest ids, at 4 bytes per character, must fit into the keys of vault_writers and vault_write_keys.
  MAX_CLIENT_ID_CHARACTERS: integer(1, 400).default(128),
  MAX_VAULTS_PER_WORK_SESSION: integer(0, 1_000_000_000).default(10_000),
  MAX_ENTRIES_PER_VAULT: integer(0, 2_147_483_646).default(1_000_000),
  MAX_BYTES_PER_VAULT: integer(0, 1_000_000_000_000).default(1_073_741_824),
  SECRET_SCAN: z.enum(SECRET_SCANS, 'must be off, warn or refuse').default('warn'),
  WRITE_COALESCING: z.enum(['on', 'off'], 'must be on or off').default('on'),
  RATE_LIMIT_PER_MINUTE: integer(0, 1_000_000).default(600),
  RATE_LIMIT_PER_ADDRESS: integer(0, 10_000_000).optional(),
  GRANT_LIMIT_PER_MINUTE: integer(0, 1_000_000).default(60),
  MAX_CONNECTIONS_PER_ADDRESS: integer(1, 1_000_000).default(4000),
  ...PRESSURE_VARIABLES,
  MAX_ANSWER_BYTES: integer(65_536, 1_073_741_824).default(67_108_864),
  MAX_BYTES_IN_FLIGHT: integer(1_048_576, 1_099_511_627_776).default(268_435_456),
  READ_CACHE_BYTES: integer(0, 1_099_511_627_776).default(33_554_432),
  RELAY_WS_MAX_PER_IP: integer(1, 1_000_000).default(200),
  ...RELAY_LIMIT_VARIABLES,
  REDIS_URL: z.string().refine(isRedisUrl, 'must be a redis:// or rediss:// address').optional(),
  RELAY_REPLICAS_EXPECTED: integer(1, 1000).default(1),
  DASHBOARD_TOKEN: operatorToken.optional(),
  ADMIN_TOKEN: operatorToken.optional(),
  SHUTDOWN_DELAY_SECONDS: integer(0, 60).default(0),
  METRICS_PORT: integer(0, 65_535).optional(),
  METRICS_TOKEN: z
    .string()
    .regex(/^[\x21-\x7e]{16,}$/, 'must have at least 16 characters, none of them a blank')
    .optional(),
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl.optional(),
  OTEL_SERVICE_NAME: z.string().default('vault-relay'),
  OTEL_TRACES_SAMPLER_ARG: z
    .string()
    .regex(/^(0(\.\d+)?|1(\.0+)?)$/, 'must be a number from 0 to 1')
    .transform(Number)
    .default(1),
  ENROLLMENT: z.enum(['open', 'closed'], 'must be open or closed').default('open'),
  PAST_WRITER_READ: z.enum(['allow', 'deny'], 'must be allow or deny').default('allow'),
});

export const ENVIRONMENT_VARIABLES = Object.keys(Environment.shape);

/** Size limits of a caller's input. The published document states the same figures. */
export interface Limits {
  /** UTF-8 bytes of one entry's text. */
  textBytes: number;
  /** UTF-8 bytes of a summary. */
  summaryBytes: number;
  /** Unicode code points of a client id. */
  clientIdCharacters: number;
}

/** Caps of a vault and of a work session; 0 turns a cap off. */
export interface VaultCaps {
  vaultsPerWorkSession: number;
  entriesPerVault: number;
  bytesPerVault: number;
}

export interface TraceSettings {
  /** Base address of an OTLP/HTTP collector. */
  endpoint: string;
  serviceName: string;
  /** Fraction of requests to trace. */
  ratio: number;
}

/** Default limit of an address, as a multiple of the limit of one session. */
const SESSIONS_PER_ADDRESS = 10;

/** The server's settings, read once at start and handed down. */
export interface Config {
  port: number;
  host: string;
  /** Unset: the embedded PostgreSQL under `dataDir`. */
  databaseUrl: string | undefined;
  databasePoolSize: number;
  /** Absolute. */
  dataDir: string;
  /** Without a trailing slash. Unset: the address the server listens on. */
  publicBaseUrl: string | undefined;
  /** Origins whose pages may call the API; undefined: only the server's own. */
  corsOrigin: string[] | undefined;
  /** Further host names that requests may use, or `*`; undefined: none. */
  allowedHosts: string[] | undefined;
  /** Networks of trusted proxies, whose `X-Forwarded-For` counts; undefined: none. */
  trustProxy: string[] | undefined;
  logLevel: z.output<typeof Environment>['LOG_LEVEL'];
  limits: Limits;
  caps: VaultCaps;
  /** What happens to a write that looks like a secret. */
  secretScan: SecretScan;
  /** Whether writes that arrive while a statement is in flight share the next one. */
  coalesce: boolean;
  /** Calls per minute of one session, or of one address without a session; 0: no limit. */
  rateLimitPerMinute: number;
  /** Calls per minute of one address, over all its sessions; 0: no limit. */
  rateLimitPerAddress: number;
  /** Grant attempts per minute of one address; 0: no limit. */
  grantLimitPerMinute: number;
  /** The Redis that all replicas share; undefined: this server is the only one. */
  redisUrl: string | undefined;
  /** Maximum TCP connections of one address, unless it is a trusted proxy. */
  maxConnectionsPerAddress: number;
  pressure: Pressure;
  /** Maximum bytes of one answer. */
  maxAnswerBytes: number;
  /** Maximum bytes of all answers that clients have not read yet. */
  maxBytesInFlight: number;
  /** Bytes of current views that are kept in memory; 0: none. */
  readCacheBytes: number;
  /** Maximum relay sockets of one address. */
  relayMaxSocketsPerAddress: number;
  /** Rate limits of relay sockets. */
  relayLimits: RelayLimitSettings;
  /** Authenticates the operator, who may read every vault; undefined: there is no operator. */
  dashboardToken: string | undefined;
  /** Authenticates an operator who also revokes, bans and makes keys; undefined: there is none. */
  adminToken: string | undefined;
  /** Delay between failing the readiness check and refusing work, so that load balancers notice. */
  shutdownDelayMs: number;
  /** Port of a separate listener for metrics; undefined: none. */
  metricsPort: number | undefined;
  /** Token required to read the metrics. Without `metricsPort` they are served on the main port. */
  metricsToken: string | undefined;
  /** Destination of traces; undefined: tracing is off. */
  traces: TraceSettings | undefined;
  /** Whether a past writer of a vault may read it from another work session. */
  pastWriterReads: boolean;
  /** Whether an unknown Astation may register its key with its first proof. */
  enrollmentOpen: boolean;
}

/** An invalid setting. The message names the variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/**
 * Reads the settings from environment variables. An empty variable counts as unset.
 * @throws ConfigError that names each variable with a bad value, never the value of `DATABASE_URL`
 */
export function readConfig(env: NodeJS.ProcessEnv): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = Environment.safeParse(given);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => `${issue.path.join('.')} ${issue.message}`);
    throw new ConfigError(`Bad configuration: ${problems.join('; ')}.`);
  }
  const v = parsed.data;
  if (v.RELAY_REPLICAS_EXPECTED > 1 && v.REDIS_URL === undefined) {
    throw new ConfigError(
      'Bad configuration: RELAY_REPLICAS_EXPECTED is above 1, but replicas without REDIS_URL would not know of each ' +
        "other's rooms. Set REDIS_URL to a Redis or Valkey that all replicas share, or run one replica.",
    );
  }
  if (v.ADMIN_TOKEN !== undefined && v.ADMIN_TOKEN === v.DASHBOARD_TOKEN) {
    throw new ConfigError(
      'Bad configuration: ADMIN_TOKEN must differ from DASHBOARD_TOKEN, whose holders only read.',
    );
  }
  return {
    port: v.PORT,
    host: v.HOST,
    databaseUrl: v.DATABASE_URL,
    databasePoolSize: v.DATABASE_POOL_SIZE,
    dataDir: path.resolve(v.DATA_DIR),
    publicBaseUrl: v.PUBLIC_BASE_URL,
    corsOrigin: v.CORS_ORIGIN,
    allowedHosts: v.ALLOWED_HOSTS,
    trustProxy: v.TRUST_PROXY,
    logLevel: v.LOG_LEVEL,
    limits: {
      textBytes: v.MAX_TEXT_BYTES,
      summaryBytes: v.MAX_SUMMARY_BYTES,
      clientIdCharacters: v.MAX_CLIENT_ID_CHARACTERS,
    },
    caps: {
      vaultsPerWorkSession: v.MAX_VAULTS_PER_WORK_SESSION,
      entriesPerVault: v.MAX_ENTRIES_PER_VAULT,
      bytesPerVault: v.MAX_BYTES_PER_VAULT,
    },
    secretScan: v.SECRET_SCAN,
    coalesce: v.WRITE_COALESCING === 'on',
    rateLimitPerMinute: v.RATE_LIMIT_PER_MINUTE,
    rateLimitPerAddress: v.RATE_LIMIT_PER_ADDRESS ?? SESSIONS_PER_ADDRESS * v.RATE_LIMIT_PER_MINUTE,
    grantLimitPerMinute: v.GRANT_LIMIT_PER_MINUTE,
    redisUrl: v.REDIS_URL,
    maxConnectionsPerAddress: v.MAX_CONNECTIONS_PER_ADDRESS,
    pressure: readPressure(v),
    maxAnswerBytes: v.MAX_ANSWER_BYTES,
    maxBytesInFlight: v.MAX_BYTES_IN_FLIGHT,
    readCacheBytes: v.READ_CACHE_BYTES,
    relayMaxSocketsPerAddress: v.RELAY_WS_MAX_PER_IP,
    relayLimits: readRelayLimits(v),
    dashboardToken: v.DASHBOARD_TOKEN,
    adminToken: v.ADMIN_TOKEN,
    shutdownDelayMs: 1000 * v.SHUTDOWN_DELAY_SECONDS,
    metricsPort: v.METRICS_PORT,
    metricsToken: v.METRICS_TOKEN,
    traces:
      v.OTEL_EXPORTER_OTLP_ENDPOINT === undefined
        ? undefined
        : {
            endpoint: v.OTEL_EXPORTER_OTLP_ENDPOINT,
            serviceName: v.OTEL_SERVICE_NAME,
            ratio: v.OTEL_TRACES_SAMPLER_ARG,
          },
    pastWriterReads: v.PAST_WRITER_READ === 'allow',
    enrollmentOpen: v.ENROLLMENT === 'open',
  };
}
