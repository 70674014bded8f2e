import { crc32 } from 'node:zlib';
import { makeKey } from '../../../src/access/key-format.ts';
import { BASE36, BASE62, BASE64, BASE64URL, DIGITS, HEX, LOWER, type Random, UPPER } from './random.ts';

/** A shape of a secret: its kind, and a random secret. Beginnings are joined here, so that no file holds a whole one. */
export type Shape = readonly [kind: string, make: (random: Random) => string];

const join = (...parts: string[]): string => parts.join('');

/** As GitHub and npm write a checksum. */
function withChecksum(tag: string, body: string): string {
  let digits = '';
  for (let rest = BigInt(crc32(body)); rest > 0n; rest /= 62n) digits = BASE62[Number(rest % 62n)] + digits;
  return tag + body + digits.padStart(6, '0');
}

const simple =
  (begins: readonly string[], alphabet: string, length: number) =>
  (random: Random): string =>
    begins.join('') + random.of(alphabet, length);

const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

const CHECKED: Shape[] = [
  ...['p', 'o', 'u', 's', 'r'].map(
    (letter): Shape => ['github-token', (random) => withChecksum(`gh${letter}_`, random.of(BASE62, 30))],
  ),
  ['npm-token', (random) => withChecksum(join('npm', '_'), random.of(BASE62, 30))],
  ['vault-relay-key', () => makeKey().key],
];

const PLAIN: Shape[] = [
  ['vault-relay-cookie', simple(['vrp', '_'], BASE64URL, 43)],
  ['github-token', (r) => join('github', '_pat_', r.of(BASE62, 22), '_', r.of(BASE62, 59))],
  ['gitlab-token', simple(['glp', 'at-'], BASE64URL, 20)],
  ['gitlab-token', simple(['glr', 't-'], BASE64URL, 20)],
  [
    'gitlab-token',
    (r) => join('glp', 'at-', r.of(BASE64URL, 27), '.0', r.of(BASE36, 1), '.', r.of(BASE36, 9)),
  ],
  ['atlassian-token', simple(['ATA', 'TT3'], BASE64URL, 186)],
  ['bitbucket-token', simple(['AT', 'BB'], BASE62, 32)],
  ['sourcegraph-token', simple(['sg', 'p_'], HEX, 40)],
  ['linear-token', simple(['lin_', 'api_'], BASE62, 40)],
  ['notion-token', simple(['nt', 'n_'], BASE62, 46)],
  ['figma-token', simple(['fi', 'gd_'], BASE64URL, 40)],
  ['postman-key', (r) => join('PM', 'AK-', r.of(HEX, 24), '-', r.of(HEX, 34))],
  ['pypi-token', simple(['pypi', '-AgEIcHlwaS5vcmc'], BASE64URL, 140)],
  ['rubygems-key', simple(['ruby', 'gems_'], HEX, 48)],
  ['crates-token', simple(['c', 'io'], BASE62, 32)],
  ['nuget-key', simple(['oy', '2'], BASE36, 43)],
  ['docker-token', simple(['dckr', '_pat_'], BASE64URL, 27)],
  ['artifactory-key', simple(['AK', 'Cp'], BASE62, 69)],
  ['aws-access-key', simple(['AK', 'IA'], `${UPPER}234567`, 16)],
  ['aws-access-key', simple(['AS', 'IA'], `${UPPER}234567`, 16)],
  ['google-api-key', simple(['AI', 'za'], BASE64URL, 35)],
  ['google-oauth-secret', simple(['GOC', 'SPX-'], BASE64URL, 28)],
  ['google-oauth-token', simple(['ya', '29.'], BASE64URL, 120)],
  ['azure-storage-key', (r) => join('Account', 'Key=', r.of(BASE64, 86), '==')],
  ['alibaba-access-key', simple(['LT', 'AI'], BASE62, 20)],
  ['tencent-secret-id', simple(['AK', 'ID'], BASE62, 32)],
  ['digitalocean-token', simple(['dop', '_v1_'], HEX, 64)],
  ['heroku-key', simple(['HR', 'KU-AA'], BASE64URL, 58)],
  ['fly-token', simple(['fo', '1_'], BASE64URL, 43)],
  ['netlify-token', simple(['nf', 'p_'], BASE62, 36)],
  ['supabase-token', simple(['sb', 'p_'], HEX, 40)],
  ['supabase-key', simple(['sb_', 'secret_'], BASE64URL, 31)],
  ['planetscale-token', simple(['pscale', '_tkn_'], BASE64URL, 43)],
  ['databricks-token', simple(['da', 'pi'], HEX, 32)],
  ['hashicorp-vault-token', simple(['hv', 's.'], BASE64URL, 95)],
  ['doppler-token', simple(['dp', '.pt.'], BASE62, 43)],
  ['pulumi-token', simple(['pu', 'l-'], HEX, 40)],
  ['tailscale-key', (r) => join('tskey', '-auth-', r.of(BASE62, 16), '-', r.of(BASE62, 32))],
  ['age-key', simple(['AGE-SECRET', '-KEY-1'], '023456789ACDEFGHJKLMNPQRSTUVWXYZ', 58)],
  ['1password-token', simple(['ops_', 'eyJ'], BASE64URL, 250)],
  ['anthropic-key', (r) => join('sk-', 'ant-api03-', r.of(BASE64URL, 93), 'AA')],
  ['anthropic-key', (r) => join('sk-', 'ant-oat01-', r.of(BASE64URL, 93), 'AA')],
  ['openai-key', simple(['sk-', 'proj-'], BASE64URL, 156)],
  ['openai-key', (r) => join('s', 'k-', r.of(BASE62, 20), 'T3Blb', 'kFJ', r.of(BASE62, 20))],
  ['openrouter-key', simple(['sk-', 'or-v1-'], HEX, 64)],
  ['hugging-face-token', simple(['h', 'f_'], LOWER + UPPER, 34)],
  ['replicate-token', simple(['r', '8_'], BASE62, 37)],
  ['groq-key', simple(['gs', 'k_'], BASE62, 52)],
  ['xai-key', simple(['xa', 'i-'], BASE62, 80)],
  ['perplexity-key', simple(['pp', 'lx-'], BASE62, 48)],
  ['langsmith-key', (r) => join('lsv2', '_pt_', r.of(HEX, 32), '_', r.of(HEX, 10))],
  ['slack-token', (r) => join('xo', 'xb-', r.of(DIGITS, 12), '-', r.of(DIGITS, 12), '-', r.of(BASE62, 24))],
  [
    'slack-token',
    (r) => join('xap', 'p-1-A', r.of(BASE36.toUpperCase(), 10), '-', r.of(DIGITS, 13), '-', r.of(HEX, 64)),
  ],
  [
    'slack-webhook',
    (r) =>
      join('hooks.slack', '.com/services/T', r.of(UPPER, 8), '/B', r.of(UPPER, 10), '/', r.of(BASE62, 24)),
  ],
  [
    'discord-webhook',
    (r) => join('discord.com/api', '/webhooks/', r.of(DIGITS, 19), '/', r.of(BASE64URL, 68)),
  ],
  ['stripe-key', simple(['sk_', 'live_'], BASE62, 99)],
  ['stripe-key', simple(['rk_', 'test_'], BASE62, 24)],
  ['webhook-secret', simple(['wh', 'sec_'], BASE62, 32)],
  ['twilio-key', simple(['S', 'K'], HEX, 32)],
  ['sendgrid-key', (r) => join('S', 'G.', r.of(BASE64URL, 22), '.', r.of(BASE64URL, 43))],
  ['mailgun-key', simple(['ke', 'y-'], HEX, 32)],
  ['brevo-key', (r) => join('xkey', 'sib-', r.of(HEX, 64), '-', r.of(BASE62, 16))],
  ['resend-key', (r) => join('re', '_', r.of(BASE62, 8), '_', r.of(BASE62, 24))],
  ['shopify-token', simple(['shp', 'at_'], HEX, 32)],
  ['square-token', simple(['sq0', 'atp-'], BASE64URL, 22)],
  ['grafana-token', (r) => join('gl', 'sa_', r.of(BASE62, 32), '_', r.of(HEX, 8))],
  ['sentry-token', simple(['sntr', 'yu_'], HEX, 64)],
  ['new-relic-key', simple(['NR', 'AK-'], BASE36.toUpperCase(), 27)],
  [
    'dynatrace-token',
    (r) => join('dt0', 'c01.', r.of(BASE36.toUpperCase(), 24), '.', r.of(BASE36.toUpperCase(), 64)),
  ],
  ['buildkite-token', simple(['bk', 'ua_'], HEX, 40)],
  ['circleci-token', (r) => join('CCI', 'PAT_', r.of(BASE62, 22), '_', r.of(HEX, 40))],
  ['prefect-key', simple(['pn', 'u_'], BASE62, 36)],
  ['typeform-token', simple(['tf', 'p_'], BASE64URL, 44)],
  ['readme-key', simple(['rd', 'me_'], BASE36, 70)],
  ['contentful-token', simple(['CF', 'PAT-'], BASE64URL, 43)],
  ['airtable-token', (r) => join('pa', 't', r.of(BASE62, 14), '.', r.of(HEX, 64))],
  [
    'jwt',
    (r) =>
      join(
        encode({ alg: 'HS256', typ: 'JWT' }),
        '.',
        encode({ sub: r.of(DIGITS, 10), iat: r.below(2e9) }),
        '.',
        r.of(BASE64URL, 43),
      ),
  ],
];

const pem = (label: string, random: Random): string => {
  const lines = Array.from({ length: 6 }, () => random.of(BASE64, 64));
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`].join('\n');
};

/** Secrets that are known by what stands around them. */
export const MARKED: Shape[] = [
  ['private-key', (r) => pem(join('RSA ', 'PRIVATE KEY'), r)],
  ['private-key', (r) => pem(join('OPENSSH ', 'PRIVATE KEY'), r)],
  ['private-key', (r) => pem(join('PRIVATE ', 'KEY'), r)],
  ['private-key', (r) => JSON.stringify({ private_key: pem(join('PRIVATE ', 'KEY'), r) })],
  ['url-password', (r) => `postgres://app:${r.of(BASE62, 20)}@db.internal:5432/app`],
  ['url-password', (r) => `remote = https://bot:${r.of(BASE62, 12)}@git.internal/a/b.git`],
  ['url-password', (r) => `REDIS_URL=redis://:${r.of(HEX, 32)}@cache:6379/0`],
  ['url-password', (r) => `amqps://svc:${r.of(BASE62, 16)}%21@mq/vhost`],
  ['secret-value', (r) => `AWS_SECRET_ACCESS_KEY=${r.of(BASE64, 40)}`],
  ['secret-value', (r) => `"apiKey": "${r.of(BASE62, 32)}"`],
  ['secret-value', (r) => `client_secret: '${r.of(BASE64URL, 40)}'`],
  ['secret-value', (r) => `api_key = ${r.of(HEX, 32)}`],
  ['secret-value', (r) => `DD_API_KEY=${r.of(HEX, 32)}`],
  ['secret-value', (r) => `curl -H "X-Auth-Token: ${r.of(BASE62, 40)}"`],
  ['secret-value', (r) => `deploy --token ${r.of(BASE62, 36)} --yes`],
  ['secret-value', (r) => `const accessToken = \`${r.of(BASE64URL, 48)}\`;`],
  ['secret-value', (r) => `https://api.internal/v1/items?access_token=${r.of(BASE62, 32)}&page=2`],
  ['secret-value', (r) => `encryption-key => ${r.of(HEX, 64)}`],
  ['password', (r) => `DB_PASSWORD=${r.of(BASE62, 24)}`],
  ['password', (r) => `password: "${r.of(BASE62, 10)}#${r.of(DIGITS, 3)}aB"`],
  ['authorization', (r) => `Authorization: Bearer ${r.of(BASE64URL, 44)}`],
  [
    'authorization',
    (r) => `authorization: Basic ${Buffer.from(`svc:${r.of(BASE62, 24)}`).toString('base64')}`,
  ],
  ['session-id', () => `Authorization: session ${crypto.randomUUID()}`],
  ['session-id', () => `"session_id": "${crypto.randomUUID()}"`],
  ['session-id', () => `VAULT_RELAY_SESSION=${crypto.randomUUID()}`],
];

/** Tokens of a published form. */
export const TOKENS: Shape[] = [...CHECKED, ...PLAIN];

/** What agents put around a token. */
export const AROUND: readonly ((token: string) => string)[] = [
  (token) => token,
  (token) => `The key is ${token}, please use it.`,
  (token) => `\`\`\`sh\nexport SERVICE_CREDENTIAL="${token}"\n\`\`\``,
  (token) => JSON.stringify({ log: `line one\n${token}\nline three` }),
  (token) => `diff --git a/.env b/.env\n+TOKEN=${token}\n-TOKEN=`,
  (token) => `curl 'https://api.internal/?q=${token}' -s`,
  (token) => `把这个密钥放进环境变量：${token}。`,
  (token) => `| name | value |\n| --- | --- |\n| ci | ${token} |`,
];
