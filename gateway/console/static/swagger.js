// Starts Swagger UI on the document that the page names. Swagger UI is a package of its own.

const place = document.getElementById("swagger");

SwaggerUIBundle({
  domNode: place,
  url: new URL(place.dataset.document, document.baseURI).href,
  // Without this it would send the document's URL to validator.swagger.io.
  validatorUrl: null,
  // A reader of a large document opens the few operations that it needs.
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  deepLinking: true,
});
