import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';

const DECISION = readFileSync('docs/decisions/0008-hot-statements-go-to-the-pool.md', 'utf8');

/** The row of each file that has SQL, by what the decision says. */
const LISTED = new Map(
  [...DECISION.matchAll(/^\| `(src\/[\w/-]+\.ts)` \| (\d+) \| (.+) \|$/gm)].map(
    ([, file = '', texts, why = '']) => [file, { texts: Number(texts), why }],
  ),
);

/** Where a literal begins as a statement of SQL, or a part of one, does. */
const SQL =
  /[`']\s*\(*(?:WITH \w|SELECT\b|INSERT INTO\b|UPDATE \w|DELETE FROM\b|BEGIN\b|COMMIT\b|ROLLBACK\b|SET (?:LOCAL|ROLE|\w+ =)|RESET ROLE|LISTEN \$|NOTIFY\b|LOCK TABLE|SAVEPOINT\b|RELEASE \w|DECLARE\b|FETCH\b|CLOSE \$|CREATE (?:TABLE|DATABASE)|GRANT\b)/g;

/** The names of the constants that a file gives its texts; undefined for one without such a name. */
function findTexts(source: string): (string | undefined)[] {
  const code = source.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  return [...code.matchAll(SQL)].map(({ index }) => /\b([A-Z_]{3,})[: =]+$/.exec(code.slice(0, index))?.[1]);
}

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .map((name) => path.posix.join('src', name.split(path.sep).join('/')))
  .filter((file) => file.endsWith('.ts') && !/^src\/(db\/generated|dashboard|browser)\//.test(file))
  .map((file) => ({ file, texts: findTexts(readFileSync(file, 'utf8')) }))
  .filter(({ texts }) => texts.length > 0);

test('decision 8 lists each file that has SQL, and how many texts', () => {
  const found = files.map(({ file, texts }) => [file, texts.length]);
  const listed = [...LISTED].map(([file, { texts }]) => [file, texts]);
  expect(listed.toSorted()).toEqual(found.toSorted());
});

test.each(files)('decision 8 gives the reason for each SQL statement of $file', ({ file, texts }) => {
  const names = texts.filter((name) => name !== undefined);
  const why = LISTED.get(file)?.why ?? '';
  expect(names.filter((name) => !why.includes(`\`${name}\``))).toEqual([]);
});

test('the search finds a statement however it is written', () => {
  const source = `
    export const FIRST = 'SELECT 1';
    const SECOND: string = \`
      WITH it AS (SELECT 1) SELECT * FROM it\`;
    await db.rows(\`DELETE FROM sessions\`);
    // 'SELECT nothing'
    /* const NONE = 'SELECT nothing' */
    log('Updates the set');`;
  expect(findTexts(source)).toEqual(['FIRST', undefined, undefined]);
});
