import { cpus } from 'node:os';
import { formatTable } from '../src/cli/table.ts';
import { withBenchDatabase } from './scaling/database.ts';
import { measureMemory } from './scaling/memory.ts';
import { measureSizes } from './scaling/sizes.ts';
import { measureWrites } from './scaling/writes.ts';

/** The figures behind docs/scaling.md, on the machine at hand. */
const print = (title: string, head: string[], rows: string[][]) =>
  process.stdout.write(`\n${title}\n\n${formatTable(head, rows)}\n`);

process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n`);

await withBenchDatabase(async (url) => {
  print('Bytes of disk for each row', ['WHAT', 'TABLE', 'TOAST', 'INDEXES', 'ALL'], await measureSizes(url));
});
await withBenchDatabase(async (url) => {
  print(
    'Writes of 200 bytes, each statement flushed to disk',
    ['VAULTS', 'WRITES A STATEMENT', 'CONNECTIONS', 'STATEMENTS/s', 'WRITES/s'],
    await measureWrites(url),
  );
});
print('Memory of the server for each', ['WHAT', 'HOW MANY', 'KiB EACH'], await measureMemory());
