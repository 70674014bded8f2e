import type { FastifyBaseLogger } from 'fastify';
import type { Metrics } from '../../../observability/metrics.ts';
import type { VaultFeed } from '../../follow/feed.ts';
import type { IndexBuilder } from './builder-store.ts';
import { Indexer } from './indexer.ts';

interface OpenIndexer {
  builder: IndexBuilder;
  feed: VaultFeed;
  log: FastifyBaseLogger;
  metrics: Metrics;
  /** Writes that wait for the database now. */
  queued(): number;
}

/** Makes the indexer of a server, which has not started yet, and publishes its state as metrics. */
export function openIndexer({ metrics, ...deps }: OpenIndexer): Indexer {
  const indexer = new Indexer(deps);
  metrics.gauge('searchWaiting', () => indexer.state.waiting);
  metrics.gauge('searchLagSeconds', () => indexer.state.lag);
  metrics.gauge('searchRows', () => indexer.state.rows);
  metrics.gauge('searchBytes', () => indexer.state.bytes);
  return indexer;
}
