import { type Limits, readConfig } from '../../config.ts';
import type { Document } from '../../openapi-check/document.ts';
import { makeAppRouter, type RouterDeps } from '../../router.ts';
import { makeOpenApiDocument } from '../../surfaces/openapi/document.ts';
import { makeVaultInputs } from '../../vault/inputs.ts';

export interface GenerateOptions {
  version: string;
  baseUrl?: string;
  limits?: Limits;
}

/** The document of a server with the default settings, made without one. */
export function generateDocument({
  version,
  baseUrl = 'http://127.0.0.1:3000',
  limits = readConfig({}).limits,
}: GenerateOptions): Document {
  // A document is about what procedures take and give; none is called, so that nothing is needed behind them.
  const router = makeAppRouter({
    vaultInputs: makeVaultInputs(limits),
    maxClientIdCharacters: limits.clientIdCharacters,
  } as RouterDeps);
  const document = makeOpenApiDocument(router, { baseUrl, version, limits });
  return JSON.parse(JSON.stringify(document)) as Document;
}
