import type { Delivery } from '../relay/delivery.ts';
import type { Effect } from '../relay/rooms/state.ts';

/*
 * Messages for the sockets of one replica:
 *   s<connection id>,<connection id>… <frame>
 *   c<connection id> <code> <reason>
 */

/** The message that sends a frame to a socket. The Lua scripts write the same format with several ids. */
export const sendMessage = (connectionId: string, text: string): string => `s${connectionId} ${text}`;

/** The message that closes a socket. */
export const closeMessage = ({ connectionId, code, reason }: Extract<Effect, { type: 'close' }>): string =>
  `c${connectionId} ${code} ${reason}`;

/** A close code that a server may send, and a reason. */
const CLOSING = /^(100[0-37-9]|101[0-4]|[34]\d{3}) (.*)$/s;
/** Maximum UTF-8 bytes of the reason in a close frame. */
const MAX_REASON_BYTES = 123;

/** Carries out a message. @returns false if this version does not understand it, because a newer replica sent it */
export function performMessage(message: string, delivery: Delivery): boolean {
  const space = message.indexOf(' ');
  if (space < 0) return false;
  const [ids, rest] = [message.slice(1, space), message.slice(space + 1)];
  if (message.startsWith('s')) {
    delivery.deliver(ids.split(','), rest);
    return true;
  }
  const [, code, reason = ''] = message.startsWith('c') ? (CLOSING.exec(rest) ?? []) : [];
  if (code === undefined) return false;
  delivery.close(ids, Number(code), Buffer.byteLength(reason) > MAX_REASON_BYTES ? '' : reason);
  return true;
}
