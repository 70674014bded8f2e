import { Command } from 'commander';
import type { CommandDeps } from './command.ts';
import { parseAstationId } from './options.ts';
import { withConnectionToDatabase } from './with-database.ts';

/** Work sessions with an index, also where segments are missing. */
const WORK_SESSIONS = `
  SELECT work_session_id FROM (
    SELECT work_session_id FROM search_segments
    UNION
    SELECT v.work_session_id FROM search_vaults AS known
    JOIN vaults AS v ON v.bucket = known.bucket AND v.vault_id = known.vault_id
    WHERE known.indexed_seq > 0) AS indexed
  WHERE $1::text IS NULL OR work_session_id = $1
  ORDER BY work_session_id COLLATE "C"`;

function makeReindexCommand({ setUp, out }: CommandDeps): Command {
  return new Command('reindex')
    .description(
      'remove the search index; a running server builds it again, and searches stay exact meanwhile',
    )
    .option('--astation <id>', 'only that of this work session', parseAstationId)
    .option('--json', 'print one JSON object')
    .action(async ({ astation, json }: { astation?: string; json?: true }) => {
      const { config, log } = await setUp();
      const rows = await withConnectionToDatabase(config, log, async (client) => {
        let dropped = 0;
        // Each in its own transaction, because writes of segments wait for it.
        for (const { work_session_id: id } of (await client.query(WORK_SESSIONS, [astation ?? null])).rows) {
          const [row] = (await client.query('SELECT drop_search_index($1) AS rows', [id])).rows;
          dropped += Number(row.rows);
        }
        return dropped;
      });
      if (json) await out.jsonText(`${JSON.stringify({ rows })}\n`);
      else
        await out.line(
          `Removed the index of ${rows} row${rows === 1 ? '' : 's'}. A running server starts to build it again within a minute.`,
        );
    });
}

/** `vault-relay search`. */
export const makeSearchCommand = (deps: CommandDeps): Command =>
  new Command('search').description('the index of searches').addCommand(makeReindexCommand(deps));
