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
 * An atem's frame goes to the room's owner in an envelope. Without an owner, or from a replaced socket, it is
 * lost.
 */
export function routeFromAtem(room: Room | undefined, frame: AtemFrame): Send[] {
  if (!room?.owner || room.atems.get(frame.atemId) !== frame.connectionId) return [];
  return [send(room.owner.connectionId, envelopeFrame(frame, frame.text))];
}

/**
 * The owner's frame goes to the one socket its envelope names, if that is still the atem's, or to every atem.
 * Frames of anyone else are lost, and so are those for the relay itself: they are the caller's to answer.
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
