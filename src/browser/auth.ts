import { element, say } from './dom.ts';

const countdown = element('countdown');
const buttons = [element('grant'), element('deny')] as HTMLButtonElement[];
const { session = '', otp = '' } = element('decide').dataset;
const endsAt = performance.now() + Number(countdown.dataset.remainingMs);
const timer = setInterval(showCountdown, 250);

function setEnabled(enabled: boolean): void {
  for (const button of buttons) button.disabled = !enabled;
}

function showCountdown(): void {
  const seconds = Math.max(0, Math.ceil((endsAt - performance.now()) / 1000));
  countdown.textContent = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
  if (seconds > 0) return;
  end('This request has expired. Start the login again in atem.', true);
}

function end(text: string, bad: boolean): void {
  clearInterval(timer);
  setEnabled(false);
  say(text, { bad });
}

async function decide(action: 'grant' | 'deny'): Promise<void> {
  setEnabled(false);
  try {
    const response = await fetch(`/api/sessions/${encodeURIComponent(session)}/${action}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: action === 'grant' ? JSON.stringify({ otp }) : '{}',
    });
    const body = (await response.json()) as { error?: string };
    if (response.ok) {
      end(
        action === 'grant' ? 'Granted. You can close this page.' : 'Denied. You can close this page.',
        false,
      );
    } else {
      say(body.error ?? `The server answered ${response.status}.`, { bad: true });
      setEnabled(response.status === 429 || response.status >= 500);
    }
  } catch {
    say('The server cannot be reached; try again.', { bad: true });
    setEnabled(true);
  }
}

showCountdown();
element('grant').addEventListener('click', () => void decide('grant'));
element('deny').addEventListener('click', () => void decide('deny'));
