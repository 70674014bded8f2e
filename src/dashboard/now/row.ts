import type { AppRouter } from '../../router.ts';

/** Something that happened in a vault. */
export type Row = AppRouter['activity']['page']['_def']['$types']['output']['rows'][number];
