import { Command, Option } from 'commander';
import { formatDocument } from '../openapi/freshness.ts';
import { type CommandDeps, ExitCode } from './command.ts';
import { checkOpenApi } from './openapi/check.ts';
import { writeCommitted } from './openapi/files.ts';
import { generateDocument } from './openapi/generate.ts';

/** `vault-relay openapi`: prints, rewrites or checks the published document. */
export function makeOpenApiCommand({ version, setUp, out }: CommandDeps): Command {
  return new Command('openapi')
    .description('print the OpenAPI document of the default settings, rewrite the committed one, or check it')
    .option('--write', 'rewrite openapi/vault-relay.openapi.json')
    .addOption(
      new Option(
        '--check',
        'check it against the code, the contract of atem, a live server and the last release',
      ).conflicts('write'),
    )
    .addOption(
      new Option(
        '--url <server>',
        'the running server to check, whose DATABASE_URL or DATA_DIR is set; without it one is started',
      ),
    )
    .action(async ({ write, check, url }: { write?: true; check?: true; url?: string }, command: Command) => {
      if (url !== undefined && !check) command.error('error: --url goes with --check');
      if (check) {
        if (!(await checkOpenApi({ ...setUp(), version, url, out }))) throw new ExitCode(1);
        return;
      }
      const text = formatDocument(generateDocument({ version }));
      if (write) await out.line(`Wrote ${await writeCommitted(text)}.`);
      else await out.jsonText(text);
    });
}
