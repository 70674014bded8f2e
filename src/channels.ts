import type { CredentialCache } from './access/credential-cache.ts';
import { keyTopic } from './keys/first-use.ts';
import { KEY_USED_CHANNEL } from './keys/sql.ts';
import type { Hub } from './relay/hub.ts';
import {
  ASTATION_BANNED_CHANNEL,
  ASTATION_UNBANNED_CHANNEL,
  type AstationStore,
  KEY_FORGOTTEN_CHANNEL,
  KEY_REGISTERED_CHANNEL,
} from './session/astation-store.ts';
import { SESSION_ENDED_CHANNEL } from './session/store.ts';
import type { VaultWaiters } from './vault/follow/waiters.ts';

/** Channel of `NOTIFY` on which a replica announces writes while it cannot reach Redis. */
export const LOOK_AGAIN_CHANNEL = 'look_again';

interface Listeners {
  credentials: CredentialCache;
  astations: AstationStore;
  hub: Hub;
  waiters: VaultWaiters;
}

/** @returns what this server does with each announcement of the database, by channel of `NOTIFY` */
export const makeChannels = ({
  credentials,
  astations,
  hub,
  waiters,
}: Listeners): Record<string, (payload: string) => void> => ({
  [SESSION_ENDED_CHANNEL]: (idHash) => credentials.ended(idHash),
  [KEY_REGISTERED_CHANNEL]: (announcement) => {
    // Skips keys registered by this server, because the socket that proved the key already owns its room.
    const astationId = astations.registeredElsewhere(announcement);
    if (astationId !== undefined) hub.apply({ type: 'key-registered', astationId });
  },
  [ASTATION_BANNED_CHANNEL]: (astationId) => {
    astations.banAnnounced(astationId, true);
    // The first closes a verified owner, the second takes the room from a legacy owner.
    hub.apply({ type: 'key-forgotten', astationId });
    hub.apply({ type: 'key-registered', astationId });
  },
  [ASTATION_UNBANNED_CHANNEL]: (astationId) => astations.banAnnounced(astationId, false),
  [KEY_USED_CHANNEL]: (id) => waiters.changed(keyTopic(id)),
  [LOOK_AGAIN_CHANNEL]: () => waiters.lookAgain(),
  [KEY_FORGOTTEN_CHANNEL]: (astationId) => {
    astations.dropFromMemory(astationId);
    hub.apply({ type: 'key-forgotten', astationId });
  },
});
