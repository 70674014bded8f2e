import { type AstationFrame, envelopeFrame } from '../frames/protocol.ts';
import { send } from './room.ts';
import type { Room, Send } from './state.ts';

/** A text frame and the socket it came from. */
export interface AtemFrame {
  atemId: string;
  connectionId: string;
  text: string;
}

/**
 * Routes an atem's frame to the room's owner in an envelope. The frame is dropped if the room has no owner or the socket
 * was replaced.
 */
export function routeFromAtem(room: Room | undefined, frame: AtemFrame): Send[] {
  if (!room?.owner || room.atems.get(frame.atemId) !== frame.connectionId) return [];
  return [send(room.owner.connectionId, envelopeFrame(frame, frame.text))];
}

/**
 * Routes an owner's frame to the socket that its envelope names, if that is still the atem's socket, or to every atem.
 * Frames of other sockets are dropped. So are control frames, because the caller answers them.
 */
export function routeFromAstation(
  room: Room | undefined,
  from: { connectionId: string; frame: AstationFrame },
): Send[] {
  const { frame } = from;
  if (room?.owner?.connectionId !== from.connectionId) return [];
  if (frame.kind === 'broadcast') return toEveryAtem(room, frame.text);
  if (frame.kind !== 'envelope' || room.atems.get(frame.atemId) !== frame.connectionId) return [];
  return [send(frame.connectionId, frame.payload)];
}

function toEveryAtem(room: Room, text: string): Send[] {
  return [...room.atems.values()].map((connectionId) => send(connectionId, text));
}
