import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { BytesInFlight } from '../../src/http/edge/bytes-in-flight.ts';

const MEGABYTE = 1_048_576;

const connect = () => Object.assign(new EventEmitter(), { destroyed: false }) as unknown as Socket;
const answerTo = (connection: Socket, { closed = false } = {}) => {
  const answer = Object.assign(new EventEmitter(), { closed }) as unknown as ServerResponse;
  return { answer, connection, address: '192.0.2.1', workSession: 'st-1' };
};

test('an answer that ends gives its bytes back, and so does its release, once', () => {
  const inFlight = new BytesInFlight(8 * MEGABYTE);
  const connection = connect();
  const [first, second] = [answerTo(connection), answerTo(connection)];
  const release = inFlight.reserve(first, MEGABYTE / 2);
  inFlight.reserve(second, MEGABYTE / 2);
  expect(inFlight.total).toBe(MEGABYTE);
  release();
  release();
  first.answer.emit('close');
  expect(inFlight.total).toBe(MEGABYTE / 2);
  second.answer.emit('close');
  expect(inFlight.total).toBe(0);
});

test('an answer whose reader disconnected before it was complete holds no bytes', () => {
  const inFlight = new BytesInFlight(8 * MEGABYTE);
  inFlight.reserve(answerTo(connect(), { closed: true }), MEGABYTE);
  inFlight.reserve(answerTo(Object.assign(connect(), { destroyed: true })), MEGABYTE);
  expect(inFlight.total).toBe(0);
});

test('pipelined answers, which Node never closes, give their bytes back with their connection', () => {
  const inFlight = new BytesInFlight(64 * MEGABYTE);
  const connection = connect();
  for (let n = 0; n < 20; n++) inFlight.reserve(answerTo(connection), MEGABYTE / 4);
  expect(connection.listenerCount('close')).toBe(1);
  connection.emit('close');
  expect(inFlight.total).toBe(0);
});

test.each([
  ['connection', 8, (n: number, connection: Socket) => ({ ...answerTo(connection), workSession: `${n}` })],
  ['work session', 4, () => answerTo(connect())],
  ['address', 2, (n: number) => ({ ...answerTo(connect()), workSession: `st-${n}` })],
  ['server', 1, (n: number) => ({ ...answerTo(connect()), workSession: `st-${n}`, address: `192.0.2.${n}` })],
] as const)('one %s has 1/%d of all bytes', (who, part, reservationOf) => {
  const inFlight = new BytesInFlight(64 * MEGABYTE);
  const connection = connect();
  const fits = 64 / part;
  for (let n = 0; n < fits; n++) inFlight.reserve(reservationOf(n, connection), MEGABYTE);
  expect(() => inFlight.reserve(reservationOf(fits, connection), MEGABYTE)).toThrow(who);
  expect(inFlight.total).toBe(fits * MEGABYTE);
});
