/** What the server does about a write that looks like a secret. */
export const SECRET_SCANS = ['off', 'warn', 'refuse'] as const;
export type SecretScan = (typeof SECRET_SCANS)[number];
