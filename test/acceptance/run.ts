import { parseArgs } from 'node:util';
import { createSession, startOwnServer } from './server.ts';
import { tellStory } from './story.ts';

const USAGE = `npm run acceptance                 against a server of its own
npm run acceptance -- --url URL    against a running server; the sessions are made by this checkout's
                                   command line (same DATABASE_URL or DATA_DIR), or given:
                                   --session-a ID --session-b ID (one Astation) --session-c ID (another)
`;

const { values } = parseArgs({
  options: {
    url: { type: 'string' },
    'session-a': { type: 'string' },
    'session-b': { type: 'string' },
    'session-c': { type: 'string' },
    help: { type: 'boolean' },
  },
});

async function main(): Promise<void> {
  const own = values.url === undefined ? await startOwnServer() : undefined;
  try {
    const base = own?.url ?? values.url ?? '';
    const env = own?.env ?? process.env;
    const run = Math.random().toString(36).slice(2, 8);
    const sessions = {
      a: values['session-a'] ?? (await createSession(env, `acceptance-${run}`)),
      b: values['session-b'] ?? (await createSession(env, `acceptance-${run}`)),
      c: values['session-c'] ?? (await createSession(env, `acceptance-other-${run}`)),
    };
    process.stdout.write(`Acceptance of ${base}\n`);
    let steps = 0;
    await tellStory(base, sessions, (line) => {
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
