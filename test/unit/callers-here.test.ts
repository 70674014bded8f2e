import { expect, test } from 'vitest';
import { CallersHere } from '../../src/activity/presence.ts';

const MINUTE = 60_000;

/** Callers of a server whose clock the test sets. */
function makeCallers() {
  const clock = { now: Date.parse('2026-11-30T12:00:00Z') };
  const callers = new CallersHere(() => clock.now);
  const caller = (clientId: string, workSessionId = 'st-1') =>
    ({ workSessionId, clientId, author: 'session:a' }) as Parameters<CallersHere['called']>[0];
  const present = (workSessionId = 'st-1') => callers.of(workSessionId).map(({ client_id }) => client_id);
  return { clock, callers, caller, present };
}

test('clients and work sessions with an open stream stay, however many strangers call after them', () => {
  const { clock, callers, caller, present } = makeCallers();
  const end = callers.opened(caller('follows'));
  callers.called(caller('calls'), 'rest');
  for (let n = 0; n < 300; n++) callers.called(caller(`stranger ${n}`), 'rest');
  expect(present()).toHaveLength(100);
  expect(present().at(-1)).toBe('follows');
  for (let n = 0; n < 600; n++) callers.called(caller('one-off', `st-hostile-${n}`), 'rest');
  expect(present()).toContain('follows');
  expect(callers.workSessions()).toHaveLength(500);
  expect(callers.workSessions().at(-1)).toBe('st-1');

  // The end counts on the client that is shown, and then it is not present for longer than others.
  clock.now += 10 * MINUTE;
  callers.called(caller('follows'), 'trpc');
  expect(callers.of('st-1')).toMatchObject([{ client_id: 'follows', connected: true }]);
  end();
  end();
  expect(callers.of('st-1')).toMatchObject([{ client_id: 'follows', connected: false }]);
  clock.now += 5 * MINUTE;
  expect(present()).toEqual([]);
});

test('what a client wrote is shown for as long as a call is, also while a stream is open', () => {
  const { clock, callers, caller } = makeCallers();
  callers.opened(caller('ann'));
  const by = { clientId: 'ann', author: 'session:a', entryNo: 1, version: 1 };
  callers.wrote({ workSessionId: 'st-1', vaultId: 'v', seq: 2, kind: 'content', by });
  const at = new Date(clock.now).toISOString();
  expect(callers.of('st-1')[0]?.wrote).toEqual({ vault_id: 'v', entry_no: 1, version: 1, at });
  clock.now += 5 * MINUTE;
  expect(callers.of('st-1')).toMatchObject([{ connected: true }]);
  expect(callers.of('st-1')[0]).not.toHaveProperty('wrote');
});
