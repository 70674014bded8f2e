import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  ackFrame,
  authResultFrame,
  CLOSE,
  challengeFrame,
  Envelope,
  envelopeFrame,
  parseAstationFrame,
  RelayAck,
  RelayAuthChallenge,
  RelayAuthResult,
  RelayEvent,
  relayEventFrame,
  VaultUpdated,
  vaultUpdatedFrame,
} from '../../../src/relay/frames/protocol.ts';

const atem = { atemId: '团队-mac', connectionId: '43c8a181-6567-49ae-9191-8e103a66cc55' };

test('close codes are those of the contract', () => {
  expect(CLOSE).toEqual({ NORMAL: 1000, POLICY: 1008, TOO_BIG: 1009, RESTART: 1012, TRY_AGAIN: 1013 });
});

describe('frames the relay sends', () => {
  test.each([
    [
      RelayAuthChallenge,
      challengeFrame('ab'.repeat(32)),
      `{"type":"relayAuthChallenge","protocol":"relay-auth-1","challenge":"${'ab'.repeat(32)}"}`,
    ],
    [
      RelayAuthResult,
      authResultFrame('rejected', 'no'),
      '{"type":"relayAuthResult","status":"rejected","message":"no"}',
    ],
    [
      RelayAck,
      ackFrame({ for: 'relaySessions', ok: true, skipped: 2 }),
      '{"type":"relayAck","for":"relaySessions","ok":true,"skipped":2}',
    ],
    [
      RelayAck,
      ackFrame({ for: 'relayBind', ok: false, message: 'no' }),
      '{"type":"relayAck","for":"relayBind","ok":false,"message":"no"}',
    ],
    [
      RelayEvent,
      relayEventFrame({ atem_id: 'a', connection_id: 'c', relay_event: 'connected' }),
      '{"atem_id":"a","connection_id":"c","relay_event":"connected"}',
    ],
    [
      VaultUpdated,
      vaultUpdatedFrame({ vault_id: 'v-1', seq: 7 }),
      '{"type":"vault-updated","data":{"vault_id":"v-1","seq":7}}',
    ],
  ])('%#', (schema, frame, expected) => {
    expect(frame).toBe(expected);
    expect(schema.parse(JSON.parse(frame))).toEqual(JSON.parse(expected));
  });
});

describe('envelopeFrame', () => {
  const head = `{"atem_id":"团队-mac","connection_id":"${atem.connectionId}","payload":`;

  test.each([
    ['JSON as it was written', '{"b":1,"a":12345678901234567890,"2":0,"1":1.0}'],
    ['white space included', ' [1, 2]\n'],
    ['a JSON string', '"hi"'],
    ['null', 'null'],
  ])('%s', (_name, text) => {
    expect(envelopeFrame(atem, text)).toBe(`${head}${text}}`);
  });

  test.each([
    ['not JSON', 'hello "you"', '"hello \\"you\\""'],
    ['empty', '', '""'],
    ['what would break out of the envelope', '1},{"x":2', '"1},{\\"x\\":2"'],
    ['too deep', '['.repeat(129) + ']'.repeat(129), `"${'['.repeat(129)}${']'.repeat(129)}"`],
  ])('%s travels as a string', (_name, text, payload) => {
    expect(envelopeFrame(atem, text)).toBe(`${head}${payload}}`);
  });

  test('any frame becomes one envelope, and the other side decodes its payload unchanged', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string({ unit: 'grapheme' })), fc.string(), (text, id) => {
        const frame = envelopeFrame({ atemId: id, connectionId: 'c' }, text);
        const envelope = Envelope.parse(JSON.parse(frame));
        let value: unknown = text;
        try {
          value = JSON.parse(text);
        } catch {}
        expect(envelope).toEqual({ atem_id: id, connection_id: 'c', payload: value });
        const back = parseAstationFrame(frame);
        expect(back).toMatchObject({ kind: 'envelope', atemId: id, connectionId: 'c' });
        expect(back.kind === 'envelope' && JSON.parse(back.payload)).toEqual(value);
      }),
    );
  });
});

describe('parseAstationFrame', () => {
  test.each([
    { type: 'relayAuth', astation_id: 'a', public_key: '04', signature: '30' },
    { type: 'relaySessions', sessions: ['s-1', 's-2'] },
    { type: 'relaySessions', sessions: [] },
    { type: 'relaySessions', sessions: ['s', 7, null, { id: 's' }] },
    { type: 'relayBind', session_id: '!'.repeat(128) },
    { type: 'relayUnbind', session_id: '~'.repeat(16) },
  ])('reads $type', (frame) => {
    expect(parseAstationFrame(JSON.stringify({ ...frame, more: 1 }))).toEqual({ kind: 'control', frame });
  });

  test.each([
    [
      'relaySessions',
      { sessions: Array.from({ length: 1001 }, () => 's') },
      'sessions: must hold at most 1000 ids',
    ],
    ['relaySessions', { sessions: 's' }, 'sessions: Invalid input: expected array, received string'],
    ['relayBind', {}, 'session_id: Invalid input: expected string, received undefined'],
    ['relayBind', { session_id: '' }, 'session_id: must be 16 to 128 visible ASCII characters'],
    ['relayBind', { session_id: 'x'.repeat(15) }, 'session_id: must be 16 to 128 visible ASCII characters'],
    ['relayBind', { session_id: 'x'.repeat(129) }, 'session_id: must be 16 to 128 visible ASCII characters'],
    ['relayUnbind', { session_id: 'é'.repeat(16) }, 'session_id: must be 16 to 128 visible ASCII characters'],
    [
      'relayUnbind',
      { session_id: `${'s'.repeat(16)}\n` },
      'session_id: must be 16 to 128 visible ASCII characters',
    ],
    ['relayAuth', { astation_id: 1 }, 'astation_id: Invalid input: expected string, received number'],
    ['relayAck', { for: 'relayBind', ok: true }, 'not supported by this relay'],
    ['relayAuthResult', { status: 'verified' }, 'not supported by this relay'],
    ['relayFutureThing', {}, 'not supported by this relay'],
    [
      'relayBind',
      { atem_id: 'a', connection_id: 'c', payload: 1 },
      'session_id: Invalid input: expected string, received undefined',
    ],
  ])('%s %# is for the relay, but unusable', (type, rest, reason) => {
    expect(parseAstationFrame(JSON.stringify({ type, ...rest }))).toEqual({
      kind: 'bad-control',
      for: type,
      reason,
    });
  });

  test('1,000 ids are allowed', () => {
    const sessions = Array.from({ length: 1000 }, (_, i) => `s-${i}`);
    expect(parseAstationFrame(JSON.stringify({ type: 'relaySessions', sessions })).kind).toBe('control');
  });

  test('hands on the payload of an envelope as it was written', () => {
    const text = '{"connection_id":"c","payload": {"b":12345678901234567890,"a":1.0} ,"atem_id":"a"}';
    expect(parseAstationFrame(text)).toEqual({
      kind: 'envelope',
      atemId: 'a',
      connectionId: 'c',
      payload: '{"b":12345678901234567890,"a":1.0}',
    });
  });

  test.each([
    '{"type":"userCommand","data":{"n":12345678901234567890}}',
    ' {"b":1, "a":2} ',
    '{"type":"relayed"}',
    '{"type":5}',
    '{"payload":{"atem_id":"a"}}',
    '[{"atem_id":"a"}]',
    'null',
    '"x"',
    'hello',
    '',
  ])('%j is for every atem, byte for byte', (text) => {
    expect(parseAstationFrame(text)).toEqual({ kind: 'broadcast', text });
  });

  test.each([
    ['{"atem_id":"a","connection_id":"c"}', 'not an envelope'],
    ['{"atem_id":"a","payload":1}', 'not an envelope'],
    ['{"atem_id":"a","connection_id":null,"payload":1}', 'not an envelope'],
    ['{"atem_id":null,"payload":1}', 'not an envelope'],
    ['{"atem_id":5,"connection_id":"c","payload":1}', 'not an envelope'],
    ['{"\\u0061tem_id":"a"}', 'not an envelope'],
    [' {"atem_id":"a","connection_id":"c","payload":{}', 'not JSON'],
    [`{"atem_id":"a","payload":${'['.repeat(200)}${']'.repeat(200)}}`, 'too deep'],
  ])('%s could be for one atem and reaches none', (text, reason) => {
    expect(parseAstationFrame(text)).toEqual({ kind: 'dropped', reason });
  });

  test('never throws, and a broadcast frame has no atem_id', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.json(), fc.string(), fc.string({ unit: fc.constantFrom(...'{}[]":,\\a1 ') })),
        (text) => {
          const frame = parseAstationFrame(text);
          if (frame.kind === 'broadcast') expect(frame.text).toBe(text);
        },
      ),
    );
  });
});
