const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Ways in which a session id is written down, each with the id: an output or a file that names it, a header, a variable. */
const FORMS = [
  /session_id["'`]?\s*[:=]\s*["'`]?([^\s"'`,}]+)/i,
  /^(?:authorization\s*:\s*)?(?:session|bearer)\s+(\S+)$/i,
  /^(?:export\s+)?[a-z_]\w*=(.+)$/is,
];

/** Punctuation around a pasted id. */
const QUOTES = /^["'`“”‘’<]+|["'`“”‘’>,;]+$/g;

/** A key has its own form, so it is found in any text. */
const KEY = /\bvr_[0-9a-z]+_[0-9A-Za-z]+\b/;

/** Whether what was read is a key, which has its own client id. */
export const isKey = (secret: string): boolean => secret.startsWith('vr_');

/** Finds a session id or a key in whatever was pasted: what the command prints, as text or JSON, a header, or the id in quotes. */
export function readSession(pasted: string): string {
  const [key] = KEY.exec(pasted) ?? [];
  if (key !== undefined) return key;
  const text = pasted.trim().replace(QUOTES, '').trim();
  const form = FORMS.find((one) => one.test(text));
  const id = (form?.exec(text)?.[1] ?? text).trim().replace(QUOTES, '');
  // Ids that an Astation chose may be of any shape; those that the server makes have no capital letters.
  return UUID.test(id) ? id.toLowerCase() : id;
}
