import { randomBytes } from 'node:crypto';
import { findCredentials, findSecrets } from '../../src/secrets/scan.ts';
import type { Measurement, Row } from '../row.ts';

const LENGTH = 65_536;
const ROUNDS = 30;

/** Texts for which a scan has the most to do: what begins like a secret again and again, and texts as agents write them. */
const TEXTS: Readonly<Record<string, () => string>> = {
  prose: () =>
    'Decided: the token of the session is rotated, see e3 v4. key: 15 minutes, password in the vault.\n',
  code: () => 'const secretKey = process.env.SECRET_KEY ?? config.get("auth.token"); // key: value2\n',
  base64: () => `${randomBytes(57).toString('base64')}\n`,
  hashes: () => `key ${randomBytes(32).toString('hex')} `,
  beginnings: () => '-ghp_.eyJaaaaaaaaaaaa sk-ant-api03',
  'beginnings of JWTs': () => 'eyJ-',
  'JWTs without an end': () => `${'eyJ-'.repeat(500)}.${'eyJ-'.repeat(1000)} `,
  'monotonous tokens': () => 'glpat-',
  'own keys': () => 'vr_vrp_',
  names: () => 'key_key_key_key= ',
  values: () => `token: ${'x9'.repeat(64)}\n`,
  secrets: () => `api_key=${randomBytes(18).toString('base64url')} `,
  addresses: () => 'https://user:pa55w0rd@host/ ',
  ids: () => '01234567-89ab-4def-8123-456789abcdef ',
  'private keys': () => '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4\nDEK: a: b: c\n',
};

/** @returns a flat string, as the server gets it from the parser of JSON */
function fill(make: () => string, length: number): string {
  let text = '';
  while (text.length < length) text += make();
  return JSON.parse(JSON.stringify(text.slice(0, length))) as string;
}

/** @returns the least milliseconds of CPU of several scans, because everything else only adds to them */
function time(text: string): number {
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const from = process.cpuUsage();
    findSecrets(text);
    findCredentials(text);
    const { user, system } = process.cpuUsage(from);
    least = Math.min(least, (user + system) / 1000);
  }
  return least;
}

/** @returns the text with the highest value */
function worst(measure: (make: () => string) => number): Measurement {
  const all = Object.entries(TEXTS).map(([name, make]) => ({ name, value: measure(make) }));
  const [first] = all.toSorted((a, b) => b.value - a.value);
  const note = all.map(({ name, value }) => `${name} ${value.toFixed(2)}`).join(', ');
  return { value: first?.value ?? 0, note };
}

/** A length at which a scan takes long enough to compare, and one that is eight times as long. */
const [SHORT, LONG] = [LENGTH / 2, LENGTH * 4];

export const secretRows: Row[] = [
  {
    key: 'secret_scan_64k_ms',
    unit: 'ms',
    what: 'scan of 64 KiB for secrets, of the slowest text',
    must: { atMost: 5 },
    measure: async () => worst((make) => time(fill(make, LENGTH))),
  },
  {
    key: 'secret_scan_growth',
    unit: 'ratio',
    what: 'scan of a text ÷ scan of an eighth of it ÷ 8, of the slowest text: 1 is linear',
    must: { atMost: 2 },
    measure: async () => worst((make) => time(fill(make, LONG)) / time(fill(make, SHORT)) / (LONG / SHORT)),
  },
];
