import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A command of a page, and its output according to the page. */
export interface Step {
  command: string;
  printed: string;
}

/** The commands of a page in their order: the lines of its `console` blocks that begin with `$ `. */
export function readSteps(page: string): Step[] {
  const blocks = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text]) => text ?? '');
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...printed] = step.split('\n');
        return { command, printed: printed.join('\n').trimEnd() };
      }),
  );
}

/** Runs commands in one shell, after `before`. @returns what each of them prints */
export async function runSteps(
  commands: string[],
  { before, cwd, env }: { before: string; cwd: string; env: NodeJS.ProcessEnv },
): Promise<string[]> {
  const mark = '<end of a step>';
  const script = [before, ...commands.map((command) => `${command}\nprintf '%s' '${mark}'`)].join('\n');
  const { stdout } = await promisify(execFile)('bash', ['-c', script], {
    cwd,
    env: { ...process.env, ...env },
  });
  return stdout
    .replaceAll('\r', '')
    .split(mark)
    .slice(0, -1)
    .map((text) => text.trimEnd());
}

/** Normalizes JSON, and leaves other text unchanged. */
function inOneSpelling(line: string): string {
  try {
    return JSON.stringify(JSON.parse(line));
  } catch {
    return line;
  }
}

/** Removes random values and optional spaces of JSON. */
export const withoutChance = (text: string): string =>
  text
    .split('\n')
    .map(inOneSpelling)
    .join('\n')
    .replace(/\bv-[0-9A-Za-z]{10}\b/g, '<vault>')
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<time>')
    .replace(/\b[0-9a-f]{64}\b/g, '<hash>')
    .replace(/\b[0-9a-f]{32}\b/g, '<salt>')
    .replace(/\bsession:[0-9a-f]{12}\b/g, '<author>');
