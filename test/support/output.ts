import { Writable } from 'node:stream';
import { Output } from '../../src/cli/output.ts';

/** @returns what work prints */
export async function printed(work: (out: Output) => Promise<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  const out = new Output(
    new Writable({
      write(chunk, _, done) {
        chunks.push(chunk);
        done();
      },
    }),
  );
  await work(out);
  await out.flush();
  return Buffer.concat(chunks).toString();
}
