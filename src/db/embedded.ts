import type { Logger } from 'pino';
export interface EmbeddedDatabase {
  url: string;
  clusterDir: string;
  stop(): Promise<void>;
  onUnexpectedExit(listener: (reason: string) => void): void;
}
export class EmbeddedError extends Error {}
export async function startEmbedded(_options: {
  dataDir: string;
  log: Logger;
  owner?: 'server' | 'command';
  postgresFlags?: string[];
}): Promise<EmbeddedDatabase> {
  throw new EmbeddedError('stub');
}
export async function findRunningEmbedded(_dataDir: string): Promise<string | undefined> {
  return undefined;
}
