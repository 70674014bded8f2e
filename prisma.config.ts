import { defineConfig } from 'prisma/config';

// Generating the client needs no schema engine, yet the CLI downloads one unless this names an
// existing file. Any file will do, and installing then works behind a firewall.
process.env.PRISMA_SCHEMA_ENGINE_BINARY ??= import.meta.filename;

export default defineConfig({ schema: 'prisma/schema.prisma' });
