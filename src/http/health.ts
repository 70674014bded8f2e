import type { FastifyInstance } from 'fastify';

export interface HealthDeps {
  /** Rejects unless the database answers. */
  pingDatabase(): Promise<void>;
  version: string;
}

/** `GET /health`: 200 when the database answers, 503 otherwise. Needs no session. */
export function mountHealth(app: FastifyInstance, { pingDatabase, version }: HealthDeps): void {
  app.get('/health', async (_request, reply) => {
    const uptimeSeconds = Math.round(process.uptime());
    try {
      await pingDatabase();
      return { status: 'ok', database: 'ok', version, uptime_seconds: uptimeSeconds };
    } catch {
      reply.code(503).header('retry-after', 1);
      return { status: 'unavailable', database: 'unreachable', version, uptime_seconds: uptimeSeconds };
    }
  });
}
