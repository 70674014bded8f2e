/** A file that cannot be imported. The message names the line, and says why. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
