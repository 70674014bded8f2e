/** What a wait is about: commits to a vault, or to any vault of a work session. */
export const vaultTopic = (vaultId: string) => `vault ${vaultId}`;
export const workSessionTopic = (workSessionId: string) => `work session ${workSessionId}`;
/** Operators follow the changes of every work session. */
export const ALL_WORK_SESSIONS = 'all work sessions';
