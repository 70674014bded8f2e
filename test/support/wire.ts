import { once } from 'node:events';
import { connect } from 'node:net';

/** An answer on the wire. */
export interface WireAnswer {
  status: number;
  /** Names in lower case. */
  headers: Map<string, string>;
  body: string;
}

function joinChunks(text: string): string {
  const end = text.indexOf('\r\n');
  const length = Number.parseInt(text.slice(0, end), 16);
  return length > 0 ? text.slice(end + 2, end + 2 + length) + joinChunks(text.slice(end + 4 + length)) : '';
}

/** @throws Error for an invalid answer */
export function readAnswer(text: string): WireAnswer {
  // Removes interim answers, such as 100 Continue.
  const [head = '', ...rest] = text.replace(/^HTTP\/1\.1 1\d\d .*\r\n\r\n/, '').split('\r\n\r\n');
  const [line = '', ...fields] = head.split('\r\n');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(line)?.[1]);
  if (!(status > 0)) throw new Error(`This is no answer: ${JSON.stringify(text.slice(0, 200))}`);
  const headers = new Map(
    fields.map((field) => {
      const colon = field.indexOf(':');
      return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()];
    }),
  );
  const body = rest.join('\r\n\r\n');
  return { status, headers, body: headers.get('transfer-encoding') === 'chunked' ? joinChunks(body) : body };
}

/**
 * Sends the bytes of the head unchanged, and waits until the server closes the connection.
 * @param lines in Latin-1; one of them must request the close, unless the server closes by itself
 */
export async function sendLines(url: string, lines: string[], body = ''): Promise<WireAnswer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname.replace(/^\[|\]$/g, ''));
  let text = '';
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
  });
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`, 'latin1'));
  await once(socket, 'close');
  return readAnswer(text);
}
