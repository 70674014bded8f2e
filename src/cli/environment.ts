import { isUtf8 } from 'node:buffer';
import { lstatSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseEnv } from 'node:util';
import { ConfigError } from '../config.ts';
import { explainSystemError } from './complaint.ts';

const BYTE_ORDER_MARK = /^\ufeff/;

function read(file: string): Buffer | undefined {
  try {
    return readFileSync(file);
  } catch (error) {
    // A link that leads nowhere exists too: the settings are meant to be there.
    if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
    const reason = explainSystemError(error as NodeJS.ErrnoException);
    throw new ConfigError(
      `The settings file ${file} cannot be read: ${reason}. Make it readable or move it away.`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Adds the settings of a `.env` file in `folder` to an environment; what is set there already wins.
 * @throws ConfigError that names the file when it exists and is not readable text in UTF-8
 */
export function loadEnvironmentFile(folder: string, env: NodeJS.ProcessEnv): void {
  const file = path.join(folder, '.env');
  const bytes = read(file);
  if (!bytes) return;
  // UTF-16 of plain letters is UTF-8 too, but every other character of it is NUL.
  if (!isUtf8(bytes) || bytes.includes(0)) {
    throw new ConfigError(
      `The settings file ${file} is not text in UTF-8. Save it as UTF-8 or move it away.`,
    );
  }
  const settings = parseEnv(bytes.toString('utf8').replace(BYTE_ORDER_MARK, ''));
  for (const [name, value] of Object.entries(settings)) env[name] ??= value;
}
