import type { Text } from '../i18n/index.ts';
import { announce } from './toast.tsx';

/** Copies a selection, because pages without HTTPS have no clipboard API. */
function copySelection(text: string): boolean {
  const field = document.createElement('textarea');
  field.value = text;
  field.className = 'visually-hidden';
  document.body.append(field);
  field.select();
  const copied = document.execCommand('copy');
  field.remove();
  return copied;
}

/** Copies text to the clipboard. @returns whether it succeeded */
export async function copyText(text: string, t: Text): Promise<void> {
  const copied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
    () => true,
    () => copySelection(text),
  );
  announce(copied ? t.copied : t.copyFailed);
}
