import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { explainSystemError } from '../complaint.ts';
import { replaceFile } from '../replace-file.ts';
import { type Connection, ConnectionError, makeConnection } from './connection.ts';

/** @returns the file that `vault-relay login` writes: in XDG_CONFIG_HOME, or else in ~/.config */
export function settingsFile(env: NodeJS.ProcessEnv): string {
  const { XDG_CONFIG_HOME: folder = '' } = env;
  // XDG: a relative path is ignored.
  const base = path.isAbsolute(folder) ? folder : path.join(env.HOME || homedir(), '.config');
  return path.join(base, 'vault-relay', 'config.json');
}

const refuse = (file: string, why: string) => new ConnectionError(`The settings file ${file} ${why}`);

const refuseSystem = (file: string, verb: string, error: unknown) =>
  refuse(file, `cannot be ${verb}: ${explainSystemError(error as NodeJS.ErrnoException)}.`);

/** Whether other users of the system may read or write a file. Windows has no such rights. */
const isOpenToOthers = (file: string) => process.platform !== 'win32' && (statSync(file).mode & 0o077) !== 0;

function parse(file: string, text: string): Connection {
  const again = 'Run `vault-relay login <url>` again.';
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw refuse(file, `is not JSON. ${again}`);
  }
  const { url, key, client_id: clientId } = (content ?? {}) as Record<string, unknown>;
  const isClientId = clientId === undefined || (typeof clientId === 'string' && clientId !== '');
  if (typeof url !== 'string' || typeof key !== 'string' || !isClientId)
    throw refuse(file, `must hold "url" and "key" as texts. ${again}`);
  return makeConnection({ url, key, clientId }, { url: `"url" in ${file}`, key: `"key" in ${file}` });
}

/**
 * @returns the connection that `login` stored, or undefined where it stored none
 * @throws ConnectionError for a file that others may read, or that is damaged
 */
export function readSettingsFile(file: string): Connection | undefined {
  let text: string;
  try {
    if (isOpenToOthers(file))
      throw refuse(file, `holds a key, but other users may open it. Run \`chmod 600 ${file}\`.`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (error instanceof ConnectionError) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw refuseSystem(file, 'read', error);
  }
  return parse(file, text);
}

/** Replaces the file, readable for its owner alone. @throws ConnectionError */
export function writeSettingsFile(file: string, { url, key, clientId }: Connection): void {
  try {
    replaceFile(file, `${JSON.stringify({ url, key, client_id: clientId }, null, 2)}\n`);
  } catch (error) {
    throw refuseSystem(file, 'written', error);
  }
}
