import type { FastifyInstance, FastifyReply } from 'fastify';
import { shareProbe } from '../../queues/shared-probe.ts';

export interface HealthDeps {
  /** Rejects unless the database answers. */
  pingDatabase(): Promise<void>;
  /** Whether the server is about to stop, so that nobody new should be sent to it. */
  isStopping(): boolean;
  /** How many replicas are there; 0 while Redis cannot be reached. Absent where this server is the only one. */
  countReplicas?(): number;
  version: string;
}

const RETRY_AFTER_SECONDS = 1;

/** A probe of the database answers every request of this long, because anybody may ask as often as they like. */
const PROBE_MS = 1000;

/**
 * `GET /health` and `/health/ready`: 200 when the database answers and the server is not stopping, 503 otherwise.
 * `GET /health/live`: 200 as long as the process answers at all. None needs a session, none is limited.
 */
export function mountHealth(app: FastifyInstance, deps: HealthDeps): void {
  const { pingDatabase, isStopping, countReplicas, version } = deps;
  // Without Redis vaults work and rooms wait: reason to look, and none to take the server away.
  const sharing = (replicas: number) => ({ redis: replicas > 0 ? 'ok' : 'unreachable', replicas });
  const common = () => ({
    version,
    uptime_seconds: Math.round(process.uptime()),
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
