import { afterAll, afterEach } from 'vitest';
import { runAfter } from './after.ts';

// Runs for each file, even if its worker has already loaded the other modules.
afterEach(() => runAfter('test'));
afterAll(() => runAfter('file'));
