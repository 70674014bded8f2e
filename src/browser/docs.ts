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

/** What `swagger-ui-bundle.js` defines before this module runs. */
declare const SwaggerUIBundle: (options: ViewerOptions) => unknown;

const dark = matchMedia('(prefers-color-scheme: dark)');
const followColorScheme = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
followColorScheme();
dark.addEventListener('change', followColorScheme);

/** The page may call its own origin alone, and the document may name another one in `servers`. */
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
