const MAX_LENGTH = 64;

/** A name that somebody sent, fit for a sentence: cut when it is long, in quotes unless it is a plain word. */
export function showName(name: string): string {
  const cut = name.length > MAX_LENGTH ? `${name.slice(0, MAX_LENGTH)}…`.toWellFormed() : name;
  return /^[\w[\].-]+…?$/.test(cut) ? cut : JSON.stringify(cut);
}
