/** What a wait is about: commits to a vault. */
export const vaultTopic = (vaultId: string) => `vault ${vaultId}`;
/** Of subscriptions to all vaults, which hear of changes by the feed: nothing changes it. */
export const SUBSCRIPTION = 'subscription';
