import type { Delivery } from '../relay/delivery.ts';
import type { Effect } from '../relay/rooms/state.ts';

/*
 * Messages for the sockets of one replica:
 *   s<connection id>,<connection id>… <frame>
 *   c<connection id> <code> <reason>
 */

/** A frame for a socket. The scripts write the same, to several sockets at once. */
export const sendMessage = (connectionId: string, text: string): string => `s${connectionId} ${text}`;

/** The end of a socket. */
export const closeMessage = ({ connectionId, code, reason }: Extract<Effect, { type: 'close' }>): string =>
  `c${connectionId} ${code} ${reason}`;

/** Codes that a server may close a socket with, and a reason. */
const CLOSING = /^(100[0-37-9]|101[0-4]|[34]\d{3}) (.*)$/s;
/** UTF-8 bytes of a reason that fit into the frame that closes a socket. */
const MAX_REASON_BYTES = 123;

/** Does what a message says. @returns false where this version does not understand it, since a newer server may send more */
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
