import type { Logger } from 'pino';
import type { Config } from '../../config.ts';
import { compare } from '../../openapi-check/compare.ts';
import { checkPromises } from '../../openapi-check/document-facts.ts';
import { checkFresh } from '../../openapi-check/freshness.ts';
import { formatProblem, type Problem } from '../../openapi-check/problem.ts';
import { replay } from '../../openapi-check/replay.ts';
import type { Output } from '../output.ts';
import { readCommitted, readContract, readLastReleased } from './files.ts';
import { generateDocument } from './generate.ts';
import { type Target, withOwnServer } from './own-server.ts';
import { makeSessions } from './sessions.ts';

export interface CheckOptions {
  config: Config;
  log: Logger;
  version: string;
  /** Of a running server; without it the check starts one. */
  url?: string | undefined;
  out: Output;
}

/** A running server is asked with sessions that are made in the configured database, which must be its own. */
async function withTarget<T>(options: CheckOptions, work: (target: Target) => Promise<T>): Promise<T> {
  const { config, log, url } = options;
  if (url === undefined) return withOwnServer(options, work);
  return work({ url: url.replace(/\/+$/, ''), ...(await makeSessions(config, log)) });
}

/**
 * Checks the committed document against the code, the contract of the released client, a live server and the
 * last released document. Prints a line for each check and each problem. @returns whether all is well
 */
export async function checkOpenApi(options: CheckOptions): Promise<boolean> {
  const { version, out } = options;
  const [committed, contract, released] = await Promise.all([
    readCommitted(),
    readContract(),
    readLastReleased(),
  ]);
  const document = generateDocument({ version });
  const live = (target: Target) =>
    replay({
      url: target.url,
      document,
      contract,
      variables: { session: target.session, other_session: target.otherSession },
    });
  const checks: [string, () => Promise<Problem[]> | Problem[]][] = [
    ['the committed document is what the code generates', () => checkFresh(committed, document)],
    [`the document keeps the contract of ${contract.consumer}`, () => checkPromises(document, contract)],
    [`the server keeps it: ${contract.steps.length} requests replayed`, () => withTarget(options, live)],
    [`the document breaks no consumer of ${released.version}`, () => compare(released.document, document)],
  ];
  let isWell = true;
  for (const [claim, check] of checks) {
    const problems = await check();
    if (problems.length > 0) isWell = false;
    await out.line(`${problems.length === 0 ? 'ok' : 'NOT OK'}: ${claim}`);
    for (const problem of problems) await out.line(`  ${formatProblem(problem)}`);
  }
  return isWell;
}
