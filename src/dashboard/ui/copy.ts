import type { Text } from '../i18n/index.ts';
import { announce } from './toast.tsx';

/** Pages that do not come over HTTPS have no clipboard of their own; a selection can still be copied. */
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

/** Puts text into the clipboard and says whether that worked. */
export async function copyText(text: string, t: Text): Promise<void> {
  const copied = await (navigator.clipboard?.writeText(text) ?? Promise.reject()).then(
    () => true,
    () => copySelection(text),
  );
  announce(copied ? t.copied : t.copyFailed);
}
