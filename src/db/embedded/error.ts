/** The embedded database is not available. The message names the problem and the remedy in one sentence. */
export class EmbeddedError extends Error {
  override readonly name = 'EmbeddedError';
}

const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  ENOTDIR: 'there is a file where a folder must be',
  EEXIST: 'there is a file where a folder must be',
};

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'code' in error && typeof error.code === 'string';

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  isSystemError(error) && codes.includes(error.code ?? '');

/** Turns any error into a sentence that names DATA_DIR. An EmbeddedError stays unchanged. */
export function unusable(dataDir: string, error: unknown): EmbeddedError {
  if (error instanceof EmbeddedError) return error;
  const reason = isSystemError(error) ? REASONS[error.code ?? ''] : undefined;
  if (isSystemError(error) && reason !== undefined) {
    // For a failed copy the target matters, but Node puts the source into `path`.
    const place = 'dest' in error ? error.dest : error.path;
    const where = place !== undefined && place !== dataDir ? ` (${place})` : '';
    return new EmbeddedError(
      `DATA_DIR ${dataDir} cannot hold the database because ${reason}${where}: set DATA_DIR to a folder that the server can write.`,
      { cause: error },
    );
  }
  const message = error instanceof Error ? error.message : String(error);
  return new EmbeddedError(
    `The embedded database of DATA_DIR ${dataDir} did not start (${message}): fix the cause, or set DATABASE_URL.`,
    { cause: error },
  );
}
