import { cpus } from 'node:os';
import { formatTable } from '../src/cli/table.ts';
import { withBenchDatabase } from './scaling/database.ts';
import { measureMemory } from './scaling/memory.ts';
import { measureSizes } from './scaling/sizes.ts';
import { measureWrites } from './scaling/writes.ts';

/** The figures behind docs/scaling.md, on the machine at hand. */
async function print(title: string, head: string[], rows: string[][]): Promise<void> {
  process.stdout.write(`\n${title}\n\n`);
  for await (const line of formatTable(head, rows)) process.stdout.write(`${line}\n`);
}

process.stdout.write(`${cpus().length} cores, ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}\n`);

await withBenchDatabase(async (url) => {
  await print(
    'Bytes of disk for each row',
    ['WHAT', 'TABLE', 'TOAST', 'INDEXES', 'ALL'],
    await measureSizes(url),
  );
});
await withBenchDatabase(async (url) => {
  await print(
    'Writes of 200 bytes, each statement flushed to disk',
    ['VAULTS', 'WRITES A STATEMENT', 'CONNECTIONS', 'STATEMENTS/s', 'WRITES/s'],
    await measureWrites(url),
  );
});
await print('Memory of the server for each', ['WHAT', 'HOW MANY', 'KiB EACH'], await measureMemory());
