import { element, say } from './dom.ts';

interface Status {
  paired: boolean;
  atem_ids?: string[];
  astation_connected: boolean;
  expired: boolean;
}

const POLL_MS = 2000;
const { code = '' } = element('code').dataset;

function show(status: Status): void {
  element('astation').textContent = status.astation_connected ? 'connected' : 'not connected';
  element('atems').textContent = status.atem_ids?.join(', ') ?? 'none yet';
  if (status.expired) say('This code has expired.', { bad: true });
  else say(status.paired ? 'Paired. You can close this page.' : '');
}

async function poll(): Promise<void> {
  try {
    const response = await fetch(`/api/pair/${encodeURIComponent(code)}`);
    if (response.status === 404) {
      say('This room is closed.', { bad: true });
      return;
    }
    if (response.ok) show((await response.json()) as Status);
  } catch {
    say('The server cannot be reached; trying again.', { bad: true });
  }
  setTimeout(() => void poll(), POLL_MS);
}

void poll();
