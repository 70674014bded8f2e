import { endsWithChecksum } from './checksums.ts';

/** The published form of a token. */
export interface Format {
  kind: string;
  /** How a token begins. What is masked still shows it. */
  begins: readonly string[];
  /**
   * What follows, as the source of a regular expression without unbounded repetition. It fails within `MAX_FAILURE`
   * characters, so a longer repetition has only optional parts behind it.
   */
  rest: string;
  /** Finds out what the form alone cannot. */
  isValid?: (token: string) => boolean;
}

/** Characters that an expression may read before it fails, because nothing keeps the scan from reading them again. */
export const MAX_FAILURE = 128;

const ALPHANUMERIC = '0-9A-Za-z';

/** Exactly `length` characters of a class, and none of another class after them. */
const exactly = (characters: string, length: number, other = ALPHANUMERIC) =>
  `[${characters}]{${length}}(?![${other}])`;

const base62 = (length: number) => exactly(ALPHANUMERIC, length);
const hex = (length: number) => exactly('0-9a-f', length);
const word = (length: number) => exactly('\\w-', length, '\\w-');
/** At least `length` characters that a URL may have. More than `MAX` of them change nothing. */
const words = (length: number) => `[\\w-]{${length},${MAX}}`;
const MAX = 512;

const format = (kind: string, begins: string, rest: string): Format => ({
  kind,
  begins: begins.split(' '),
  rest,
});

/** Characters before the random part of the tokens of GitHub and npm, which the checksum leaves out. */
const TAG_LENGTH = 4;

const checked = (kind: string, begins: string): Format => ({
  ...format(kind, begins, base62(36)),
  isValid: (token) => endsWithChecksum(token, TAG_LENGTH),
});

/** The credentials of this server that their form alone gives away. */
const OWN: readonly Format[] = [
  {
    ...format('vault-relay-key', 'vr_', `[0-9a-z]{12}_${base62(39)}`),
    isValid: (token) => endsWithChecksum(token, 0),
  },
  format('vault-relay-cookie', 'vrp_', word(43)),
];

const CODE_HOSTS: readonly Format[] = [
  checked('github-token', 'ghp_ gho_ ghu_ ghs_ ghr_'),
  format('github-token', 'github_pat_', `[0-9A-Za-z]{22}_${base62(59)}`),
  format(
    'gitlab-token',
    'glpat- glrt- gldt- glptt- glcbt- glft- glimt- glsoat- glffct- glagent-',
    `${words(20)}(?:\\.[0-9a-z]{2}\\.[0-9a-z]{9})?`,
  ),
  format('gitlab-token', 'gloas-', hex(64)),
  format('atlassian-token', 'ATATT3 ATCTT3', '[\\w=-]{60,300}'),
  format('bitbucket-token', 'ATBB', base62(32)),
  format('sourcegraph-token', 'sgp_', '(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40}(?![0-9a-z])'),
  format('linear-token', 'lin_api_ lin_oauth_', '[0-9A-Za-z]{40,64}'),
  format('notion-token', 'ntn_', '[0-9A-Za-z]{40,50}'),
  format('figma-token', 'figd_', words(38)),
  format('postman-key', 'PMAK-', `[0-9a-f]{24}-${hex(34)}`),
];

const REGISTRIES: readonly Format[] = [
  checked('npm-token', 'npm_'),
  format('pypi-token', 'pypi-AgE', words(50)),
  format('rubygems-key', 'rubygems_', hex(48)),
  format('crates-token', 'cio', base62(32)),
  format('nuget-key', 'oy2', exactly('0-9a-z', 43)),
  format('docker-token', 'dckr_pat_ dckr_oat_', words(27)),
  format('artifactory-key', 'AKCp', '[0-9A-Za-z]{69,73}'),
];

const CLOUDS: readonly Format[] = [
  format('aws-access-key', 'AKIA ASIA ABIA ACCA', exactly('A-Z2-7', 16)),
  format('aws-bedrock-key', 'ABSK', '[0-9A-Za-z+/]{109,269}={0,2}'),
  format('google-api-key', 'AIza', word(35)),
  format('google-oauth-secret', 'GOCSPX-', word(28)),
  format('google-oauth-token', 'ya29.', words(20)),
  format('azure-storage-key', 'AccountKey=', '[0-9A-Za-z+/]{86}=='),
  format('alibaba-access-key', 'LTAI', '[0-9A-Za-z]{16,20}(?![0-9A-Za-z])'),
  format('tencent-secret-id', 'AKID', base62(32)),
  format('digitalocean-token', 'dop_v1_ doo_v1_ dor_v1_', hex(64)),
  format('heroku-key', 'HRKU-', words(36)),
  format('fly-token', 'fo1_', word(43)),
  format('fly-token', 'fm2_ fm1a_ fm1r_', '[0-9A-Za-z+/=_-]{80,512}'),
  format('netlify-token', 'nfp_', base62(36)),
  format('supabase-token', 'sbp_', '(?:v0_|oauth_)?[0-9a-f]{40}(?![0-9a-z])'),
  format('supabase-key', 'sb_secret_', words(20)),
  format('planetscale-token', 'pscale_tkn_ pscale_pw_ pscale_oauth_', '[\\w.-]{32,64}'),
  format('databricks-token', 'dapi', `[0-9a-f]{32}(?:-\\d)?(?![0-9a-z])`),
  format('hashicorp-vault-token', 'hvs. hvb. hvr.', words(24)),
  format('doppler-token', 'dp.pt. dp.st. dp.ct. dp.sa. dp.scim. dp.audit.', '[\\w.-]{40,120}'),
  format('pulumi-token', 'pul-', hex(40)),
  format('tailscale-key', 'tskey-', '[a-z]{3,12}-[\\w-]{16,128}'),
  format('age-key', 'AGE-SECRET-KEY-1', exactly('02-9AC-HJ-NP-Z', 58)),
  format('1password-token', 'ops_eyJ', words(80)),
];

const MODELS: readonly Format[] = [
  format('anthropic-key', 'sk-ant-', '[a-z]{3,10}\\d\\d-[\\w-]{80,120}'),
  format('openai-key', 'sk-proj- sk-svcacct- sk-admin-', words(40)),
  format('openai-key', 'sk-', '[0-9A-Za-z]{20}T3BlbkFJ[0-9A-Za-z]{20}(?![0-9A-Za-z])'),
  format('openrouter-key', 'sk-or-v1-', hex(64)),
  format('hugging-face-token', 'hf_ api_org_', base62(34)),
  format('replicate-token', 'r8_', base62(37)),
  format('groq-key', 'gsk_', base62(52)),
  format('xai-key', 'xai-', base62(80)),
  format('perplexity-key', 'pplx-', base62(48)),
  format('langsmith-key', 'lsv2_pt_ lsv2_sk_', `[0-9a-f]{32}_${hex(10)}`),
];

const SERVICES: readonly Format[] = [
  format('slack-token', 'xoxb- xoxp- xoxa- xoxr- xoxs- xoxe- xoxc- xoxd-', '[0-9A-Za-z%-]{24,256}'),
  format('slack-token', 'xapp-', '\\d-[0-9A-Z]{8,12}-\\d{8,16}-[0-9a-f]{64}'),
  format('slack-webhook', 'hooks.slack.com/services/', 'T[0-9A-Z]{8,12}/B[0-9A-Z]{8,12}/[0-9A-Za-z]{20,32}'),
  format('discord-webhook', 'discord.com/api/webhooks/', `\\d{17,20}/${words(60)}`),
  format('stripe-key', 'sk_live_ sk_test_ rk_live_ rk_test_', '[0-9A-Za-z]{24,128}'),
  format('webhook-secret', 'whsec_', '[0-9A-Za-z+/=]{24,88}'),
  format('twilio-key', 'SK', hex(32)),
  format('sendgrid-key', 'SG.', `[\\w-]{22}\\.${word(43)}`),
  format('mailgun-key', 'key-', hex(32)),
  format('brevo-key', 'xkeysib- xsmtpsib-', `[0-9a-f]{64}-${base62(16)}`),
  format('resend-key', 're_', '[0-9A-Za-z]{8}_[0-9A-Za-z]{24}(?![0-9A-Za-z])'),
  format('shopify-token', 'shpat_ shpca_ shppa_ shpss_', hex(32)),
  format('square-token', 'sq0atp-', word(22)),
  format('square-token', 'sq0csp-', word(43)),
  format('grafana-token', 'glsa_', `[0-9A-Za-z]{32}_${hex(8)}`),
  format('grafana-token', 'glc_eyJ', '[0-9A-Za-z+/=]{60,400}'),
  format('sentry-token', 'sntryu_', hex(64)),
  format('sentry-token', 'sntrys_eyJ', '[0-9A-Za-z+/=_-]{60,400}'),
  format('new-relic-key', 'NRAK-', exactly('0-9A-Z', 27)),
  format('dynatrace-token', 'dt0c01. dt0s01. dt0s16.', `[0-9A-Z]{24}\\.${exactly('0-9A-Z', 64)}`),
  format('buildkite-token', 'bkua_', hex(40)),
  format('circleci-token', 'CCIPAT_', `[0-9A-Za-z]{20,24}_${hex(40)}`),
  format('prefect-key', 'pnu_', exactly('0-9A-Za-z', 36)),
  format('typeform-token', 'tfp_', words(40)),
  format('readme-key', 'rdme_', exactly('0-9a-z', 70)),
  format('contentful-token', 'CFPAT-', word(43)),
  format('airtable-token', 'pat', `[0-9A-Za-z]{14}\\.${hex(64)}`),
];

/**
 * Header, payload and signature, of which the first two are JSON objects. The last two parts are optional for the
 * expression, because a match tells the scan how much it has read, and a failure does not.
 */
const JWT: Format = {
  ...format('jwt', 'eyJ', '[\\w-]{10,2000}(?:\\.eyJ[\\w-]{10,4000}(?:\\.[\\w-]{16,1024})?)?'),
  isValid: (token) => token.split('.').length === 3,
};

/** The published forms of tokens. The longest beginning decides. */
export const FORMATS: readonly Format[] = [
  ...OWN,
  ...CODE_HOSTS,
  ...REGISTRIES,
  ...CLOUDS,
  ...MODELS,
  ...SERVICES,
  JWT,
];
