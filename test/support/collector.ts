import Fastify from 'fastify';

/** One span as a collector gets it by OTLP over HTTP, its attributes flattened. */
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

/** What a collector has been sent. */
export interface Collector {
  endpoint: string;
  spans: CollectedSpan[];
  /** Attributes of whatever sent it. */
  resource: Record<string, string | number>;
  /** Everything as it came. */
  text: string;
}

/** Runs work beside a collector of traces. */
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
