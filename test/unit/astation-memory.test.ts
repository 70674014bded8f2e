import { expect, test } from 'vitest';
import { AstationMemory } from '../../src/session/astation-memory.ts';

const none = { keys: new Map<string, string>(), banned: new Set<string>() };

test('C21, look-up in flight: a look-up from before a full reload restores nothing', async () => {
  const memory = new AstationMemory();
  await memory.during(async (old) => {
    // Announcements were missed in between, as while the listening connection is lost.
    await memory.during(async (newer) => memory.learnAll(newer, [], none));
    memory.learn(old, 'st-1', 'a forgotten key');
    memory.learnAll(old, [], { ...none, keys: new Map([['st-2', 'another']]), banned: new Set(['st-3']) });
  });
  expect(memory.known()).toEqual([]);
  expect(memory.isBanned('st-3')).toBe(false);
  await memory.during(async (lookUp) => memory.learn(lookUp, 'st-1', 'a new key'));
  expect(memory.keyOf('st-1')).toBe('a new key');
});

test('C21, look-up in flight: an announcement discards the results of look-ups that began before it, and of no others', async () => {
  const memory = new AstationMemory();
  await memory.during(async (before) => {
    memory.forget('st-1');
    memory.learn(before, 'st-2', 'its key');
    await memory.during(async (after) => memory.learn(after, 'st-1', 'a new key'));
    memory.learn(before, 'st-1', 'the old key');
  });
  expect([memory.keyOf('st-1'), memory.keyOf('st-2')]).toEqual(['a new key', 'its key']);
});
