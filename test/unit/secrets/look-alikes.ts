import { createHash, randomUUID } from 'node:crypto';
import { BASE36, BASE62, BASE64, BASE64URL, DIGITS, HEX, type Random, UPPER } from './random.ts';

type Maker = (random: Random) => string;

const sha = (algorithm: string, random: Random) => createHash(algorithm).update(random.of(HEX, 16));

const HASHES: Maker[] = [
  (r) => `commit ${r.of(HEX, 40)}\nAuthor: Ann <ann@example.org>\nDate:   Mon Nov 30 18:00:00 2026 +0000`,
  (r) => `${r.of(HEX, 7)} Fix the race in the cache (#${r.below(900)})`,
  (r) => `index ${r.of(HEX, 7)}..${r.of(HEX, 7)} 100644`,
  (r) => `sha256:${sha('sha256', r).digest('hex')}`,
  (r) => `${sha('md5', r).digest('hex')}  dist/app.js`,
  (r) => `"integrity": "sha512-${sha('sha512', r).digest('base64')}"`,
  (r) => `head_hash: ${r.of(HEX, 64)}`,
  (r) => `cache key: node-20-${r.of(HEX, 64)}`,
  (r) => `cache-key=linux-${r.of(HEX, 40)}`,
  (r) => `ETag: W/"${r.of(HEX, 32)}"`,
  (r) => `key fingerprint: SHA256:${r.of(BASE64, 43)}`,
  (r) => `image: ghcr.io/acme/app@sha256:${r.of(HEX, 64)}`,
  (r) => `public key: 04${r.of(HEX, 128)}`,
  (r) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${r.of(BASE64, 43)} ann@laptop`,
  (r) => `-----BEGIN PUBLIC KEY-----\n${r.of(BASE64, 64)}\n-----END PUBLIC KEY-----`,
  (r) => `-----BEGIN CERTIFICATE-----\n${r.of(BASE64, 64)}\n${r.of(BASE64, 64)}`,
  (r) => `etcd member ${r.of(HEX, 16)} is healthy`,
  (r) => `token hash ${r.of(HEX, 64)} was revoked`,
];

const IDS: Maker[] = [
  () => `request ${randomUUID()} took 12 ms`,
  () => `idempotency_key: ${randomUUID()}`,
  () => `primary key = ${randomUUID()}`,
  () => randomUUID(),
  (r) => `Vault v-${r.of(BASE62, 10)}, e3 v4 and e12 v1, seq ${r.below(9999)}`,
  (r) => `key:${r.of(BASE36, 12)} wrote e3 v4 after session:${r.of(HEX, 12)}`,
  (r) => `trace_id=${r.of(HEX, 32)} span_id=${r.of(HEX, 16)}`,
  (r) => `arn:aws:iam::${r.of(DIGITS, 12)}:role/deploy-${r.of(BASE36, 6)}`,
  (r) => `pk_${'live'}_${r.of(BASE62, 24)}`,
  (r) => `AC${r.of(HEX, 32)}`,
  (r) => `ULID 01${r.of(`${DIGITS}ABCDEFGHJKMNPQRSTVWXYZ`, 24)}`,
  (r) => `nanoid ${r.of(BASE64URL, 21)}`,
  (r) => `object key: uploads/2026/11/${r.of(HEX, 32)}.png`,
  (r) => `next_page_token: ${r.of(BASE64URL, 44)}`,
  (r) => `secret_arn = arn:aws:secretsmanager:eu-west-1:${r.of(DIGITS, 12)}:secret:db-${r.of(BASE62, 6)}`,
  (r) => `KEY_ID=${r.of(HEX, 16)}`,
];

const PLACEHOLDERS: Maker[] = [
  () => `export GITHUB_TOKEN=gh${'p_'}${'x'.repeat(36)}`,
  () => `ghp${'_'}16C7e42F292c6912E7710c838347Ae178B4a is the documented example, with a wrong checksum`,
  () => `AKIA${'IOSFODNN7'}EXAMPLE`,
  () => `api_key: ${'$'}{{ secrets.API_KEY }}`,
  () => 'const secretKey = process.env.SECRET_KEY_2026;',
  () => 'password: $DB_PASSWORD_V2',
  () => 'token = "<your-token-here-1234>"',
  () => 'DATABASE_URL=postgres://user:password@localhost:5432/app',
  () => `DATABASE_URL=postgres://app:${'$'}{DB_PASSWORD}@db/app`,
  () => 'redis://:****@cache:6379',
  () => 'Authorization: Bearer <token>',
  () => 'Authorization: Bearer $VAULT_RELAY_KEY',
  () => `vr${'_'}abcdefghijkl_${'0'.repeat(39)}`,
  () => `sk${'-'}proj-${'XXXX'.repeat(12)}`,
  () => 'the JWT begins with eyJhbGciOiJIUzI1NiJ9 and has three parts',
  () => `-----BEGIN ${'PRIVATE'} KEY-----\n...\n-----END ${'PRIVATE'} KEY-----`,
  () => `grep -r "BEGIN RSA ${'PRIVATE'} KEY" .`,
  () => 'password=changeme1234567890',
  () => 'token: 0123456789abcdef0123456789abcdef',
];

const CODE: Maker[] = [
  (r) => `data:image/png;base64,iVBORw0KGgo${r.of(BASE64, 600)}`,
  (r) => `<img src="data:image/svg+xml;base64,${r.of(BASE64, 400)}">`,
  (r) => `GIT binary patch\nliteral 1204\nzcm${r.of(BASE64, 62)}\nzcm${r.of(BASE64, 62)}`,
  (r) =>
    `@@ -1,4 +1,4 @@ class KeyStore\n-  const key = makeKey(${r.below(9)});\n+  const key = makeKeyV2(store, ${r.below(9)});`,
  (r) =>
    `"node_modules/left-pad": {\n  "version": "1.3.${r.below(9)}",\n  "integrity": "sha512-${r.of(BASE64, 86)}=="\n}`,
  (r) =>
    `left-pad@^1.3.0:\n  version "1.3.0"\n  resolved "https://registry.yarnpkg.com/left-pad/-/left-pad-1.3.0.tgz#${r.of(HEX, 40)}"`,
  (r) => `[[package]]\nname = "serde"\nversion = "1.0.2"\nchecksum = "${r.of(HEX, 64)}"`,
  (r) => `golang.org/x/net v0.30.0 h1:${r.of(BASE64, 43)}=`,
  (r) =>
    `!function(e,t){var n=e.key,r=t["${r.of(BASE62, 3)}"];n.token=r.secret,o({key:i${r.below(9)},token:j})}(window,{});`,
  (r) => `function t${r.below(99)}(e){return e.password&&e.passwordConfirm2===e.password}`,
  (r) => `//# sourceMappingURL=data:application/json;base64,${r.of(BASE64, 300)}`,
  (r) => `assets/index-${r.of(BASE64URL, 8)}.js 142.30 kB │ gzip: 45.${r.below(90)} kB`,
  (r) => `   ✓ test/unit/key-format.test.ts (${r.below(30)} tests) ${r.below(900)}ms`,
  () => 'max_tokens: 4096, tokens_per_minute: 120000, token_type: bearer',
  () => 'model: claude-opus-4-5-20251101, key: gpt-4o-mini-2024-07-18',
  () => 'KEY_PATH=/etc/ssl/private/vault-relay-2026.pem',
  () => 'secretName: vault-relay-credentials-v2',
  () => 'tokenizer.key = "Xenova/all-MiniLM-L6-v2"',
  () => 'Key: "2026-11-30T18:00:00.000000Z"',
  () => 'translationKey: dashboard.vault.entry3.override2Label',
  () => '<Row key={rowKey(vaultId, 3)} token={useToken2()} secret={secrets[4]} />',
  () => "password = hashlib.pbkdf2_hmac('sha256', pw, salt, 100000)",
  () => 'primary key (bucket, vault_id, entry_no, version)',
  () => 'mailto:ann:bob2@example.org and git@github.com:acme/app2.git',
  () => 'http://localhost:3000/@vite/client and https://example.org:8443/a@b',
  () => 'scp host:/tmp/a user@host:/tmp/b; http://[::1]:3000/@fs/work',
  (r) => `<path d="M${r.below(99)}.${r.below(99)} 12.5c0 1.38-1.12 2.5-2.5 2.5S7 13.88 7 12.5z" key="p2"/>`,
  (r) => `-rw-r--r-- 1 ann ann ${r.below(99999)} Nov 30 18:00 keys-backup-2026-11-30.tar.gz`,
];

const PROSE: Maker[] = [
  () => 'Decided: JWT in a cookie, 15 minutes. The token is rotated at each use, see e3 v4.',
  () => 'The secret: write the state first, then the reasons, then the 3 next steps.',
  () => '决定：JWT 放在 cookie 里，15 分钟。密钥由运维保管，token 不进仓库。',
  () => 'パスワードは 12 文字以上。token は共有しない。キー: e3 v4 を参照。',
  () => '비밀번호는 저장하지 않는다. key: 세션 7일 후 만료.',
  () => 'Ключ не хранится. Пароль: минимум 12 символов, token обновляется каждые 15 минут.',
  () => 'كلمة السر لا تحفظ. token: خمس عشرة دقيقة 2026',
  () => 'Das Passwort: mindestens zwölf Zeichen. Schlüssel siehe Betriebshandbuch, Abschnitt 4.2.',
  () => 'password: must have at least 12 characters, with 1 digit and 1 symbol',
  () => 'The key insight is that 95th-percentile latency fell from 120ms to 80ms.',
  () => 'session expired after 7 days; session 2 continues e12 v3 of the vault',
  () => 'Basic authentication12345 is off; use a bearer token instead of basic credentials2go.',
  () => 'task-12345678-abcdef, risk-assessment-2026 and disk-usage-report-v2-final',
  (r) => `| key | value |\n| --- | --- |\n| p95 | ${r.below(900)} ms |`,
  (r) => `e${r.below(99)} v${r.below(9)} seq ${r.below(9999)} by ann at 2026-11-30T18:00:00Z`,
  (r) => `Next: look at PR #${r.below(999)}, branch side/token-${r.below(9)}-fix; key people: Ann, Bob`,
  (r) =>
    `The ${r.pick(['api', 'access', 'session'])} token has ${r.below(64)} characters and expires after ${r.below(60)} minutes.`,
];

/** Harmless texts that look like secrets to careless rules, by what they are. */
export const LOOK_ALIKES: Readonly<Record<string, readonly Maker[]>> = {
  HASHES,
  IDS,
  PLACEHOLDERS,
  CODE,
  PROSE,
  RANDOM: [
    (r) => r.of(HEX, 64),
    (r) => r.of(HEX, 32).toUpperCase(),
    (r) => r.of(BASE62, 40),
    (r) => r.of(BASE64, 76),
    (r) => r.of(BASE64URL, 43),
    (r) => `0x${r.of(HEX, 40)}`,
    (r) => `${r.of(UPPER, 4)}-${r.of(UPPER, 4)}`,
  ],
};
