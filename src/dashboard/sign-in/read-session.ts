const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Ways in which a session id is written down, each with the id: an output or a file that names it, a header, a variable. */
const FORMS = [
  /session_id["'`]?\s*[:=]\s*["'`]?([^\s"'`,}]+)/i,
  /^(?:authorization\s*:\s*)?(?:session|bearer)\s+(\S+)$/i,
  /^(?:export\s+)?[a-z_]\w*=(.+)$/is,
];

/** Punctuation around a pasted id. */
const QUOTES = /^["'`“”‘’<]+|["'`“”‘’>,;]+$/g;

/** Finds a session id in whatever was pasted: what the command prints, as text or JSON, a header, or the id in quotes. */
export function readSession(pasted: string): string {
  const text = pasted.trim().replace(QUOTES, '').trim();
  const form = FORMS.find((one) => one.test(text));
  const id = (form?.exec(text)?.[1] ?? text).trim().replace(QUOTES, '');
  // Ids that an Astation chose may be of any shape; those that the server makes have no capital letters.
  return UUID.test(id) ? id.toLowerCase() : id;
}
