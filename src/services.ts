import type { FastifyBaseLogger } from 'fastify';
import { type CredentialKind, kindOfSecret } from './access/credential.ts';
import { CredentialCache, type LookUp } from './access/credential-cache.ts';
import type { LiveActivity } from './activity/live.ts';
import { openActivity } from './activity/open.ts';
import type { CallersHere } from './activity/presence.ts';
import type { ActivityStore } from './activity/store.ts';
import type { OutsideRead } from './audit/vault-audit-store.ts';
import { LOOK_AGAIN_CHANNEL, makeChannels } from './channels.ts';
import type { Config } from './config.ts';
import { Database } from './db/client.ts';
import { Listener } from './db/listener.ts';
import { type DrainStep, runSteps } from './drain-steps.ts';
import { KeyStore } from './keys/store.ts';
import { noObservability, type Observability } from './observability/open.ts';
import { openRelay } from './open-relay.ts';
import { PeopleStore } from './people/store.ts';
import { type MakeLimiter, makeMemoryLimiter } from './rate-limiter.ts';
import type { Hub } from './relay/hub.ts';
import type { Connections } from './relay/sockets/connections.ts';
import type { RelaySockets } from './relay/sockets/socket.ts';
import type { Replica } from './replicas/replica.ts';
import { SessionAdminStore } from './session/admin/store.ts';
import { AstationStore } from './session/astation-store.ts';
import { BindingStore } from './session/binding-store.ts';
import { LoginStore } from './session/login-store.ts';
import { SessionStore } from './session/store.ts';
import { VaultFeed } from './vault/follow/feed.ts';
import type { VaultWaiters } from './vault/follow/waiters.ts';
import { IndexBuilder } from './vault/search/index/builder-store.ts';
import type { Indexer } from './vault/search/index/indexer.ts';
import { openIndexer } from './vault/search/index/open.ts';
import { VaultStore } from './vault/store.ts';

/** Interval of the sweep that removes expired tokens and old login requests. */
const SWEEP_MS = 60_000;

/** Interval of checks for expired credentials, because an expiry is not announced. */
const CHECK_CREDENTIALS_MS = 30_000;

/** The services behind the procedures and sockets, over one database. */
export interface Services {
  db: Database;
  vaults: VaultStore;
  feed: VaultFeed;
  /** What happens in vaults, and who is present. */
  activity: ActivityStore;
  liveActivity: LiveActivity;
  callers: CallersHere;
  indexer: Indexer;
  credentials: CredentialCache;
  sessionStore: SessionStore;
  keys: KeyStore;
  /** Waits for changes of vaults, and for the first use of keys. */
  waiters: VaultWaiters;
  sessionAdmin: SessionAdminStore;
  people: PeopleStore;
  logins: LoginStore;
  astations: AstationStore;
  hub: Hub;
  sockets: RelaySockets;
  connections: Connections;
  /** The state shared with other servers; undefined if this is the only one. */
  replica: Replica | undefined;
  /** Makes the rate limiters, in memory or shared by replicas. */
  makeLimiter: MakeLimiter;
  observability: Observability;
  /** Ends sockets, waits and subscriptions of credentials that have lost access. Runs every {@link CHECK_CREDENTIALS_MS}. */
  checkCredentials(): Promise<void>;
  /** Steps to run, in order, before waiting for the answers in flight. */
  drainSteps: readonly DrainStep[];
  /** Closes everything. Call after the last request has been answered. */
  close(): Promise<void>;
}

export interface ServicesOptions {
  config: Config;
  /** postgres:// address of a migrated database. */
  databaseUrl: string;
  log: FastifyBaseLogger;
  /** Metrics and tracing. Default: none. */
  observability?: Observability;
  /** The relay's monotonic clock, in ms. */
  now?: () => number;
  /** The clock of rooms, in ms, which all replicas must share. Default: `now`, or `Date.now` with Redis. */
  roomClock?: () => number;
}

/**
 * Makes the services and wires their events.
 * @throws the driver's error if the database cannot be reached
 */
export async function openServices({
  config,
  databaseUrl: url,
  log,
  observability = noObservability,
  now = () => performance.now(),
  roomClock,
}: ServicesOptions): Promise<Services> {
  const { metrics, tracing } = observability;
  const db = new Database({ url, poolSize: config.databasePoolSize, log, metrics, tracing });
  const sessionStore = new SessionStore(db);
  const keys = new KeyStore(db);
  const people = new PeopleStore(db);
  const lookUps: Record<CredentialKind, LookUp> = {
    session: (secret) => sessionStore.use(secret),
    key: (secret) => keys.use(secret),
    person: (secret) => people.use(secret),
  };
  const credentials = new CredentialCache((secret) => lookUps[kindOfSecret(secret)](secret));
  const astations = new AstationStore(db, config.enrollmentOpen);
  const logins = new LoginStore(db);
  const feed = new VaultFeed();
  const rules = {
    ...config,
    findEnded: (hashes: string[]) => sessionStore.findEnded(hashes),
    onOutsideRead: ({ vaultId, action, requestId }: OutsideRead) =>
      log.info({ reqId: requestId, vault: vaultId, action }, 'Cross-session read'),
  };
  const vaults = new VaultStore(db, feed, rules, metrics);
  metrics.gauge('writeQueue', () => vaults.writer.depth);
  metrics.gauge('waiting', () => vaults.followers.waiters.size);
  const indexer = openIndexer({
    builder: new IndexBuilder(db),
    feed,
    log,
    metrics,
    queued: () => vaults.writer.depth,
  });
  const bindings = new BindingStore(db);
  const checkCredentials = async (idHashes: string[]) => {
    if (idHashes.length === 0) return;
    for (const idHash of await sessionStore.findEnded(idHashes)) credentials.ended(idHash);
  };
  credentials.onEnded((idHash) => vaults.followers.waiters.credentialEnded(idHash));
  const relay = await openRelay({
    config,
    log,
    now,
    roomClock,
    lookAgain: () => vaults.followers.waiters.lookAgain(),
    notifyWithoutRedis: () => db.rows(`SELECT pg_notify('${LOOK_AGAIN_CHANNEL}', '')::text`),
    credentials,
    checkCredentials,
    astations,
    bindings,
    feed,
    metrics,
  });
  const activity = openActivity({
    db,
    vaults,
    feed,
    hub: relay.hub,
    hasReplicas: relay.replica !== undefined,
  });
  metrics.gauge('sockets', () => relay.sockets.counts());
  metrics.gauge('replicas', () => relay.replica?.count() ?? 0);
  const listener = new Listener({
    url,
    log,
    channels: makeChannels({ credentials, astations, hub: relay.hub, waiters: vaults.followers.waiters }),
    onListening: () => {
      credentials.setListening(true);
      catchUp()
        .then(() => astations.setListening(true))
        .catch((error: Error) => log.warn({ reason: error.message }, 'Could not catch up with the database'));
    },
    onDisconnected: () => {
      credentials.setListening(false);
      astations.setListening(false);
    },
  });
  const checkOpen = () =>
    checkCredentials([
      ...new Set([...relay.sockets.credentials(), ...vaults.followers.waiters.credentials()]),
    ]);
  /** Applies revocations, key changes and writes that were announced while this server was not listening. */
  const catchUp = async () => {
    await Promise.all([relay.sockets.catchUp(), checkOpen()]);
    vaults.followers.waiters.lookAgain();
  };
  const checker = setInterval(() => {
    checkOpen().catch((error: Error) =>
      log.warn({ reason: error.message }, 'Could not check the credentials of open streams and sockets'),
    );
  }, CHECK_CREDENTIALS_MS).unref();
  const sweep = async () => {
    await logins.sweep();
    await people.sweep();
    const swept = await astations.sweep();
    if (swept > 0) log.info({ keys: swept }, 'Removed keys that bound no session in 30 days');
  };
  const sweeper = setInterval(() => {
    sweep().catch((error: Error) =>
      log.warn({ reason: error.message }, 'Could not delete expired logins and keys'),
    );
  }, SWEEP_MS).unref();
  // Order matters: queued writes need the pool.
  const closeSteps: DrainStep[] = [
    { name: 'sweeper', run: () => [sweeper, checker].forEach(clearInterval) },
    { name: 'waiting reads and subscriptions', run: () => vaults.followers.waiters.close() },
    { name: 'search index', run: () => indexer.stop() },
    { name: 'write queue', run: () => vaults.writer.whenIdle() },
    // Must follow the write queue, because the last write must still be announced to other replicas.
    { name: 'relay', run: () => relay.close() },
    { name: 'listener', run: () => listener.close() },
    { name: 'last statement of the search index', run: () => indexer.close() },
    { name: 'pool', run: () => db.close() },
  ];
  const close = () => runSteps(closeSteps, log);
  try {
    await listener.start();
    await astations.load();
    indexer.start();
  } catch (error) {
    await close();
    throw error;
  }
  const { hub, sockets, connections, replica } = relay;
  return {
    db,
    vaults,
    feed,
    ...activity,
    indexer,
    credentials,
    sessionStore,
    keys,
    waiters: vaults.followers.waiters,
    sessionAdmin: new SessionAdminStore(db),
    people,
    logins,
    astations,
    hub,
    sockets,
    connections,
    replica,
    makeLimiter: replica?.makeLimiter ?? makeMemoryLimiter,
    observability,
    checkCredentials: checkOpen,
    drainSteps: [
      { name: 'waiting reads and subscriptions', run: () => vaults.followers.waiters.close() },
      { name: 'relay sockets', run: () => sockets.drain() },
    ],
    close,
  };
}
