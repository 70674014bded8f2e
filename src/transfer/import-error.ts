/** A file that cannot be imported. The message has the line and the reason. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
}
