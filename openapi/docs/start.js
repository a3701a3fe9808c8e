"use strict";

const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
dark.addEventListener("change", follow);
follow();

// What Swagger UI leaves out for people who read or use the page without eyes or a mouse. It draws parts anew at any time.
const mend = () => {
  const page = document.getElementById("swagger-ui");
  // Its headings leave out the second level.
  for (const heading of page.querySelectorAll("h3, h4, h5")) heading.setAttribute("aria-level", heading.tagName[1] - 1);
  // A link within the button that does the same.
  for (const link of page.querySelectorAll("button a[href]")) link.removeAttribute("href");
  for (const wide of page.querySelectorAll("pre, .responses-inner, .opblock-section")) {
    if (wide.scrollWidth > wide.clientWidth || wide.scrollHeight > wide.clientHeight) wide.tabIndex = 0;
  }
  const about = page.querySelector(".information-container");
  if (about) Object.assign(about, { role: "region", ariaLabel: "About this API" });
  for (const body of page.querySelectorAll("textarea.body-param__text")) body.ariaLabel = "Request body";
};

// Everything comes from this server: no validator badge, no addresses outside, and the API key is kept in this page
// only (persistAuthorization would write it to the browser's storage).
window.addEventListener("load", () => {
  let waits = false;
  new MutationObserver(() => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => { waits = false; mend(); });
  }).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
  window.ui = SwaggerUIBundle({
    url: "/openapi.yaml",
    dom_id: "#swagger-ui",
    deepLinking: true,
    validatorUrl: null,
    persistAuthorization: false,
    docExpansion: "list",
    defaultModelsExpandDepth: 0,
    presets: [SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
  });
});
