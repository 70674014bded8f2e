/** The reason why a release cannot be made, in one sentence. */
export class ReleaseError extends Error {
  override readonly name = 'ReleaseError';
}

const STEPS = ['major', 'minor', 'patch'] as const;

const VERSION = /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/;

function readVersion(text: string): [major: number, minor: number, patch: number] {
  const [, major, minor, patch] = VERSION.exec(text) ?? [];
  if (patch === undefined) {
    throw new ReleaseError(
      `${text} is not a version. Give major, minor, patch, or three numbers such as 1.2.3.`,
    );
  }
  return [Number(major), Number(minor), Number(patch)];
}

/**
 * The version of the next release.
 * @param wanted `major`, `minor`, `patch`, or a version
 * @throws ReleaseError when `wanted` is none of these, or is not above the current version
 */
export function nextVersion(current: string, wanted: string): string {
  const now = readVersion(current);
  const step = STEPS.indexOf(wanted as (typeof STEPS)[number]);
  if (step >= 0) return now.map((n, i) => (i < step ? n : i === step ? n + 1 : 0)).join('.');
  const next = readVersion(wanted);
  const first = next.findIndex((n, i) => n !== now[i]);
  if (first < 0 || (next[first] ?? 0) < (now[first] ?? 0)) {
    throw new ReleaseError(`${wanted} is not above the current version ${current}.`);
  }
  return wanted;
}

/** Whether the first number rises, so that consumers must expect breaking changes. */
export const isMajor = (current: string, next: string): boolean =>
  readVersion(next)[0] > readVersion(current)[0];

const UNRELEASED = '## Unreleased\n';

/**
 * Gives the changes under "Unreleased" a version and a date, and leaves an empty "Unreleased" above them.
 * @param date as `2026-11-30`
 * @throws ReleaseError when there is no such section, or it is empty
 */
export function closeUnreleased(changelog: string, version: string, date: string): string {
  const start = changelog.indexOf(UNRELEASED);
  if (start < 0) throw new ReleaseError('CHANGELOG.md has no section "## Unreleased". Add one.');
  const end = start + UNRELEASED.length;
  const [changes = ''] = changelog.slice(end).split(/^## /m);
  if (!/^- /m.test(changes)) {
    throw new ReleaseError(
      'CHANGELOG.md lists no change under "## Unreleased". Add one line for each change.',
    );
  }
  return `${changelog.slice(0, end)}\n## ${version} - ${date}\n${changelog.slice(end)}`;
}
