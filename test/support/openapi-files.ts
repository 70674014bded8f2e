import { readFileSync } from 'node:fs';
import path from 'node:path';
import { generateDocument } from '../../src/cli/openapi/generate.ts';
import { type Contract, parseContract } from '../../src/openapi-check/contract.ts';
import type { Document } from '../../src/openapi-check/document.ts';

const root = path.resolve(import.meta.dirname, '../..');

export const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as {
  version: string;
};

export const readCommittedText = (): string =>
  readFileSync(path.join(root, 'openapi/vault-relay.openapi.json'), 'utf8');

export const readTheContract = (): Contract =>
  parseContract(JSON.parse(readFileSync(path.join(root, 'openapi/atem.contract.json'), 'utf8')));

export const generated = generateDocument({ version });

/** Any JSON, for a test to break. */
// biome-ignore lint/suspicious/noExplicitAny: a mutation may change any part.
export type Loose = any;

/** The generated document, broken. */
export function mutated(mutate: (document: Loose) => void): Document {
  const copy = structuredClone(generated);
  mutate(copy);
  return copy;
}
