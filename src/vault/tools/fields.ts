/**
 * What an argument means to a model, by name. The descriptions of the inputs are about REST, with its headers and its
 * status codes.
 */
export const FIELDS: Readonly<Record<string, string>> = {
  vault_id: 'Such as v-7Kf3qDx02Z.',
  since: 'Only rows with a greater seq.',
  as_of: 'A seq.',
  entry_id: 'The number of an entry: 3 for e3.',
  history: 'Every version instead of the newest.',
  kind: 'Entries (default), summaries, or both.',
  q: 'Only what has this text, in any case.',
  writer: 'Only what this client wrote.',
  tag: 'Only what has this tag.',
  details: 'Adds times, numbers and writers.',
  limit: 'At most this many.',
  cursor: 'From the last answer.',
  tags: 'At most 8 search words. A new version without tags keeps those of the last one.',
  expected_version: 'The version that you read.',
  expected_summary_version: 'The summary version that you read.',
  allow_secret: 'Why a refused text is no secret.',
  idempotency_key: 'Any unique word, such as a UUID.',
};
