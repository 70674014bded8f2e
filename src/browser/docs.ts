interface ViewerOptions {
  url: string;
  dom_id: string;
  deepLinking: boolean;
  tryItOutEnabled: boolean;
}

/** What `swagger-ui-bundle.js` defines before this module runs. */
declare const SwaggerUIBundle: (options: ViewerOptions) => unknown;

SwaggerUIBundle({ url: '/api/openapi.json', dom_id: '#docs', deepLinking: true, tryItOutEnabled: true });

export {};
