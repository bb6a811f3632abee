// Shows the documentation. Everything comes from this server: no fonts, no proxy, no measuring.
"use strict";

Scalar.createApiReference("#reference", {
  url: "openapi.json",
  theme: "none",
  layout: "modern",
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
  persistAuth: false,
  defaultOpenAllTags: false,
  documentDownloadType: "json",
  hiddenClients: true,
  metaData: { title: "API · Parlour" },
  authentication: { preferredSecurityScheme: "bearer" },
});
