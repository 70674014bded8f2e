import type { RoomStatus } from '../../relay/rooms/state.ts';
import { html, type Page } from './layout.ts';

export const UNKNOWN_ROOM: Page = {
  title: 'Unknown code',
  main: html`<h1>There is no room with this code</h1>
<p>Pairing codes live for ten minutes. Start the pairing again in atem.</p>`,
};

const yesNo = (connected: boolean) => (connected ? 'connected' : 'not connected');

/** The page that shows a pairing code and which sides are connected. */
export function pairPage(code: string, status: RoomStatus): Page {
  const query = new URLSearchParams({ code }).toString().replaceAll('+', '%20');
  return {
    title: 'Pair',
    script: 'pair.js',
    main: html`<h1>Pair <span class="host">${status.hostname}</span> with your Astation</h1>
<p>Enter this code in Astation, or open it there:</p>
<p class="code" id="code" data-code="${code}">${code}</p>
<p><a class="button primary" id="open-app" href="astation://pair?${query}">Open in Astation</a></p>
<dl>
<dt>Astation</dt><dd id="astation">${yesNo(status.astation_connected)}</dd>
<dt>Agents</dt><dd id="atems">${status.atem_ids?.join(', ') ?? 'none yet'}</dd>
</dl>
<p role="status" id="status" aria-live="polite">${status.expired ? 'This code has expired.' : ''}</p>`,
  };
}
