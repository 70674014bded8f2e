import { SharedState } from './shared-state.ts';

/** The code of a sign-in link that the page was opened with; undefined: none, or it was exchanged. */
export const linkCode = new SharedState<string | undefined>(undefined);

/** Takes the code of a sign-in link out of the address, before anything shows or keeps the address. */
export function takeLinkCode(): void {
  const [, code] = /^#\/?in=([^&]+)/.exec(location.hash) ?? [];
  if (code === undefined) return;
  history.replaceState(null, '', '#/');
  linkCode.set(code);
}
