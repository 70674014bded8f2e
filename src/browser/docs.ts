interface ViewerRequest {
  url: string;
}

interface ViewerOptions {
  url: string;
  dom_id: string;
  deepLinking: boolean;
  tryItOutEnabled: boolean;
  requestInterceptor: (request: ViewerRequest) => ViewerRequest;
}

/** Defined by `swagger-ui-bundle.js`, which runs before this module. */
declare const SwaggerUIBundle: (options: ViewerOptions) => unknown;

const dark = matchMedia('(prefers-color-scheme: dark)');
const followColorScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
followColorScheme();
dark.addEventListener('change', followColorScheme);

/** Redirects requests to the page's own origin, because `servers` in the document may name another that the page may not call. */
function stayHere(request: ViewerRequest): ViewerRequest {
  const { pathname, search } = new URL(request.url, location.href);
  return { ...request, url: `${location.origin}${pathname}${search}` };
}

SwaggerUIBundle({
  url: '/api/openapi.json',
  dom_id: '#docs',
  deepLinking: true,
  tryItOutEnabled: true,
  requestInterceptor: stayHere,
});

export {};
