import type { ServerEvent, ServerEventBus } from '@modelcontextprotocol/server';
import type { Reader } from '../../access/policy.ts';
import { permit } from '../../api/permit.ts';
import { readUri } from './resources.ts';

/** The changed vaults of a reader, until the signal is aborted. */
export interface Changes {
  changes(reader: Reader, signal: AbortSignal): AsyncIterable<{ vault_id: string }>;
}

/** The method by which a client of the modern era subscribes. Its answer is a stream. */
export const LISTEN = 'subscriptions/listen';

/** The subscribed URIs, by vault. */
function urisByVault(params: unknown): ReadonlyMap<string, readonly string[]> {
  const { notifications } = (params ?? {}) as { notifications?: { resourceSubscriptions?: unknown } };
  const wanted = notifications?.resourceSubscriptions;
  const byVault = new Map<string, string[]>();
  for (const uri of Array.isArray(wanted) ? wanted : []) {
    const named = typeof uri === 'string' ? readUri(uri) : undefined;
    if (!named) continue;
    const uris = byVault.get(named.vault_id) ?? [];
    byVault.set(named.vault_id, uris);
    uris.push(uri);
  }
  return byVault;
}

interface Subscription {
  reader: Reader;
  /** Of the request that subscribes. */
  params: unknown;
  signal: AbortSignal;
  /** Called once no more events come: the credential ended, or the server stops. */
  onEnd(): void;
}

/**
 * The events of one subscription: those of the vaults of the reader's own work session, so that it learns nothing of
 * other vaults. A change of a vault counts as one of each subscribed entry of it.
 * @throws RelayError `FORBIDDEN` where the reader lacks the scope `read`
 */
export function makeEvents(source: Changes, { reader, params, signal, onEnd }: Subscription): ServerEventBus {
  permit({ scope: 'read', acrossVaults: true }, reader, undefined);
  const byVault = urisByVault(params);
  const follow = async (listener: (event: ServerEvent) => void, left: AbortSignal) => {
    try {
      for await (const { vault_id } of source.changes(reader, left)) {
        for (const uri of byVault.get(vault_id) ?? []) listener({ kind: 'resource_updated', uri });
      }
    } catch {
      // The end of the stream says it: its client subscribes again, and gets the reason.
    }
    onEnd();
  };
  return {
    // All events come from the vaults.
    publish: () => undefined,
    subscribe(listener) {
      const leaving = new AbortController();
      void follow(listener, AbortSignal.any([signal, leaving.signal]));
      return () => leaving.abort();
    },
  };
}
