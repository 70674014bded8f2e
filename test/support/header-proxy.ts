import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

/** Runs work with a proxy that adds headers to each request, for a client that cannot send them. */
export async function withHeaders<T>(
  target: string,
  headers: Record<string, string>,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const proxy = createServer((from, to) => {
    const { method, url } = from;
    const passed = request(new URL(url ?? '/', target), {
      method,
      setHost: false,
      headers: { ...from.headers, ...headers },
    });
    passed.on('response', (answer) => {
      to.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(to);
    });
    passed.on('error', () => to.destroy());
    from.pipe(passed);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  try {
    return await work(`http://localhost:${(proxy.address() as AddressInfo).port}`);
  } finally {
    proxy.closeAllConnections();
    await new Promise((resolve) => proxy.close(resolve));
  }
}
