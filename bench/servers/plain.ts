import { readFileSync } from 'node:fs';
import Fastify from 'fastify';

/**
 * The best that plain Fastify can do. Its routes have no plugin or hook; they return the answers of the vault calls, with
 * the schemas of the published document.
 */
interface Operation {
  requestBody?: { content: { 'application/json': { schema: object } } };
  responses: { 200: { content: { 'application/json': { schema: object } } } };
}

const document = JSON.parse(
  readFileSync(new URL('../../openapi/vault-relay.openapi.json', import.meta.url), 'utf8'),
) as { paths: Record<string, { get: Operation; post: Operation }>; components: object };

/** Follows the references of a schema. */
function resolve(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(resolve);
  if (typeof schema !== 'object' || schema === null) return schema;
  if ('$ref' in schema) {
    const steps = String(schema.$ref).slice(2).split('/');
    return resolve(steps.reduce((node, key) => (node as Record<string, never>)[key], document as unknown));
  }
  return Object.fromEntries(Object.entries(schema).map(([key, value]) => [key, resolve(value)]));
}

function schemasOf({ requestBody, responses }: Operation) {
  const body = requestBody?.content['application/json'].schema;
  const answer = responses[200].content['application/json'].schema;
  return { ...(body ? { body: resolve(body) } : {}), response: { 200: resolve(answer) } };
}

const vault = document.paths['/api/vault/{vault_id}'];
if (!vault) throw new Error('The document has no /api/vault/{vault_id}.');

// Schemas of OpenAPI 3.1 have a keyword that this validator does not support.
const app = Fastify({ ajv: { customOptions: { strict: false } } });
app.get('/empty', (_, reply) => reply.code(204).send());
app.post('/api/vault/:vault_id', { schema: schemasOf(vault.post) }, async () => ({
  entry_no: 1,
  version: 1,
  seq: 1,
}));

const url = await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`listens on ${url}`);
process.once('SIGTERM', () => process.exit(0));
