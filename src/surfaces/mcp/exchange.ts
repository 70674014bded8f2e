import type { JSONRPCResultResponse, Transport } from '@modelcontextprotocol/server';

/** What answers an exchange: its result, or what the protocol's server made of anything else. */
export type Outcome = JSONRPCResultResponse | Response;

/**
 * Serves an exchange and takes its result from the transport of its server. The transport would make a `Response` of the
 * result, with a stream, and close the server with an error that nobody gets, which takes most of the time. The transport
 * still answers errors, because it knows their status. The server keeps nothing, so it is dropped and not closed.
 * @param begin hands the message to the transport
 */
export function exchange(transport: Transport, begin: () => Promise<Response>): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const send = transport.send.bind(transport);
    transport.send = async (message, options) =>
      'result' in message ? resolve(message) : send(message, options);
    begin().then(resolve, reject);
  });
}
