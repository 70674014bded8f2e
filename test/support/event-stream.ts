import { Inbox } from './inbox.ts';

/** A subscription over Server-Sent Events, as a client without any library sees it. */
export class EventStream {
  readonly #data = new Inbox<unknown>();
  readonly #abort = new AbortController();

  /** @throws Error when it is refused */
  static async open(url: string, headers: Record<string, string>): Promise<EventStream> {
    const stream = new EventStream();
    const response = await fetch(url, {
      headers: { ...headers, accept: 'text/event-stream' },
      signal: stream.#abort.signal,
    });
    if (!response.ok || !response.body) throw new Error(`${url} was refused with ${response.status}`);
    void stream.#read(response.body.pipeThrough(new TextDecoderStream()));
    return stream;
  }

  /** The data of the next message that has an id. */
  next(what: string, ms?: number): Promise<unknown> {
    return this.#data.next(what, ms);
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(chunks: ReadableStream<string>): Promise<void> {
    let text = '';
    try {
      for await (const chunk of chunks) {
        const events = (text + chunk).split('\n\n');
        text = events.pop() ?? '';
        for (const event of events) this.#take(event.split('\n'));
      }
      this.#data.end('the stream has ended');
    } catch (error) {
      this.#data.end(`the stream was broken: ${(error as Error).message}`);
    }
  }

  #take(lines: string[]): void {
    const data = lines.find((line) => line.startsWith('data:'));
    if (data && lines.some((line) => line.startsWith('id:'))) this.#data.put(JSON.parse(data.slice(5)));
  }
}
