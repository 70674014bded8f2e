import { conflict } from '../../errors.ts';

/** Texts that an atem sealed begin with this. Newer atems fail to read a whole vault in which one stands. */
export const SEALED_PREFIX = 'e1.';

/** Whether atems take a text for sealed. */
export const looksSealed = (text: string): boolean => text.startsWith(SEALED_PREFIX);

/** How every write of such a text is refused. */
export const sealedText = () =>
  conflict(
    `A text or summary must not begin with "${SEALED_PREFIX}", because atem treats it as sealed text; turn encryption off for this account, or begin it with other characters.`,
  );
