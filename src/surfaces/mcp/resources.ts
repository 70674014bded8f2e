import {
  type ListResourcesResult,
  ProtocolError,
  ProtocolErrorCode,
  type ReadResourceResult,
  ResourceNotFoundError,
  type ResourceTemplateType,
} from '@modelcontextprotocol/server';
import { isFailure, type RelayError } from '../../errors.ts';
import { settleRefusal } from './refusal.ts';
import type { McpCall, Tools } from './tools.ts';

const TEXT = 'text/plain';

/** The addresses of resources that depend on the vault. */
export const RESOURCE_TEMPLATES: ResourceTemplateType[] = [
  {
    uriTemplate: 'vault://{vault_id}',
    name: 'vault',
    title: 'A vault',
    description: 'The newest version of each entry of a vault.',
    mimeType: TEXT,
  },
  {
    uriTemplate: 'vault://{vault_id}/e{entry_no}',
    name: 'entry',
    title: 'An entry of a vault',
    description: 'The newest version of one entry.',
    mimeType: TEXT,
  },
];

const URI = /^vault:\/\/([^/?#]+)(?:\/e(\d{1,10}))?$/i;

/** What a URI names. @returns undefined where no vault can have it */
export function readUri(uri: string): { vault_id: string; entry_id?: number } | undefined {
  const [, vault = '', entry] = URI.exec(uri) ?? [];
  if (vault === '') return undefined;
  try {
    const vault_id = decodeURIComponent(vault);
    return entry === undefined ? { vault_id } : { vault_id, entry_id: Number(entry) };
  } catch {
    return undefined; // not valid percent-encoding, so no vault has it
  }
}

export const uriOf = (vaultId: string) => `vault://${encodeURIComponent(vaultId)}`;

/** A refusal of a read, whose answer has no place for errors. */
function toProtocolError(refused: RelayError, uri: string): ProtocolError {
  if (refused.code === 'NOT_FOUND') return new ResourceNotFoundError(uri, refused.message);
  const code = isFailure(refused.code) ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams;
  return new ProtocolError(code, refused.message, { code: refused.code });
}

interface ListedVaults {
  vaults: { vault_id: string; summary: string }[];
  next_cursor: string | null;
}

/** The resources of a caller: its vaults, and what is in them. */
export class Resources {
  readonly #tools: Tools;

  constructor(tools: Tools) {
    this.#tools = tools;
  }

  /** Lists the vaults of a caller, page by page. @throws ProtocolError */
  async list(cursor: string | undefined, call: McpCall): Promise<ListResourcesResult> {
    const args = cursor === undefined ? {} : { cursor };
    const { structured } = await this.#run('vault_list', args, { call, uri: 'vault://' });
    const { vaults, next_cursor } = structured as unknown as ListedVaults;
    return {
      resources: vaults.map(({ vault_id, summary }) => ({
        uri: uriOf(vault_id),
        name: vault_id,
        description: `Summary by another agent: ${JSON.stringify(summary)}`,
        mimeType: TEXT,
      })),
      ...(next_cursor !== null && { nextCursor: next_cursor }),
    };
  }

  /** Reads a vault or one entry as `vault_read` shows it. @throws ProtocolError */
  async read(uri: string, call: McpCall): Promise<ReadResourceResult> {
    const named = readUri(uri);
    if (!named) throw new ResourceNotFoundError(uri);
    const { structured, text } = await this.#run('vault_read', named, { call, uri });
    const { entries } = structured as { entries?: unknown[] };
    if (named.entry_id !== undefined && entries?.length === 0) throw new ResourceNotFoundError(uri);
    return { contents: [{ uri, mimeType: TEXT, text }] };
  }

  async #run(name: string, args: unknown, { call, uri }: { call: McpCall; uri: string }) {
    try {
      const answer = await this.#tools.run(name, args, call);
      if (answer) return answer;
    } catch (thrown) {
      throw toProtocolError(settleRefusal(thrown, call.request, this.#tools.callOf(name, args)), uri);
    }
    throw new ProtocolError(ProtocolErrorCode.InternalError, `There is no tool ${name}.`);
  }
}
