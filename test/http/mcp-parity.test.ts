import fc from 'fast-check';
import { expect, test } from 'vitest';
import { useDatabase } from '../support/database.ts';
import { callTool, connect, demandTool, post, rawCall, readResult, type ToolResult } from '../support/mcp.ts';
import { sendRaw } from '../support/raw-http.ts';
import { useServer } from '../support/server.ts';
import { toRest } from '../support/surfaces.ts';

const database = useDatabase();
const server = useServer(database);

type Args = Record<string, unknown>;

const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.constantFrom('', 'JWT', '\0', 'a\ud800', '团队', '"\n\\', '[x end]', 'a'.repeat(3000), 'e1.sealed'),
  fc.constantFrom('b'.repeat(65_536), 'c'.repeat(65_537)),
);
const query = fc.oneof(text, fc.constantFrom('on', 'one', '"ONE"', 'tw wi', 't o'));
const seq = fc.oneof(fc.nat({ max: 12 }), fc.constantFrom(-1, 1.5, '3', 'x', true, null));
/** Without numbers below 0, for which a query has another sentence than a typed call. */
const limit = fc.oneof(fc.nat({ max: 12 }), fc.constantFrom(1.5, '3', 'x', true, 1001));
const entryId = fc.oneof(fc.nat({ max: 4 }), fc.constantFrom(-1, 2 ** 32, '1', null, 1.5));
const flag = fc.constantFrom(true, false, 'true', 'false', 1);
const tags = fc.oneof(
  fc.subarray(['a', 'b', 'c']),
  fc.constantFrom(['a', 'a'], [''], 'a', Array(9).fill('x'), [1]),
);
const version = fc.constantFrom(0, 1, 2, 3, '1', null);

interface Case {
  tool: string;
  procedure: string;
  args: fc.Arbitrary<Args>;
  /** Changes arguments of the tool to those of REST. */
  toRest?: (args: Args) => Args;
  /** The part of the tool's answer that REST has in its body. */
  body: (structured: Args) => unknown;
  /** The part of REST's answer that the tool has. */
  rest?: (body: Args) => unknown;
}

const optional = (fields: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []) =>
  fc.record(fields, { requiredKeys });

const withoutReplayed = ({ replayed: _, ...body }: Args) => body;
const entriesOf = ({ entries }: Args) => entries;

const CASES: Case[] = [
  {
    tool: 'vault_list',
    procedure: 'vault.list',
    args: optional({ writer: text, tag: text, details: flag, limit, nonsense: text }),
    toRest: (args) => ({ limit: 100, ...args }),
    body: ({ vaults }) => vaults,
  },
  {
    tool: 'vault_list',
    procedure: 'search',
    args: optional({ q: query, writer: text, tag: text, history: flag, limit, nonsense: text }, ['q']),
    body: ({ hits, next_cursor }) => ({ hits, next_cursor }),
    rest: ({ hits, next_cursor }) => ({
      hits: (hits as Args[]).map(
        ({ summary: _, kind: __, seq: ___, author: ____, tags: _____, ...hit }) => hit,
      ),
      next_cursor,
    }),
  },
  {
    tool: 'vault_read',
    procedure: 'vault.read',
    args: optional({
      since: seq,
      as_of: seq,
      entry_id: entryId,
      history: flag,
      kind: fc.constantFrom('content', 'summary', 'all', 'none'),
      q: text,
      writer: text,
      tag: text,
      limit,
      nonsense: text,
    }),
    body: entriesOf,
  },
  {
    tool: 'vault_history',
    procedure: 'vault.read',
    args: optional({ entry_id: entryId, limit }, ['entry_id']),
    toRest: (args) => ({ ...args, history: true, kind: args.entry_id === 0 ? 'summary' : 'content' }),
    body: entriesOf,
  },
  {
    tool: 'vault_proof',
    procedure: 'vault.proof',
    args: optional({ since: seq, limit: fc.constantFrom(1, 3, 1000, 0, 1001) }),
    toRest: (args) => ({ limit: 50, ...args }),
    body: (proof) => proof,
  },
  {
    tool: 'vault_write',
    procedure: 'vault.write',
    args: optional({ text, tags, entry_id: entryId, expected_version: version }, ['text']),
    body: withoutReplayed,
  },
  {
    tool: 'vault_set_summary',
    procedure: 'vault.setSummary',
    args: optional({ text, expected_summary_version: version }, ['text']),
    body: withoutReplayed,
  },
];

/** REST has only short texts in a query, in which null looks like a word. */
const fitsQuery = (args: Args) =>
  Object.values(args).every(
    (value) =>
      value !== null && !(typeof value === 'string' && (value.length > 4000 || !value.isWellFormed())),
  );

/** Two vaults with the same rows, so that both surfaces may write. */
async function twins(session: string): Promise<[string, string]> {
  const client = await connect({ url: server.url, secret: session, clientId: 'a' });
  const make = async () => {
    const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create', { summary: 'twin' });
    for (const [of, word] of [
      [undefined, 'one'],
      [undefined, 'two'],
      [1, 'ONE'],
    ] as const) {
      const entry = of === undefined ? {} : { entry_id: of };
      await demandTool(client, 'vault_write', { vault_id, text: word, tags: ['a'], ...entry });
    }
    return vault_id;
  };
  return [await make(), await make()];
}

/** Leaves out what differs between two vaults with the same rows. */
const comparable = (value: unknown, vaultId: string): unknown =>
  JSON.parse(
    JSON.stringify(value ?? null)
      .replaceAll(vaultId, '<vault>')
      .replaceAll(/"created_at":"[^"]*"/g, '"created_at":"<time>"'),
  );

/** What the tool answered and what REST did, in the same terms. */
function bothOf(tool: ToolResult, rest: { status: number; text: string }, shape: Case) {
  const { error: message, ...refusal } = JSON.parse(rest.text);
  const body = JSON.parse(rest.text);
  const ofRest = rest.status < 300 ? (shape.rest?.(body) ?? body) : { message, ...refusal };
  return [tool.isError ? tool.error : shape.body(tool.structured ?? {}), ofRest];
}

test.each(CASES)(
  '$tool on $procedure answers and refuses as REST does, on generated inputs',
  async (shape) => {
    const session = await server.login('st-1');
    const access = { url: server.url, secret: session, clientId: 'a' };
    const isRead = !['vault_write', 'vault_set_summary'].includes(shape.tool);
    let [mine, theirs] = await twins(session);
    // A read is compared on one vault, a write on two.
    if (isRead) theirs = mine;
    await fc.assert(
      fc.asyncProperty(shape.args, async (args) => {
        fc.pre(!isRead || fitsQuery(args));
        const own = shape.tool === 'vault_list' ? args : { vault_id: mine, ...args };
        const answer = await post(access, rawCall(shape.tool, own));
        const { result } = (await answer.json()) as { result: object };
        const call = {
          procedure: shape.procedure,
          ...(shape.tool !== 'vault_list' && { vaultId: theirs }),
          json: JSON.stringify(shape.toRest?.(args) ?? args),
        };
        const rest = await sendRaw(server.url, toRest(call, { session, clientId: 'a' }));
        const [ofTool, ofRest] = bothOf(readResult(result), rest, shape);
        expect(comparable(ofTool, mine)).toEqual(comparable(ofRest, theirs));
      }),
      { numRuns: 60 },
    );
  },
);

test('fuzzed arguments never yield an error of the protocol or of the server', async () => {
  const access = { url: server.url, secret: await server.login('st-1'), clientId: 'a' };
  const client = await connect(access);
  const { vault_id } = await demandTool<{ vault_id: string }>(client, 'vault_create');
  const { tools } = await client.listTools();
  const names = fc.constantFrom(
    ...new Set(tools.flatMap(({ inputSchema }) => Object.keys(inputSchema.properties ?? {}))),
    '__proto__',
    'constructor',
    'client_id',
  );
  const value = fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, seq, fc.constant(vault_id));
  const call = fc.record({
    name: fc.constantFrom(...tools.map(({ name }) => name)),
    args: fc.dictionary(names, value, { maxKeys: 6, noNullPrototype: true }),
  });
  await fc.assert(
    fc.asyncProperty(call, async ({ name, args }) => {
      // A wait costs only time here.
      const given = name === 'vault_wait' ? { vault_id, ...args, wait: 1, since: 0 } : { vault_id, ...args };
      const answer = await post(access, rawCall(name, given));
      expect(answer.status).toBe(200);
      const { error, result } = (await answer.json()) as { error?: object; result?: object };
      expect(error).toBeUndefined();
      expect(readResult(result ?? {}).text).not.toBe('');
      expect(readResult(result ?? {}).error?.code).not.toBe('INTERNAL_SERVER_ERROR');
    }),
    { numRuns: 300 },
  );
  expect((await callTool(client, 'vault_read', { vault_id })).isError).toBe(false);
});
