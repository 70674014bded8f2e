import type { Answer, Request } from './lane.ts';
import { TASKS } from './tasks.ts';

function compute({ name, input }: Request): unknown {
  try {
    return (TASKS[name] as (...input: unknown[]) => unknown)(...input);
  } catch {
    // A text can also exhaust the stack or the longest string; the page then does without the result.
    return undefined;
  }
}

self.addEventListener('message', ({ data }: MessageEvent<Request>) => {
  self.postMessage({ id: data.id, result: compute(data) } satisfies Answer);
});

self.postMessage('ready');
