import { type AuditRules, VaultAudit } from '../audit/vault-audit-store.ts';
import type { Database } from '../db/client.ts';
import { type Metrics, noMetrics } from '../observability/metrics.ts';
import { VaultChanges } from './follow/changes.ts';
import type { VaultFeed } from './follow/feed.ts';
import { VaultFollowers } from './follow/followers.ts';
import { makeItemOf } from './read/list-item-store.ts';
import { VaultReader } from './read/store.ts';
import { VaultViews } from './read/view-store.ts';
import { VaultSearch } from './search/store.ts';
import { VaultWriter, type WriteRules } from './write/store.ts';

export interface VaultRules extends WriteRules, AuditRules {
  /** Bytes of rendered views that are kept in memory; 0: none. */
  readCacheBytes: number;
}

export const NO_RULES: VaultRules = {
  pastWriterReads: true,
  onOutsideRead: () => undefined,
  coalesce: true,
  secretScan: 'off',
  findEnded: async (hashes) => hashes,
  readCacheBytes: 33_554_432,
  caps: { vaultsPerWorkSession: 0, entriesPerVault: 0, bytesPerVault: 0 },
};

/** The stores of all vaults over one database. */
export class VaultStore {
  readonly audit: VaultAudit;
  readonly views: VaultViews;
  readonly reader: VaultReader;
  readonly writer: VaultWriter;
  readonly followers: VaultFollowers;
  readonly changeFeed: VaultChanges;
  readonly search: VaultSearch;

  constructor(db: Database, feed: VaultFeed, rules: Partial<VaultRules> = {}, metrics: Metrics = noMetrics) {
    const all = { ...NO_RULES, ...rules };
    const audit = new VaultAudit(db, {
      ...all,
      onOutsideRead: (read) => {
        all.onOutsideRead(read);
        feed.readOutside({ workSessionId: read.ownerId, vaultId: read.vaultId, id: read.id });
      },
    });
    this.audit = audit;
    this.views = new VaultViews({ db, audit, rules: all }, { bytes: all.readCacheBytes, metrics });
    feed.listen(({ vaultId, seq }) => this.views.changed(vaultId, seq));
    this.search = new VaultSearch(db);
    const vaultsWith = this.search.vaultsWith.bind(this.search);
    this.reader = new VaultReader({ db, audit, rules: all, vaultsWith });
    this.writer = new VaultWriter({ db, audit, feed, rules: all, onStatement: metrics.statementWrote });
    this.followers = new VaultFollowers({ views: this.views, audit, feed });
    const { waiters } = this.followers;
    this.changeFeed = new VaultChanges({ feed, waiters, itemOf: makeItemOf(db) });
  }
}
