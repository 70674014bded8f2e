import type { FastifyInstance, FastifyReply } from 'fastify';

export interface HealthDeps {
  /** Rejects unless the database answers. */
  pingDatabase(): Promise<void>;
  /** Whether the server is about to stop, so that nobody new should be sent to it. */
  isStopping(): boolean;
  version: string;
}

const RETRY_AFTER_SECONDS = 1;

/**
 * `GET /health` and `/health/ready`: 200 when the database answers and the server is not stopping, 503 otherwise.
 * `GET /health/live`: 200 as long as the process answers at all. None needs a session, none is limited.
 */
export function mountHealth(app: FastifyInstance, { pingDatabase, isStopping, version }: HealthDeps): void {
  const common = () => ({ version, uptime_seconds: Math.round(process.uptime()) });
  const unavailable = (reply: FastifyReply) => reply.code(503).header('retry-after', RETRY_AFTER_SECONDS);

  const ready = async (_request: unknown, reply: FastifyReply) => {
    const database = await pingDatabase().then(
      () => 'ok',
      () => 'unreachable',
    );
    if (isStopping()) {
      unavailable(reply);
      return { status: 'stopping', database, ...common() };
    }
    if (database !== 'ok') unavailable(reply);
    return { status: database === 'ok' ? 'ok' : 'unavailable', database, ...common() };
  };
  app.get('/health', ready);
  app.get('/health/ready', ready);
  app.get('/health/live', async () => ({ status: 'ok', ...common() }));
}
