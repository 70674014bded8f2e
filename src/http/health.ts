import type { FastifyInstance } from 'fastify';

export interface HealthDeps {
  /** Rejects unless the database answers. */
  pingDatabase(): Promise<void>;
  /** How many replicas are there; 0 while Redis cannot be reached. Absent where this server is the only one. */
  countReplicas?(): number;
  version: string;
}

/** `GET /health`: 200 when the database answers, 503 otherwise. Needs no session. */
export function mountHealth(
  app: FastifyInstance,
  { pingDatabase, countReplicas, version }: HealthDeps,
): void {
  app.get('/health', async (_request, reply) => {
    const replicas = countReplicas?.();
    const common = {
      version,
      uptime_seconds: Math.round(process.uptime()),
      // Without Redis vaults work and rooms wait: reason to look, and none to take the server away.
      ...(replicas !== undefined && { redis: replicas > 0 ? 'ok' : 'unreachable', replicas }),
    };
    try {
      await pingDatabase();
      return { status: 'ok', database: 'ok', ...common };
    } catch {
      reply.code(503).header('retry-after', 1);
      return { status: 'unavailable', database: 'unreachable', ...common };
    }
  });
}
