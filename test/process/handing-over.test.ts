import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createSession, fillFolder, serve, stop, withFolder } from '../support/process.ts';
import { readSteps, runSteps, withoutChance } from '../support/recipes.ts';

const read = (file: string) => readFile(path.resolve(import.meta.dirname, '../..', file), 'utf8');

test('every request of the recipes gets the answer of the page', () =>
  withFolder(async (folder) => {
    const page = await read('docs/handing-over.md');
    const [, before = ''] = /^```sh\n(.*?)^```$/ms.exec(page) ?? [];
    const steps = readSteps(page);
    const DATA_DIR = path.join(folder, 'data');
    await fillFolder(DATA_DIR);
    const { program, url } = await serve({ DATA_DIR });
    const S = await createSession({ DATA_DIR }, 'my-astation');
    const printed = await runSteps(
      steps.map((step) => step.command),
      { before, cwd: folder, env: { URL: url, S } },
    );
    await stop(program);
    expect(steps.length).toBeGreaterThan(20);
    expect(steps.map(({ command }, i) => [command, withoutChance(printed[i] ?? '')])).toEqual(
      steps.map((step) => [step.command, withoutChance(step.printed)]),
    );
  }));

test('the page has seven recipes, and the README links to it', async () => {
  const headings = (await read('docs/handing-over.md')).match(/^## .*$/gm);
  expect(headings?.map((heading) => heading.slice(0, 5))).toEqual(
    [1, 2, 3, 4, 5, 6, 7].map((n) => `## ${n}.`),
  );
  expect(await read('README.md')).toContain('(docs/handing-over.md)');
});
