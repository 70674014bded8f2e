import { afterAll, afterEach } from 'vitest';
import { runAfter } from './after.ts';

// Runs for each file, also where its worker has loaded everything else before.
afterEach(() => runAfter('test'));
afterAll(() => runAfter('file'));
