#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { formatAstations } from './cli/astation.ts';
import { makeAuditCommand } from './cli/audit.ts';
import { bringUpToDate } from './cli/bring-up-to-date.ts';
import { openDatabaseSourceForCommand } from './cli/database-url.ts';
import { makeOpenApiCommand } from './cli/openapi.ts';
import { serve } from './cli/serve.ts';
import { createSession, formatSessions } from './cli/session.ts';
import { makeExportCommand, makeImportCommand } from './cli/transfer.ts';
import { formatVerification, parseHead, verifyChains } from './cli/verify.ts';
import { withDatabase, withDatabaseUrl } from './cli/with-database.ts';
import { readConfig } from './config.ts';
import { withSnapshot } from './db/snapshot.ts';
import { makeLogger } from './log.ts';
import { isAstationId } from './relay/identity.ts';
import { AstationStore } from './session/astation-store.ts';
import { SessionStore } from './session/store.ts';
import type { Head } from './vault/chain-check.ts';
import { ChainStore } from './vault/chain-store.ts';

const { version } = JSON.parse(
  readFileSync(path.resolve(import.meta.dirname, '../package.json'), 'utf8'),
) as { version: string };

const print = (text: string) => process.stdout.write(`${text}\n`);

/** An Astation's id that could also connect to the relay. */
function parseAstationId(id: string): string {
  if (!isAstationId(id))
    throw new InvalidArgumentError('It must have 1 to 255 bytes and no control characters.');
  return id;
}

/** What a host may be called, as the wire contract bounds it. */
function parseHostname(name: string): string {
  if (name.length === 0 || [...name].length > 255 || name.includes('\0') || !name.isWellFormed()) {
    throw new InvalidArgumentError('It must have 1 to 255 characters.');
  }
  return name;
}

/** A head as it was remembered. */
function parseRememberedHead(text: string): Head {
  const head = parseHead(text);
  if (!head) throw new InvalidArgumentError('It must be <seq>:<hash>, the hash as 64 hexadecimal digits.');
  return head;
}

/** Settings for a command; a `.env` file in the working directory counts, what is set already wins. */
function setUp(quiet: boolean) {
  try {
    process.loadEnvFile();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const config = readConfig(process.env);
  const level = quiet && config.logLevel === 'info' ? 'warn' : config.logLevel;
  return { config, log: makeLogger(level, { isTerminal: process.stderr.isTTY }) };
}

function makeProgram(): Command {
  const program = new Command('vault-relay')
    .description('Append-only, versioned vaults of shared notes for coding agents that work toward one goal.')
    .version(version)
    .exitOverride();

  program
    .command('serve')
    .description('run the server: starts the database if none is configured, migrates, listens')
    .action(async () => {
      const { config, log } = setUp(false);
      process.exitCode = await serve(config, log, version);
    });

  program
    .command('migrate')
    .description('bring the database up to date, without serving')
    .action(async () => {
      const { config, log } = setUp(true);
      const source = await openDatabaseSourceForCommand(config, log);
      try {
        const applied = await bringUpToDate(source.url, log);
        print(applied.length > 0 ? `Applied ${applied.join(', ')}.` : 'Nothing to apply.');
      } finally {
        await source.release();
      }
    });

  const session = program.command('session').description('make, list and revoke sessions');
  session
    .command('create')
    .description('make a session that is granted and bound to an Astation')
    .requiredOption('--astation <id>', 'the Astation whose work session it joins', parseAstationId)
    .option('--hostname <name>', 'what to call the machine it is for', parseHostname)
    .option('--json', 'print {"session_id": …}')
    .action(async (options) => {
      const { config, log } = setUp(true);
      print(await withDatabase(config, log, (db) => createSession(new SessionStore(db), options)));
    });
  session
    .command('list')
    .description('list all sessions by their fingerprints; the ids are not kept')
    .option('--json', 'print one JSON array')
    .action(async (options) => {
      const { config, log } = setUp(true);
      print(formatSessions(await withDatabase(config, log, (db) => new SessionStore(db).list()), options));
    });
  session
    .command('revoke <id>')
    .description('end a session at once, by its id or its fingerprint')
    .action(async (id) => {
      const { config, log } = setUp(true);
      await withDatabase(config, log, (db) => new SessionStore(db).revoke(id));
      print('Revoked.');
    });

  const astation = program.command('astation').description('list Astations and forget their keys');
  astation
    .command('list')
    .description('list the Astations whose key is registered')
    .option('--json', 'print one JSON array')
    .action(async (options) => {
      const { config, log } = setUp(true);
      print(formatAstations(await withDatabase(config, log, (db) => new AstationStore(db).list()), options));
    });
  astation
    .command('forget-key <id>')
    .description(
      'forget the key of an Astation: its connection is closed, the next key it proves is registered',
    )
    .action(async (id) => {
      const { config, log } = setUp(true);
      await withDatabase(config, log, (db) => new AstationStore(db).forget(id));
      print('Forgotten.');
    });

  const verify = program
    .command('verify')
    .description('check that no row of any vault was changed, taken out, put in or moved')
    .option('--vault <id>', 'check only this vault')
    .option(
      '--against <seq:hash>',
      'also that it contains this head, remembered elsewhere',
      parseRememberedHead,
    )
    .option('--json', 'print one JSON object')
    .action(async (options) => {
      if (options.against && options.vault === undefined) {
        verify.error("error: option '--against' needs '--vault <id>': a head is that of one vault");
      }
      const { config, log } = setUp(true);
      const found = await withDatabaseUrl(config, log, (url) =>
        withSnapshot(url, (snapshot) => verifyChains(new ChainStore(snapshot), options)),
      );
      print(formatVerification(found, options));
      if (found.misfits.length > 0) process.exitCode = 1;
    });

  const data = { setUp: () => setUp(true), print };
  program.addCommand(makeAuditCommand(data).copyInheritedSettings(program));
  program.addCommand(makeExportCommand(data).copyInheritedSettings(program));
  program.addCommand(makeImportCommand(data).copyInheritedSettings(program));

  const openapi = makeOpenApiCommand({ version, setUp: () => setUp(true), print });
  program.addCommand(openapi.copyInheritedSettings(program));
  return program;
}

/** Exit codes: 0 done, 1 failed, 2 the command line was wrong. */
async function main(): Promise<void> {
  try {
    await makeProgram().parseAsync();
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2; // commander has said why
      return;
    }
    process.stderr.write(`vault-relay: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}

await main();
