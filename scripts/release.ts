import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { readLastReleased } from '../src/cli/openapi/files.ts';
import { generateDocument } from '../src/cli/openapi/generate.ts';
import { compare } from '../src/openapi-check/compare.ts';
import type { Document } from '../src/openapi-check/document.ts';
import { formatDocument } from '../src/openapi-check/freshness.ts';
import { formatProblem } from '../src/openapi-check/problem.ts';
import { closeUnreleased, isMajor, nextVersion, ReleaseError } from './release/plan.ts';

const root = path.resolve(import.meta.dirname, '..');
const read = (file: string) => readFileSync(path.join(root, file), 'utf8');
const write = (file: string, text: string) => writeFileSync(path.join(root, file), text);

/** @throws Error when the command fails. The command prints the reason. */
const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

/** @throws ReleaseError when the working tree has changes that the release commit would include */
function checkClean(): void {
  if (run('git', 'status', '--porcelain') !== '') {
    throw new ReleaseError('The working tree has changes. Commit them first, or leave out --commit.');
  }
}

/** @throws ReleaseError when the document would break consumers of the newest document under openapi/released */
async function checkConsumers(document: Document): Promise<void> {
  const last = await readLastReleased();
  const problems = compare(last.document, document).map(formatProblem);
  if (problems.length === 0) return;
  const intro = `The document breaks consumers of ${last.version}. Fix it, or release a major version:`;
  throw new ReleaseError([intro, ...problems].join('\n  '));
}

/** Makes a release from the working tree. @returns its version. @throws ReleaseError before it changes a file */
async function release(wanted: string, commit: boolean): Promise<string> {
  const { version: current } = JSON.parse(read('package.json')) as { version: string };
  const version = nextVersion(current, wanted);
  const changelog = closeUnreleased(read('CHANGELOG.md'), version, new Date().toISOString().slice(0, 10));
  const document = generateDocument({ version });
  if (!isMajor(current, version)) await checkConsumers(document);
  if (commit) checkClean();

  run('npm', 'version', version, '--no-git-tag-version');
  write('CHANGELOG.md', changelog);
  write('openapi/vault-relay.openapi.json', formatDocument(document));
  write(`openapi/released/${version}.json`, formatDocument(document));
  mkdirSync(path.join(root, 'dist'), { recursive: true });
  run('npm', 'run', '--silent', 'sbom');
  if (commit) {
    run('git', 'add', 'package.json', 'package-lock.json', 'CHANGELOG.md', 'openapi');
    run('git', 'commit', '--quiet', '-m', `Release ${version}`);
    run('git', 'tag', '-a', `v${version}`, '-m', `vault-relay ${version}`);
  }
  return version;
}

const program = new Command('npm run release --')
  .description(
    'make a release from the working tree: version, changelog, OpenAPI document, bill of materials',
  )
  .argument('<version>', 'major, minor, patch, or a version such as 1.2.3')
  .option('--commit', 'commit the release and tag it; nothing is pushed or published')
  .action(async (wanted: string, { commit = false }: { commit?: boolean }) => {
    const version = await release(wanted, commit);
    const next = commit
      ? `Push it with: git push origin HEAD v${version}`
      : `Check git diff, then commit it as "Release ${version}" and tag it v${version}.`;
    process.stdout.write(
      `vault-relay ${version} is ready; dist/sbom.cdx.json is its bill of materials.\n${next}\n`,
    );
  });

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof ReleaseError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
