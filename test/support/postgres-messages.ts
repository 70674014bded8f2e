/** Start-up messages have no type byte; the last of them names the protocol's version 3.0. */
const PROTOCOL_3 = 196_608;

/**
 * Reads the messages that a client sends to PostgreSQL, over TCP without TLS.
 * @param onMessage gets the type of each message after the start-up, such as `Q` for a simple query
 * @returns a function that takes the stream chunk by chunk
 */
export function makeMessageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let started = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const header = started ? 1 : 0;
      if (rest.length < header + 4) return;
      const end = header + rest.readUInt32BE(header);
      if (rest.length < end) return;
      if (started) onMessage(rest.toString('latin1', 0, 1));
      else started = rest.readUInt32BE(4) === PROTOCOL_3;
      rest = rest.subarray(end);
    }
  };
}
