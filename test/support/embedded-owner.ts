import pino from 'pino';
import { type EmbeddedOptions, startEmbedded } from '../../src/db/embedded/postgres.ts';

// A process that owns an embedded database, for tests that kill it. It prints one line of JSON, then follows commands on stdin.
const options: EmbeddedOptions = { ...JSON.parse(process.argv[2] ?? '{}'), log: pino({ level: 'silent' }) };
try {
  const { url, clusterDir, stop } = await startEmbedded(options);
  console.log(JSON.stringify({ url, clusterDir }));
  process.stdin.on('data', (line) => {
    if (String(line).trim() === 'exit') process.exit(0);
    void stop().then(() => process.exit(0));
  });
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
}
