import { z } from 'zod';
import { accountAnswer, accountFrameInJson, accountFrameInText, accountFrameName } from './account-frames.ts';
import { membersOf, parseJson } from './frame-json.ts';

/** Close codes (RFC 6455, section 7.4.1, and the IANA registry that it defines). */
export const CLOSE = {
  /** Another socket replaced it, or its room was closed on request. */
  NORMAL: 1000,
  /** No proof, an expired pairing code or a removed key. */
  POLICY: 1008,
  /** A frame over {@link MAX_FRAME_BYTES}, or over {@link MAX_UNPROVED_FRAME_BYTES} before the proof. */
  TOO_BIG: 1009,
  /** The server is restarting; released Astations reconnect within two seconds. */
  RESTART: 1012,
  /** The server is overloaded; released Astations back off. */
  TRY_AGAIN: 1013,
} as const;

export const MAX_FRAME_BYTES = 1_048_576;
/** Size limit before the proof: for every frame of a pending socket, and for control frames of a legacy owner. */
export const MAX_UNPROVED_FRAME_BYTES = 4096;
export const PING_INTERVAL_MS = 60_000;
/** A socket that sends nothing for this long is closed. */
export const IDLE_TIMEOUT_MS = 90_000;
/** Time for an Astation to answer its challenge. */
export const CHALLENGE_LIFETIME_MS = 10_000;
/** Time for a pending socket to prove its key, even if newer sockets have displaced it. */
export const PROOF_GRACE_MS = 2000;
/** Close reason of a pending socket that newer sockets have displaced. */
export const DISPLACED = 'newer connections wait to prove this key; connect again';
export const MAX_RELAY_SESSIONS = 1000;

/** A session id in a control frame (contract, section 4). */
const SessionId = z.string().regex(/^[\x21-\x7e]{16,128}$/, 'must be 16 to 128 visible ASCII characters');

/** Whether an element of `relaySessions` is a valid session id. */
export const isSessionId = (element: unknown): element is string => SessionId.safeParse(element).success;

/** Astation → relay: proof of its key. `verifyAstationProof` validates the contents of the fields. */
export const RelayAuth = z.object({
  type: z.literal('relayAuth'),
  astation_id: z.string().max(1024),
  public_key: z.string().max(1024),
  signature: z.string().max(1024),
});

/** Astation → relay: replaces its bindings by this set. The relay skips elements that {@link isSessionId} refuses. */
export const RelaySessions = z.object({
  type: z.literal('relaySessions'),
  sessions: z.array(z.unknown()).max(MAX_RELAY_SESSIONS, `must hold at most ${MAX_RELAY_SESSIONS} ids`),
});
export const RelayBind = z.object({ type: z.literal('relayBind'), session_id: SessionId });
export const RelayUnbind = z.object({ type: z.literal('relayUnbind'), session_id: SessionId });

/** Every request that an Astation can send to the relay itself. */
export const ControlFrame = z.discriminatedUnion('type', [RelayAuth, RelaySessions, RelayBind, RelayUnbind]);
export type ControlFrame = z.output<typeof ControlFrame>;

/** relay → Astation, the first frame on its socket. */
export const RelayAuthChallenge = z.object({
  type: z.literal('relayAuthChallenge'),
  protocol: z.literal('relay-auth-1'),
  challenge: z.string().regex(/^[0-9a-f]{64}$/),
});
/** relay → Astation, the answer to `relayAuth`. */
export const RelayAuthResult = z.object({
  type: z.literal('relayAuthResult'),
  status: z.enum(['registered', 'verified', 'rejected']),
  message: z.string(),
});
/**
 * relay → Astation, the answer to every other control frame. `skipped` counts the elements of a set that were not bound:
 * invalid ids, and sessions that are pending, have ended or are bound to another Astation.
 */
export const RelayAck = z.object({
  type: z.literal('relayAck'),
  for: z.string(),
  ok: z.boolean(),
  skipped: z.int().min(0).optional(),
  message: z.string().optional(),
});
/** relay → Astation: an atem connected or disconnected. */
export const RelayEvent = z.object({
  atem_id: z.string(),
  connection_id: z.string(),
  relay_event: z.enum(['connected', 'disconnected']),
});
/**
 * A frame between an Astation and one socket of one atem, in either direction. Astations ignore a `connection_id` that
 * is not a UUID.
 */
export const Envelope = z.object({ atem_id: z.string(), connection_id: z.string(), payload: z.unknown() });
/** relay → atem: a vault was written to. The frame never carries content. */
export const VaultUpdated = z.object({
  type: z.literal('vault-updated'),
  data: z.object({ vault_id: z.string(), seq: z.int().min(1) }),
});

/** A text frame of an Astation, parsed. */
export type AstationFrame =
  | { kind: 'control'; frame: ControlFrame }
  /** Meant for the relay, but invalid; `for` is the type to name in the refusal. */
  | { kind: 'bad-control'; for: string; reason: string }
  /** `payload` is the JSON text exactly as the Astation wrote it. */
  | { kind: 'envelope'; atemId: string; connectionId: string; payload: string }
  | { kind: 'broadcast'; text: string }
  /** Sent to no atem, because it may have been meant for only one. */
  | { kind: 'dropped'; reason: string };

/**
 * Parses an Astation's text frame. Never throws.
 *
 * A frame whose `type` starts with `relay…` is for the relay and never reaches an atem. That includes the four known
 * requests, echoes of the relay's own frames, and requests that newer Astations send to other relays. A frame that hides an
 * account request does not reach an atem either. A frame without `atem_id` is broadcast to every atem, byte for byte.
 * A malformed or too deeply nested JSON object is dropped, because it may have been for one atem.
 */
export function parseAstationFrame(text: string): AstationFrame {
  const parsed = parseJson(text);
  if (!parsed.ok) {
    return parsed.reason === 'too deep' || text.trimStart().startsWith('{')
      ? { kind: 'dropped', reason: parsed.reason }
      : unlessAccount(accountFrameInText(text), { kind: 'broadcast', text });
  }
  const { value } = parsed;
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const type = isObject && 'type' in value ? value.type : undefined;
  if (isObject && typeof type === 'string' && /^relay[A-Z]/.test(type)) return readControl(type, value);
  return unlessAccount(
    accountFrameInJson(text),
    isObject ? readForAtems(text, value) : { kind: 'broadcast', text },
  );
}

function readForAtems(text: string, value: object): AstationFrame {
  if (!('atem_id' in value)) return { kind: 'broadcast', text };
  const envelope = Envelope.safeParse(value);
  const payload = membersOf(text).get('payload');
  if (!envelope.success || payload === undefined) return { kind: 'dropped', reason: 'not an envelope' };
  return {
    kind: 'envelope',
    atemId: envelope.data.atem_id,
    connectionId: envelope.data.connection_id,
    payload,
  };
}

const unlessAccount = (type: string | undefined, frame: AstationFrame): AstationFrame =>
  type === undefined ? frame : unsupported(type);

function unsupported(type: string): AstationFrame {
  const reason = accountAnswer(type) ?? 'not supported by this relay';
  return { kind: 'bad-control', for: type.slice(0, 64), reason };
}

function readControl(type: string, value: object): AstationFrame {
  const known = ControlFrame.options.some((option) => option.shape.type.value === type);
  if (!known) return unsupported(accountFrameName(type) ?? type);
  const frame = ControlFrame.safeParse(value);
  if (frame.success) return { kind: 'control', frame: frame.data };
  const [issue] = frame.error.issues;
  const field = String(issue?.path[0] ?? 'frame');
  return { kind: 'bad-control', for: type, reason: `${field}: ${issue?.message ?? 'invalid'}` };
}

/** The challenge, the first frame on an Astation's socket. @param challenge 64 lower-case hex digits */
export function challengeFrame(challenge: string): string {
  return write<typeof RelayAuthChallenge>({
    type: 'relayAuthChallenge',
    protocol: 'relay-auth-1',
    challenge,
  });
}

/** The answer to `relayAuth`. @param message one sentence for a person */
export function authResultFrame(status: z.output<typeof RelayAuthResult>['status'], message: string): string {
  return write<typeof RelayAuthResult>({ type: 'relayAuthResult', status, message });
}

/** The answer to a control frame other than `relayAuth`. Omits undefined fields. */
export function ackFrame(ack: Omit<z.output<typeof RelayAck>, 'type'>): string {
  return write<typeof RelayAck>({ type: 'relayAck', ...ack });
}

/** Notifies an Astation that an atem's socket connected or disconnected. */
export function relayEventFrame(event: z.output<typeof RelayEvent>): string {
  return write<typeof RelayEvent>(event);
}

/** Notifies an atem of the newest `seq` of a vault. */
export function vaultUpdatedFrame(data: z.output<typeof VaultUpdated>['data']): string {
  return write<typeof VaultUpdated>({ type: 'vault-updated', data });
}

/**
 * Wraps an atem's frame for its Astation. JSON is embedded as the atem wrote it. Text that is not JSON, or is nested too
 * deeply, is embedded as a JSON string.
 * @param from the atem's id and the id of its socket
 */
export function envelopeFrame(from: { atemId: string; connectionId: string }, text: string): string {
  const payload = parseJson(text).ok ? text : JSON.stringify(text);
  const head = `"atem_id":${JSON.stringify(from.atemId)},"connection_id":${JSON.stringify(from.connectionId)}`;
  return `{${head},"payload":${payload}}`;
}

function write<Schema extends z.ZodType>(frame: z.output<Schema>): string {
  return JSON.stringify(frame);
}
