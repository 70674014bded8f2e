type Work = () => unknown;

const afterTest: Work[] = [];
const afterFile: Work[] = [];

/**
 * Runs work after each test of every file. A worker loads a shared module once for all of its files, so a hook at the
 * top of such a module would run only for the first file.
 */
export const afterEveryTest = (work: Work): number => afterTest.push(work);

/** Runs work at the end of every file, as `afterEveryTest` does for tests. */
export const afterEveryFile = (work: Work): number => afterFile.push(work);

/** Called by the hooks of each file. @throws the first error of the work */
export async function runAfter(what: 'test' | 'file'): Promise<void> {
  for (const work of what === 'test' ? afterTest : afterFile) await work();
}
