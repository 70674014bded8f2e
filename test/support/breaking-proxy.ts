import Fastify from 'fastify';

/** An answer in flight, which a test may break. */
export interface PassingAnswer {
  method: string;
  path: string;
  status: number;
  headers: Record<string, string>;
  // biome-ignore lint/suspicious/noExplicitAny: a test may break any part.
  body: any;
}

/** Headers of one connection, or of the original body. */
const NOT_PASSED_ON = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'date']);

/** Runs work against a proxy that forwards requests to a real server and breaks its answers. */
export async function withBreakingProxy<T>(
  target: string,
  breakIt: (answer: PassingAnswer) => void,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const app = Fastify({ forceCloseConnections: true });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, async (_request: unknown, body: string) => body);
  app.all('/*', async (request, reply) => {
    const { authorization, 'content-type': type } = request.headers;
    const response = await fetch(`${target}${request.url}`, {
      method: request.method,
      headers: { ...(authorization && { authorization }), ...(type && { 'content-type': type }) },
      ...(typeof request.body === 'string' && { body: request.body }),
    });
    const answer: PassingAnswer = {
      method: request.method,
      path: request.url.split('?')[0] ?? '',
      status: response.status,
      headers: Object.fromEntries([...response.headers].filter(([name]) => !NOT_PASSED_ON.has(name))),
      body: await response.json(),
    };
    breakIt(answer);
    return reply.code(answer.status).headers(answer.headers).send(JSON.stringify(answer.body));
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    return await work(url);
  } finally {
    await app.close();
  }
}
