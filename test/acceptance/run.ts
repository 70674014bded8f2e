import { parseArgs } from 'node:util';
import { startOwnServer } from './server.ts';
import { tellStory } from './story.ts';

const USAGE = `npm run acceptance                 against a server of its own
npm run acceptance -- --url URL    against a running server
`;

const { values } = parseArgs({ options: { url: { type: 'string' }, help: { type: 'boolean' } } });

async function main(): Promise<void> {
  const own = values.url === undefined ? await startOwnServer() : undefined;
  try {
    const base = (own?.url ?? values.url ?? '').replace(/\/+$/, '');
    process.stdout.write(`Acceptance of ${base}\n`);
    let steps = 0;
    await tellStory(base, (line) => {
      steps++;
      process.stdout.write(`  ok ${steps}. ${line}\n`);
    });
    process.stdout.write(`${steps} steps passed.\n`);
  } finally {
    await own?.stop();
  }
}

if (values.help) {
  process.stdout.write(USAGE);
} else {
  await main().catch((error: Error) => {
    process.stderr.write(`  failed: ${error.message}\n`);
    process.exitCode = 1;
  });
}
