// Small helpers to build elements. Everything foreign goes in as text.

/** Make an element: `element("a", {class: "x", text: "y", href: "/"}, child, …)`. */
export function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A message of the server as nodes: what stands in `backticks` becomes <code>. */
export function splitCode(message) {
  const pieces = message.split(/`([^`]+)`/);
  return pieces.map((text, index) => (index % 2 ? element("code", { text }) : text));
}

/**
 * Show HTML that our own server rendered. The only place where a string becomes markup.
 *
 * Safe because the server makes it from Markdown with raw HTML off, cleans it with nh3 down to
 * a short list of tags without any that load or run something, and the page's CSP forbids
 * scripts that are not our files. A template's content stays inert until it is inserted.
 */
export function showServerHtml(container, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  container.replaceChildren(template.content);
}

/** An icon out of one path on a 24 × 24 grid. */
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
  drawn.setAttribute("d", path);
  svg.append(drawn);
  return svg;
}

/** The host of an address without `www.`, or the address itself if it has none. */
export function siteOf(url) {
  try {
    return new URL(url).host.replace(/^www\./, "") || url;
  } catch {
    return url;
  }
}

export function isWebAddress(url) {
  return /^https?:\/\//i.test(url);
}
