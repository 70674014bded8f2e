/**
 * The closed sets of outcomes that the two writing functions of the database answer with. The types
 * `vault_write_outcome` and `vault_creation_outcome` of the database list the same, and a test compares them.
 */
export const WRITE_OUTCOMES = [
  'written',
  'replayed',
  'no_vault',
  'forbidden',
  'past_writer',
  'key_reused',
  'entries_full',
  'bytes_full',
  'no_entry',
  'conflict',
] as const;

export type WriteOutcome = (typeof WRITE_OUTCOMES)[number];

/** Outcomes of a write that wrote nothing. */
export type RefusedOutcome = Exclude<WriteOutcome, 'written' | 'replayed'>;

export const CREATION_OUTCOMES = ['written', 'replayed', 'key_reused', 'full', 'taken'] as const;

export type CreationOutcome = (typeof CREATION_OUTCOMES)[number];
