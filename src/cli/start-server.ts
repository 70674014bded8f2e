import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Logger } from 'pino';
import { buildApp } from '../app.ts';
import type { Config } from '../config.ts';
import { listenOn } from '../http/edge/listen.ts';
import { buildMetricsApp } from '../http/ops/request-metrics.ts';
import { bareName } from '../net/host.ts';
import { isLoopback } from '../net/own-names.ts';
import { openObservability } from '../observability/open.ts';
import { openServices } from '../services.ts';
import { bringUpToDate } from './bring-up-to-date.ts';
import { openDatabaseSource } from './database-url.ts';
import { linkOf } from './link.ts';

/** Closing steps, run last in, first out. One that fails does not keep the others from running. */
class Cleanup {
  readonly #steps: (() => Promise<unknown>)[] = [];

  add(step: () => Promise<unknown>): void {
    this.#steps.push(step);
  }

  async run(log: Logger): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) {
      await step().catch((error: Error) => log.warn({ reason: error.message }, 'A closing step failed'));
    }
  }
}

/** A port that cannot be listened on. The message names the variable. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

interface Place {
  host: string;
  port: number;
  /** The setting that names the port. */
  variable: string;
}

function explainListenError(error: NodeJS.ErrnoException, { host, port, variable }: Place): Error {
  if (error.code === 'EADDRINUSE') {
    return new ListenError(
      `Port ${port} on ${host} is in use; stop the program that uses it, or set ${variable} to another port.`,
    );
  }
  if (error.code === 'EACCES') {
    return new ListenError(
      `Port ${port} needs more rights than this user has; set ${variable} to 1024 or above.`,
    );
  }
  if (error.code === 'EADDRNOTAVAIL' || error.code === 'ENOTFOUND') {
    return new ListenError(
      `HOST ${host} is not an address of this machine. Set HOST to one that is, such as 127.0.0.1.`,
    );
  }
  return error;
}

/** @throws ListenError */
async function listen(app: FastifyInstance, place: Place): Promise<void> {
  await listenOn(app, place).catch((error: NodeJS.ErrnoException) => {
    throw explainListenError(error, place);
  });
}

const portOf = (app: FastifyInstance) => (app.server.address() as AddressInfo).port;

/** A server that is up. */
export interface RunningServer {
  /** Where it listens, e.g. `http://127.0.0.1:3000`. */
  url: string;
  /** Signs one person in at the dashboard as an operator. Undefined where other machines can reach the server. */
  link: string | undefined;
  /** Resolves with a reason when the server cannot go on by itself. */
  broken: Promise<string>;
  stop(): Promise<void>;
}

async function assemble(
  config: Config,
  log: Logger,
  version: string,
  cleanup: Cleanup,
): Promise<RunningServer> {
  const source = await openDatabaseSource(config, log);
  cleanup.add(() => source.release());
  const broken = new Promise<string>((resolve) => source.onUnexpectedExit(resolve));

  const applied = await bringUpToDate(source.url, log);
  log.info({ database: source.description, migrations: applied }, 'Database is ready');

  if (config.enrollmentOpen && !isLoopback(config.host)) {
    log.warn(
      'Any Astation that reaches this server may register itself; set ENROLLMENT=closed to admit only Astations that the operator adds',
    );
  }

  const observability = await openObservability(config, { log, version });
  cleanup.add(() => observability.tracing.close());
  const services = await openServices({ config, databaseUrl: source.url, log, observability });
  cleanup.add(() => services.close());

  // Until the end, so that a stop can be watched.
  if (observability.exposition && config.metricsPort !== undefined) {
    const metricsApp = buildMetricsApp(observability.exposition, { token: config.metricsToken, log });
    cleanup.add(() => metricsApp.close());
    await listen(metricsApp, { host: config.host, port: config.metricsPort, variable: 'METRICS_PORT' });
    log.info({ port: portOf(metricsApp) }, 'Metrics are at /metrics on a separate port');
  }

  const app = await buildApp({ config, services, log, version });
  cleanup.add(() => app.close());
  await listen(app, { host: config.host, port: config.port, variable: 'PORT' });
  const { address, family, port } = app.server.address() as AddressInfo;
  const url = `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  // A public address means that a proxy passes other machines on.
  const isLocal = isLoopback(address) && isLoopback(bareName(new URL(config.publicBaseUrl ?? url).hostname));
  const link = isLocal ? linkOf(config.publicBaseUrl ?? url, await services.people.invite({})) : undefined;
  return { url, link, broken, stop: () => cleanup.run(log) };
}

/**
 * Starts everything in order: database, migrations, pool, procedures, port. If a step fails, those
 * before it are undone.
 * @throws an error whose message is one sentence: the problem, and what to do
 */
export async function startServer(config: Config, log: Logger, version: string): Promise<RunningServer> {
  const cleanup = new Cleanup();
  try {
    return await assemble(config, log, version, cleanup);
  } catch (error) {
    await cleanup.run(log);
    throw error;
  }
}
