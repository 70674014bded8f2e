import type { Database } from '../db/client.ts';
import type { Hub } from '../relay/hub.ts';
import type { VaultFeed } from '../vault/follow/feed.ts';
import type { VaultStore } from '../vault/store.ts';
import { LiveActivity } from './live.ts';
import { CallersHere } from './presence.ts';
import { ActivityStore } from './store.ts';
import { makePresence } from './who-is-here.ts';

interface ActivityParts {
  db: Database;
  vaults: Pick<VaultStore, 'audit' | 'followers'>;
  feed: VaultFeed;
  hub: Pick<Hub, 'room' | 'roomsHere'>;
  hasReplicas: boolean;
}

/** What goes on: the store of what happened, its stream, and the callers of this server. */
export function openActivity({ db, vaults, feed, hub, hasReplicas }: ActivityParts) {
  const activity = new ActivityStore(db, vaults.audit);
  const callers = new CallersHere();
  feed.listen((write) => callers.wrote(write));
  const presence = makePresence({
    callers,
    rooms: () => hub.roomsHere(),
    roomOf: async (workSessionId) => {
      const room = await hub.room(workSessionId);
      if (room?.kind !== 'identity') return undefined;
      const atems = [...room.atems.keys()].map((atemId) => ({ atemId, session: room.proven.get(atemId) }));
      return { astation: room.owner !== undefined && room.owner.standing !== 'pending', atems };
    },
    hasReplicas,
  });
  const liveActivity = new LiveActivity({
    store: activity,
    feed,
    waiters: vaults.followers.waiters,
    presence,
  });
  return { activity, liveActivity, callers };
}
