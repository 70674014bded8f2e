/** The first that the user agent names wins: most browsers also name those that they imitate. */
const BROWSERS: [RegExp, string][] = [
  [/Edg(e|A|iOS)?\//, 'Edge'],
  [/OPR\//, 'Opera'],
  [/Firefox\/|FxiOS\//, 'Firefox'],
  [/(Headless)?Chrom(e|ium)\/|CriOS\//, 'Chrome'],
  [/Safari\//, 'Safari'],
];

const SYSTEMS: [RegExp, string][] = [
  [/iPhone|iPad/, 'iOS'],
  [/Android/, 'Android'],
  [/Mac OS X/, 'macOS'],
  [/Windows/, 'Windows'],
  [/CrOS/, 'ChromeOS'],
  [/Linux/, 'Linux'],
];

const find = (names: [RegExp, string][], userAgent: string): string | undefined =>
  names.find(([form]) => form.test(userAgent))?.[1];

/** @returns the browser and the system that a user agent names, each undefined if it is not a usual one */
export const readUserAgent = (userAgent: string) => ({
  browser: find(BROWSERS, userAgent),
  system: find(SYSTEMS, userAgent),
});
