const REASONS: Record<string, string> = {
  EACCES: 'permission is denied',
  EPERM: 'the operation is not permitted',
  ENOENT: 'there is no such file',
  EISDIR: 'it is a folder',
  ENOTDIR: 'there is a file where a folder must be',
  ELOOP: 'its links form a loop',
  EMFILE: 'too many files are open',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'the file system is read-only',
  EIO: 'the disk or terminal failed',
  ECONNREFUSED: 'the connection was refused',
  ECONNRESET: 'the connection was cut',
  UND_ERR_SOCKET: 'the connection was cut',
  ETIMEDOUT: 'there was no answer',
  UND_ERR_CONNECT_TIMEOUT: 'there was no answer',
  ENOTFOUND: 'the name of the host is unknown',
  EAI_AGAIN: 'the name of the host cannot be looked up',
};

/** @returns why the operating system refused, as the end of a sentence */
export function explainSystemError(error: NodeJS.ErrnoException): string {
  const { code = '', message } = error;
  return REASONS[code] === undefined ? message : `${REASONS[code]} (${code})`;
}

/** @returns one sentence about whatever a command failed with */
export function explainFailure(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  if (thrown instanceof AggregateError && thrown.errors.length > 0) return explainFailure(thrown.errors[0]);
  return thrown.message === '' ? thrown.name : thrown.message;
}
