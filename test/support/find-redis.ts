import { accessSync, constants } from 'node:fs';
import path from 'node:path';

const isProgram = (file: string) => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** `REDIS_SERVER_PATH`, or the first Redis or Valkey in `PATH`. */
export function findRedisServer(): string | undefined {
  const folders = ['/usr/bin', ...(process.env.PATH ?? '').split(path.delimiter)];
  const usual = ['redis-server', 'valkey-server'].flatMap((name) =>
    folders.map((folder) => path.join(folder, name)),
  );
  return [process.env.REDIS_SERVER_PATH, ...usual].find((file) => file && isProgram(file));
}
