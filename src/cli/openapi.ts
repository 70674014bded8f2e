import { Command, Option } from 'commander';
import { type CommandDeps, ExitCode } from './command.ts';

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
        'the running server to check, with its DATABASE_URL or DATA_DIR set; by default the check starts one',
      ),
    )
    .action(async ({ write, check, url }: { write?: true; check?: true; url?: string }, command: Command) => {
      if (url !== undefined && !check) command.error('error: --url requires --check');
      // The definitions of all calls load here, so that no other command waits for them.
      if (check) {
        const { checkOpenApi } = await import('./openapi/check.ts');
        if (!(await checkOpenApi({ ...(await setUp()), version, url, out }))) throw new ExitCode(1);
        return;
      }
      const { formatDocument } = await import('../openapi-check/freshness.ts');
      const { generateDocument } = await import('./openapi/generate.ts');
      const text = formatDocument(generateDocument({ version }));
      if (!write) return out.jsonText(text);
      const { writeCommitted } = await import('./openapi/files.ts');
      await out.line(`Wrote ${await writeCommitted(text)}.`);
    });
}
