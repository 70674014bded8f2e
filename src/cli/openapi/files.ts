import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Contract, parseContract } from '../../openapi-check/contract.ts';
import type { Document } from '../../openapi-check/document.ts';

/** The package's own folder, seen from src/cli/openapi as well as from dist/cli/openapi. */
const FOLDER = path.resolve(import.meta.dirname, '../../../openapi');
const DOCUMENT = path.join(FOLDER, 'vault-relay.openapi.json');
const RELEASED = path.join(FOLDER, 'released');

export const readCommitted = (): Promise<string> => readFile(DOCUMENT, 'utf8');

/** @returns the path of the file */
export async function writeCommitted(text: string): Promise<string> {
  await writeFile(DOCUMENT, text);
  return DOCUMENT;
}

export const readContract = async (): Promise<Contract> =>
  parseContract(JSON.parse(await readFile(path.join(FOLDER, 'atem.contract.json'), 'utf8')));

const numbersOf = (name: string) => path.basename(name, '.json').split('.').map(Number);

function byVersion(left: string, right: string): number {
  const [a, b] = [numbersOf(left), numbersOf(right)];
  const i = a.findIndex((number, at) => number !== b[at]);
  return i === -1 ? 0 : (a[i] ?? 0) - (b[i] ?? 0);
}

export interface Released {
  version: string;
  document: Document;
}

/** The document of the last release. @throws Error when none is kept */
export async function readLastReleased(folder = RELEASED): Promise<Released> {
  const names = (await readdir(folder)).filter((name) => /^\d+\.\d+\.\d+\.json$/.test(name)).sort(byVersion);
  const last = names.at(-1);
  if (last === undefined) throw new Error(`${folder} holds no released document`);
  const document = JSON.parse(await readFile(path.join(folder, last), 'utf8')) as Document;
  return { version: path.basename(last, '.json'), document };
}
