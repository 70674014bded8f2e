import type { CallToolResult, Tool as ListedTool } from '@modelcontextprotocol/server';
import type { AnyRouter } from '@trpc/server';
import type { FastifyRequest } from 'fastify';
import { describeInvalidInput } from '../../api/invalid-input.ts';
import type { Operation, Tool, ToolAnswer } from '../../api/operation.ts';
import { operationsOf, resultOf } from '../../api/trpc.ts';
import { makeToolIo, type RequestContext } from '../context.ts';
import { schemaOfInput, schemaOfOutput } from './json-schema.ts';
import { settleRefusal, toToolResult } from './refusal.ts';

/** A tool with the operation that it calls. */
interface Found {
  tool: Tool;
  operation: Operation;
  /** Of the operation, such as `vault.readPage`. */
  call: string;
}

/** A request on MCP: how it came, and who sent it. */
export interface McpCall {
  request: FastifyRequest;
  context: RequestContext;
}

const listed = ({ name, title, description, input, output, ...tool }: Tool): ListedTool => ({
  name,
  title,
  description,
  inputSchema: schemaOfInput(input, tool.fields),
  outputSchema: schemaOfOutput(output),
  annotations: {
    readOnlyHint: tool.readOnly,
    idempotentHint: tool.idempotent,
    // Nothing in a vault is ever overwritten or deleted.
    destructiveHint: false,
    openWorldHint: false,
  },
});

/** The tools of all operations of a router. */
export class Tools {
  readonly #found: ReadonlyMap<string, Found>;

  constructor(router: AnyRouter) {
    const all = [...operationsOf(router)].flatMap(([call, operation]) =>
      (operation.mcp ?? []).map((tool): Found => ({ tool, operation, call })),
    );
    this.#found = new Map(all.map((found) => [found.tool.name, found]));
  }

  /** @returns the tools as `tools/list` shows them, which takes a few ms */
  list(): ListedTool[] {
    return [...this.#found.values()].map(({ tool }) => listed(tool));
  }

  /** @returns the name of the operation that a tool calls; undefined for an unknown tool */
  callOf(name: string): string | undefined {
    return this.#found.get(name)?.call;
  }

  /** Whether a tool waits on purpose. */
  waits(name: string | undefined): boolean {
    return name !== undefined && this.#found.get(name)?.tool.waits === true;
  }

  /**
   * Calls a tool.
   * @returns undefined for an unknown tool @throws RelayError as its operation, and `BAD_REQUEST` for refused arguments
   */
  async run(name: string, args: unknown, { context }: McpCall): Promise<ToolAnswer | undefined> {
    const found = this.#found.get(name);
    if (!found) return undefined;
    const { tool, operation } = found;
    const caller = await context.identify(operation.who);
    const { success, data, error } = tool.input.safeParse(args);
    if (!success) throw describeInvalidInput(error);
    const io = makeToolIo(context, tool.maxBytes?.(data));
    const answer = await operation.run(caller, tool.toInput(data), io);
    return tool.render(resultOf(operation, answer, io), data, answer);
  }

  /** Calls a tool. A refusal is a result too. @returns undefined for an unknown tool */
  async call(name: string, args: unknown, call: McpCall): Promise<CallToolResult | undefined> {
    try {
      const answer = await this.run(name, args, call);
      return (
        answer && { content: [{ type: 'text', text: answer.text }], structuredContent: answer.structured }
      );
    } catch (thrown) {
      return toToolResult(settleRefusal(thrown, call.request, this.callOf(name)));
    }
  }
}
