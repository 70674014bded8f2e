import { flushSync } from 'react-dom';
import { SharedState, useShared } from '../shared-state.ts';

const printing = new SharedState(false);

/** The browser takes the page as it is when this returns. */
const set = (now: boolean): void => flushSync(() => printing.set(now));

window.addEventListener('beforeprint', () => set(true));
window.addEventListener('afterprint', () => set(false));

/** Whether the page is being printed: then all of it has to be there, not only what is near the window. */
export const usePrinting = (): boolean => useShared(printing, (now) => now);
