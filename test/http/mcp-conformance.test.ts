import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { withHeaders } from '../support/header-proxy.ts';
import { useServer } from '../support/server.ts';

const database = useDatabase();
const server = useServer(database);

const root = path.resolve(import.meta.dirname, '../..');
const SUITE = path.join(root, 'node_modules/@modelcontextprotocol/conformance/dist/index.js');
const LOADER = path.join(root, 'test/support/conformance-loader.mjs');

/** Scenarios that any server must pass. */
const APPLY = [
  'server-initialize',
  'ping',
  'tools-list',
  'resources-list',
  'prompts-list',
  'dns-rebinding-protection',
];

const OWN_TOOL = 'calls a tool of that name, which only a server made for this suite has';
const OWN_RESOURCE = 'reads a resource of that name, which only a server made for this suite has';
const OWN_PROMPT = 'gets a prompt of that name, which only a server made for this suite has';

/** Scenarios that do not apply, each with the reason. */
const DO_NOT_APPLY: Record<string, string> = {
  'logging-set-level': 'this server declares no capability logging',
  'completion-complete': 'this server declares no capability completions',
  'tools-call-simple-text': OWN_TOOL,
  'tools-call-image': OWN_TOOL,
  'tools-call-audio': OWN_TOOL,
  'tools-call-embedded-resource': OWN_TOOL,
  'tools-call-mixed-content': OWN_TOOL,
  'tools-call-with-logging': OWN_TOOL,
  'tools-call-error': OWN_TOOL,
  'tools-call-with-progress': OWN_TOOL,
  'tools-call-sampling': OWN_TOOL,
  'tools-call-elicitation': OWN_TOOL,
  'json-schema-2020-12': OWN_TOOL,
  'elicitation-sep1034-defaults': OWN_TOOL,
  'elicitation-sep1330-enums': OWN_TOOL,
  'server-sse-multiple-streams': 'needs a session, and this server has none',
  'server-sse-polling': 'needs a session with stored events, and this server has none',
  'resources-read-text': OWN_RESOURCE,
  'resources-read-binary': OWN_RESOURCE,
  'resources-templates-read': OWN_RESOURCE,
  'resources-subscribe': 'this server subscribes only clients of revision 2026-07-28',
  'resources-unsubscribe': 'this server subscribes only clients of revision 2026-07-28',
  'prompts-get-simple': OWN_PROMPT,
  'prompts-get-with-args': OWN_PROMPT,
  'prompts-get-embedded-resource': OWN_PROMPT,
  'prompts-get-with-image': OWN_PROMPT,
};

/** Runs the suite's program. @returns its exit code and what it printed */
async function conformance(...args: string[]): Promise<{ code: number; output: string }> {
  const cwd = await mkdtemp(path.join(os.tmpdir(), 'conformance-'));
  try {
    const { stdout, stderr } = await promisify(execFile)(
      process.execPath,
      ['--import', LOADER, SUITE, ...args],
      { cwd },
    );
    return { code: 0, output: stdout + stderr };
  } catch (thrown) {
    const {
      code = 1,
      stdout = '',
      stderr = '',
    } = thrown as { code?: number; stdout?: string; stderr?: string };
    return { code, output: stdout + stderr };
  } finally {
    await rm(cwd, { recursive: true });
  }
}

let authorization = '';
beforeAll(async () => {
  authorization = `Bearer ${await server.login('st-1')}`;
});

test('each scenario of the suite either applies or has a reason', async () => {
  const { output } = await conformance('list');
  const [ofServers = ''] = output.split('Client scenarios');
  const names = [...ofServers.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name);
  expect(names.toSorted()).toEqual([...APPLY, ...Object.keys(DO_NOT_APPLY)].toSorted());
});

test('the suite finds nothing wrong in the scenarios that apply, and the others do not pass', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'conformance-list-'));
  const baseline = path.join(folder, 'do-not-apply.yml');
  const names = Object.keys(DO_NOT_APPLY).map((name) => `  - ${name}`);
  await writeFile(baseline, ['server:', ...names].join('\n'));
  const run = (url: string) =>
    conformance('server', '--url', `${url}/mcp?id=suite`, '--suite', 'all', '--expected-failures', baseline);
  const { code, output } = await withHeaders(server.url, { authorization }, run);
  await rm(folder, { recursive: true });
  expect(code, output).toBe(0);
});
