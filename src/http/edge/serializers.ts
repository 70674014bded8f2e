import { createRequire } from 'node:module';
import type build from 'fast-json-stringify';
import type { FastifyServerOptions } from 'fastify';
import { once } from '../../once.ts';

const require = createRequire(import.meta.url);

/** The package and the validator that it contains take 4 MB. */
const loadBuild = once(() => require('fast-json-stringify') as typeof build);

/**
 * Compiles the serializer of a route at its first answer, because most servers answer few of the routes. Operations
 * validate their inputs, so Fastify needs no validator.
 */
export const schemaController: NonNullable<FastifyServerOptions['schemaController']> = {
  compilersFactory: {
    buildSerializer: () => (route) => {
      const serializer = once(() => loadBuild()(route.schema as build.Schema));
      return (answer) => serializer()(answer);
    },
    buildValidator: () => () => {
      throw new Error('Operations validate their inputs; a route has a schema of its answers only.');
    },
  },
};
