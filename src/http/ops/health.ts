import type { FastifyInstance, FastifyReply } from 'fastify';
import { shareProbe } from '../../queues/shared-probe.ts';

export interface HealthDeps {
  /** Rejects unless the database answers. */
  pingDatabase(): Promise<void>;
  /** Whether the server is about to stop. A load balancer should then send it no new clients. */
  isStopping(): boolean;
  /** The number of replicas; 0 while Redis cannot be reached. Absent where this server is the only one. */
  countReplicas?(): number;
  /** How long the first rows to index have waited, in seconds. */
  searchLag(): number;
  version: string;
}

const RETRY_AFTER_SECONDS = 1;

/** Health requests share one database probe for this long, because any client may send them at any rate. */
const PROBE_MS = 1000;

/**
 * `GET /health` and `/health/ready`: 200 when the database answers and the server is not stopping, 503 otherwise.
 * `GET /health/live`: 200 as long as the process answers at all. These paths need no session and have no rate limit.
 */
export function mountHealth(app: FastifyInstance, deps: HealthDeps): void {
  const { pingDatabase, isStopping, countReplicas, searchLag, version } = deps;
  // Without Redis, vaults still work and rooms wait. The status stays 200, so that load balancers keep the server.
  const sharing = (replicas: number) => ({ redis: replicas > 0 ? 'ok' : 'unreachable', replicas });
  const common = () => ({
    version,
    uptime_seconds: Math.round(process.uptime()),
    // The status stays 200, because a search is exact without the index.
    search_lag_seconds: Math.round(searchLag()),
    ...(countReplicas && sharing(countReplicas())),
  });
  const unavailable = (reply: FastifyReply) => reply.code(503).header('retry-after', RETRY_AFTER_SECONDS);

  const probe = shareProbe(PROBE_MS, () =>
    pingDatabase().then(
      () => 'ok' as const,
      () => 'unreachable' as const, // the answer says so
    ),
  );
  const ready = async (_request: unknown, reply: FastifyReply) => {
    const database = await probe();
    if (isStopping()) {
      unavailable(reply);
      return { status: 'stopping', database, ...common() };
    }
    if (database !== 'ok') unavailable(reply);
    return { status: database === 'ok' ? 'ok' : 'unavailable', database, ...common() };
  };
  const options = { config: { anyHost: true } };
  app.get('/health', options, ready);
  app.get('/health/ready', options, ready);
  app.get('/health/live', options, async () => ({ status: 'ok', ...common() }));
}
