import Fastify from 'fastify';

/** One span that a collector received by OTLP over HTTP, with flattened attributes. */
export interface CollectedSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, string | number>;
  /** 2: the span failed. */
  status: number | undefined;
}

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: number | string; doubleValue?: number };
}

interface Export {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: {
      spans: (Omit<CollectedSpan, 'attributes' | 'status'> & {
        attributes: Attribute[];
        status?: { code?: number };
      })[];
    }[];
  }[];
}

const flatten = (attributes: Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => [
      key,
      value.stringValue ?? Number(value.intValue ?? value.doubleValue),
    ]),
  );

/** The data that a collector received. */
export interface Collector {
  endpoint: string;
  spans: CollectedSpan[];
  /** Attributes of the sender. */
  resource: Record<string, string | number>;
  /** The raw data. */
  text: string;
}

/** Runs work while a collector of traces is running. */
export async function withCollector<T>(work: (collector: Collector) => Promise<T>): Promise<T> {
  const collector: Collector = { endpoint: '', spans: [], resource: {}, text: '' };
  const app = Fastify({ forceCloseConnections: true });
  app.post('/v1/traces', async (request) => {
    collector.text += JSON.stringify(request.body);
    for (const { resource, scopeSpans } of (request.body as Export).resourceSpans) {
      collector.resource = flatten(resource.attributes);
      for (const { attributes, status, ...span } of scopeSpans.flatMap((scope) => scope.spans)) {
        collector.spans.push({ ...span, attributes: flatten(attributes), status: status?.code });
      }
    }
    return {};
  });
  collector.endpoint = await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    return await work(collector);
  } finally {
    await app.close();
  }
}
