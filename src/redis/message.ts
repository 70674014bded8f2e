import type { Delivery } from '../relay/delivery.ts';
import type { Effect } from '../relay/room-state.ts';

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

/** Does what a message says; one that is no message is ignored, as a newer server may send more. */
export function performMessage(message: string, delivery: Delivery): void {
  const space = message.indexOf(' ');
  const [ids, rest] = [message.slice(1, space), message.slice(space + 1)];
  if (message.startsWith('s')) {
    for (const id of ids.split(',')) delivery.deliver(id, rest);
  } else if (message.startsWith('c')) {
    const [, code, reason = ''] = /^(\d{4}) (.*)$/s.exec(rest) ?? [];
    if (code !== undefined) delivery.close(ids, Number(code), reason);
  }
}
