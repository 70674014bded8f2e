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
  /** Those that answer some arguments of a tool. */
  readonly #instead: readonly Found[];

  constructor(router: AnyRouter) {
    const all = [...operationsOf(router)].flatMap(([call, operation]) =>
      (operation.mcp ?? []).map((tool): Found => ({ tool, operation, call })),
    );
    const isListed = ({ tool }: Found) => tool.answers === undefined;
    this.#found = new Map(all.filter(isListed).map((found) => [found.tool.name, found]));
    this.#instead = all.filter((found) => !isListed(found));
  }

  /** @returns the tools as `tools/list` shows them, which takes a few ms */
  list(): ListedTool[] {
    return [...this.#found.values()].map(({ tool }) => listed(tool));
  }

  #foundFor(name: string, args: unknown): Found | undefined {
    return (
      this.#instead.find(({ tool }) => tool.name === name && tool.answers?.(args)) ?? this.#found.get(name)
    );
  }

  /** @returns the name of the operation that a tool calls with these arguments; undefined for an unknown tool */
  callOf(name: string, args: unknown): string | undefined {
    return this.#foundFor(name, args)?.call;
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
    const found = this.#foundFor(name, args);
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
      return toToolResult(settleRefusal(thrown, call.request, this.callOf(name, args)));
    }
  }
}
