import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const root = path.resolve(import.meta.dirname, '../..');

const files = readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })
  .map((file) => path.join('src', file))
  .filter((file) => /\.tsx?$/.test(file) && !file.startsWith('src/db/generated'));

/** Handlers that drop an error: of a promise, of an emitter, and of a block. */
const DROPS = [
  /\.catch\(\s*\(\) => (?:undefined|null|false|\{\})/g,
  /^\s+\(\) => (?:undefined|null|false|\{\}),?(?: \/\/.*)?$/gm,
  /'error', \(\) => (?:undefined|\{\})/g,
  /catch(?: \(\w+\))? \{\s*(?:return(?: undefined| null| false)?;)?(?: *\/\/[^\n]*)?\s*\}/g,
];

const COMMENT = /\/\/|\*\//;

/** Lines that drop an error without a comment on them, within them, or above the statement that they belong to. */
function silentDrops(text: string): string[] {
  const found: string[] = [];
  for (const drop of DROPS) {
    for (const match of text.matchAll(drop)) {
      const end = text.indexOf('\n', match.index + match[0].length);
      const before = text.slice(0, match.index).split('\n').slice(-3);
      if (match[0].startsWith('catch')) before.splice(0, 2);
      const around = [...before, text.slice(match.index, end === -1 ? undefined : end)].join('\n');
      if (!COMMENT.test(around)) found.push(match[0].trim());
    }
  }
  return found;
}

test.each([
  ['await end().catch(() => undefined);', true],
  ['await end().catch(\n  () => undefined,\n);', true],
  ["client.on('error', () => undefined);", true],
  ['try {\n  work();\n} catch {}', true],
  ['try {\n  work();\n} catch (error) {\n  return undefined;\n}', true],
  ['done.then(\n  (all) => all,\n  () => undefined,\n);', true],
  ['await end().catch(() => undefined); // it is closed already', false],
  ['// It is closed already.\nawait end().catch(() => undefined);', false],
  ['try {\n  work();\n} catch {\n  // It may fail.\n}', false],
  ['try {\n  work();\n} catch {\n  return undefined; // no such file\n}', false],
  ["try {\n  work();\n} catch {\n  throw new Error('no');\n}", false],
])('%j drops an error without a reason: %s', (text, isSilent) => {
  expect(silentDrops(text).length > 0).toBe(isSilent);
});

test('each dropped error in src has a comment with the reason', () => {
  const found = files.flatMap((file) =>
    silentDrops(readFileSync(path.join(root, file), 'utf8')).map((drop) => `${file}: ${drop}`),
  );
  expect(found).toEqual([]);
});
