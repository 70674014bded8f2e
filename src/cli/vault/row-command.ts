import { spawn } from 'node:child_process';
import type { Entry } from '../../client/index.ts';
import { explainSystemError } from '../complaint.ts';

/** A command that a watch runs once for each row. */
export interface RowCommand {
  /** As the shell reads it. */
  command: string;
  vaultId: string;
  env: NodeJS.ProcessEnv;
  /** Ends the command that is running. */
  signal: AbortSignal;
}

/** Whether the command is a process group, so that a signal reaches all of it. */
const isGroup = process.platform !== 'win32';

/** Ends a command and what it started. */
function end(pid: number): void {
  try {
    process.kill(isGroup ? -pid : pid, 'SIGTERM');
  } catch {} // it has ended in the meantime
}

/**
 * Runs the command for a row and waits for its end. The row is JSON on its input, because the text of strangers has no
 * place in a command line; numbers and names are in the environment too. Its output is that of this program.
 * @returns what went wrong, as the end of a sentence; undefined: it ended with exit code 0
 */
export function runForRow(
  row: Entry,
  { command, vaultId, env, signal }: RowCommand,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(command, {
      shell: true,
      detached: isGroup,
      stdio: ['pipe', 'inherit', 'inherit'],
      env: {
        ...env,
        VAULT_ID: vaultId,
        ENTRY_NO: String(row.entry_no),
        VERSION: String(row.version),
        SEQ: String(row.seq),
        WRITER_ID: row.writer_id,
      },
    });
    const stop = () => void (child.pid !== undefined && end(child.pid));
    const done = (problem: string | undefined) => {
      signal.removeEventListener('abort', stop);
      resolve(problem);
    };
    signal.addEventListener('abort', stop);
    child.once('error', (error) => done(`could not start: ${explainSystemError(error)}`));
    child.once('close', (code, by) => {
      done(code === 0 ? undefined : by ? `was ended by ${by}` : `ended with exit code ${code}`);
    });
    // A command need not read its input.
    child.stdin.on('error', () => undefined);
    child.stdin.end(`${JSON.stringify(row)}\n`);
  });
}
