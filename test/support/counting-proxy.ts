import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and PostgreSQL, and counts. */
export interface CountingProxy {
  /** The URL it was made for, leading through the proxy. */
  url: string;
  /** Round trips since the last call: how often a client said "answer now" (Sync or a simple query). */
  takeRoundTrips(): number;
  close(): Promise<void>;
}

/** Start-up messages have no type byte; the last of them names the protocol's version 3.0. */
const PROTOCOL_3 = 196_608;

/** Reads the frontend's messages out of a stream and reports the type of each after the start-up. */
function makeMessageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
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

/** @param url of a PostgreSQL reached over TCP without TLS */
export async function startCountingProxy(url: string): Promise<CountingProxy> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  let roundTrips = 0;
  const server = createServer((client) => {
    const upstream = connect(Number(target.port || 5432), target.hostname);
    const read = makeMessageReader((type) => {
      if (type === 'S' || type === 'Q') roundTrips++;
    });
    client.on('data', read).pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as { port: number }).port);
  return {
    url: through.href,
    takeRoundTrips: () => {
      const taken = roundTrips;
      roundTrips = 0;
      return taken;
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
