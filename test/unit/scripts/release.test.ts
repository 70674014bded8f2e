import { expect, test } from 'vitest';
import { closeUnreleased, isMajor, nextVersion, ReleaseError } from '../../../scripts/release/plan.ts';

test.each([
  ['0.1.9', 'patch', '0.1.10'],
  ['0.1.9', 'minor', '0.2.0'],
  ['0.1.9', 'major', '1.0.0'],
  ['0.9.0', '0.10.0', '0.10.0'],
  ['1.2.3', '2.0.0', '2.0.0'],
])('the release after %s by %s is %s', (current, wanted, expected) => {
  expect(nextVersion(current, wanted)).toBe(expected);
});

test.each(['0.1.0', '0.0.9', '0.1', 'v0.2.0', '0.2.0-rc.1', '0.02.0', 'prerelease', ''])(
  'a release is refused as "%s" after 0.1.0',
  (wanted) => {
    expect(() => nextVersion('0.1.0', wanted)).toThrow(ReleaseError);
  },
);

test('only a higher first number is a major release', () => {
  expect(isMajor('0.9.9', '1.0.0')).toBe(true);
  expect(isMajor('1.0.0', '1.1.0')).toBe(false);
});

test('the changes get a version and a date, under an empty section for the next ones', () => {
  const before =
    '# Changelog\n\n## Unreleased\n\n### Added\n\n- A call.\n\n## 0.1.0 - 2026-01-01\n\n- All.\n';
  expect(closeUnreleased(before, '0.2.0', '2026-11-30')).toBe(
    '# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-11-30\n\n### Added\n\n- A call.\n\n## 0.1.0 - 2026-01-01\n\n- All.\n',
  );
});

test.each(['# Changelog\n', '# Changelog\n\n## Unreleased\n\n## 0.1.0 - 2026-01-01\n\n- All.\n'])(
  'a changelog without a change to release is refused: %j',
  (changelog) => {
    expect(() => closeUnreleased(changelog, '0.2.0', '2026-11-30')).toThrow(ReleaseError);
  },
);
