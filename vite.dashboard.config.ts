import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import react from '@vitejs/plugin-react';
import { defineConfig, type Plugin, type Rolldown } from 'vite';

/** What the first page may cost on the wire, compressed with gzip: HTML, styles and scripts together. */
const FIRST_LOAD_LIMIT = 200 * 1024;

const OUT_DIR = path.resolve(import.meta.dirname, 'dist/dashboard');

/** The files that a browser fetches before the sign-in form or the list of vaults is there. */
function listFirstLoad(bundle: Rolldown.OutputBundle): Set<string> {
  const files = new Set(['index.html']);
  const visit = (fileName: string): void => {
    const chunk = bundle[fileName];
    if (files.has(fileName) || chunk?.type !== 'chunk') return;
    files.add(fileName);
    for (const css of chunk.viteMetadata?.importedCss ?? []) files.add(css);
    chunk.imports.forEach(visit);
  };
  for (const chunk of Object.values(bundle)) {
    if (chunk.type === 'chunk' && chunk.isEntry) visit(chunk.fileName);
  }
  return files;
}

/** Lays a compressed copy beside each file, for the server to send, and fails above the limit of the first load. */
function compress(): Plugin {
  return {
    name: 'compress',
    async writeBundle(_options, bundle) {
      const firstLoad = listFirstLoad(bundle);
      let total = 0;
      for (const fileName of Object.keys(bundle).filter((name) => /\.(js|css|html|svg)$/.test(name))) {
        const file = path.join(OUT_DIR, fileName);
        const content = await readFile(file);
        const gzipped = gzipSync(content, { level: 9 });
        if (firstLoad.has(fileName)) total += gzipped.length;
        if (fileName.endsWith('.html')) continue;
        await writeFile(`${file}.gz`, gzipped);
        await writeFile(`${file}.br`, brotliCompressSync(content));
      }
      const size = `${(total / 1024).toFixed(1)} KB of ${FIRST_LOAD_LIMIT / 1024} KB`;
      if (total > FIRST_LOAD_LIMIT) {
        this.error(`The first load of the dashboard is too large: ${size}. Load what it adds with import().`);
      }
      this.info(`First load, compressed: ${size}`);
    },
  };
}

export default defineConfig({
  root: path.resolve(import.meta.dirname, 'src/dashboard'),
  // Relative, so that the dashboard also works where a proxy serves it under a path.
  base: './',
  publicDir: false,
  plugins: [react(), compress()],
  // For `npm run dev`. Vite serves the dashboard's own folder api/ at /api, so only some of that path goes to the server.
  server: {
    host: '127.0.0.1',
    strictPort: true,
    proxy: {
      '^/(trpc|health|docs|assets|api/(vault|openapi\\.json))(/|\\?|$)': {
        target: `http://127.0.0.1:${process.env.PORT ?? 3000}`,
        // The server takes the cookie from pages of its own host, so it must see the host of this page.
        changeOrigin: false,
      },
    },
  },
  build: {
    outDir: OUT_DIR,
    emptyOutDir: true,
    assetsDir: 'app',
    // A data: address would need a hole in the content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: ['chrome123', 'firefox120', 'safari17.5'],
    chunkSizeWarningLimit: 400,
  },
});
