// Small helpers to build elements. Everything foreign goes in as text.

import { visibleText } from "./plain_text.js";

/**
 * Make an element: `element("a", {class: "x", text: "y", href: "/"}, child, …)`.
 *
 * Its `text` loses the characters that nobody sees. An address must come from `safeAddress`.
 */
export function element(tag, options = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "text") made.textContent = visibleText(String(value));
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

/** A message of the server as nodes: what stands in `backticks` becomes <code>. */
export function splitCode(message) {
  const pieces = message.split(/`([^`]+)`/);
  return pieces.map((text, index) => (index % 2 ? element("code", { text }) : visibleText(text)));
}

// Tags and attributes of the server's HTML, as server/safe_html.py lets them through.
const PLAIN = "blockquote br code del em h1 h2 h3 h4 h5 h6 hr li p s strong table tbody thead tr ul";
const ALLOWED = new Map(PLAIN.split(" ").map((tag) => [tag, []]));
ALLOWED.set("a", ["class", "href", "target", "rel", "data-source"]);
ALLOWED.set("ol", ["start"]);
ALLOWED.set("pre", ["data-language"]);
ALLOWED.set("span", ["class", "data-start", "data-support"]);
for (const tag of ["td", "th"]) ALLOWED.set(tag, ["class"]);

// Of MathML what draws a formula, and nothing that holds something else: no annotation-xml, no
// mglyph, no maction, no links. Its values are words and short lengths.
const FORMULA = `accent accentunder display displaystyle fence form largeop linethickness lspace
  mathvariant maxsize minsize movablelimits notation rspace scriptlevel stretchy symmetric
  width`.split(/\s+/);
const MATHS = new Map(`math menclose mfrac mi mmultiscripts mn mo mover mpadded mprescripts mroot mrow
  mspace msqrt mstyle msub msubsup msup mtable mtext mtr munder munderover`
  .split(/\s+/).map((tag) => [tag, FORMULA]));
MATHS.set("mtd", ["class"]);
const MATHS_VALUE = /^(?:[a-z]{1,20}|-?0?\.\d{1,9}em|\d(?:\.\d{1,9})?(?:em|pt)?|100%)$/;
const CLASS = /^(?:citation|source-link|statement(?:-end)?|align-(?:left|center|right)|hl-[a-z]+)$/;

const XHTML = "http://www.w3.org/1999/xhtml";
const MATHML = "http://www.w3.org/1998/Math/MathML";

// The page's CSP lets no other string become markup. Older browsers have no Trusted Types.
const serverHtml = globalThis.trustedTypes?.createPolicy("server-html", { createHTML: (html) => html });

/**
 * Show HTML that our own server rendered. The only place where a string becomes markup.
 *
 * The second belt behind nh3: what is not of the list goes while the content is still inert, so
 * that it neither loads nor runs. A policy has only a string, and could read it otherwise.
 */
export function showServerHtml(container, html) {
  const template = document.createElement("template");
  template.innerHTML = serverHtml ? serverHtml.createHTML(html) : html;
  for (const found of template.content.querySelectorAll("*")) keepAllowed(found);
  container.replaceChildren(template.content);
}

/** Leave of an element what the list allows; of one that is not on it, its words. */
function keepAllowed(found) {
  const allowed = allowedAttributes(found);
  if (!allowed) {
    found.replaceWith(found.textContent);
    return;
  }
  for (const { name, value } of [...found.attributes]) {
    if (!allowed.includes(name) || isRefused(found, name, value)) found.removeAttribute(name);
  }
}

/** The attributes that the element may have; nothing if it may not be where it is. */
function allowedAttributes(found) {
  if (found.namespaceURI === MATHML) return MATHS.get(found.localName);
  // HTML inside of formulas is what parsers disagree about, and the server makes none.
  return found.namespaceURI === XHTML && !found.closest("math") && ALLOWED.get(found.localName);
}

function isRefused(found, name, value) {
  if (name === "class") return !CLASS.test(value);
  if (name === "href") return !value.startsWith("#") && safeAddress(value) === null;
  return found.namespaceURI === MATHML && !MATHS_VALUE.test(value);
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

/**
 * The host of an address without `www.`, or the address itself if it has none.
 *
 * The host is shown as it is on the wire (`xn--…`): in a script of its own a name can look like
 * another one's.
 */
export function siteOf(url) {
  try {
    return new URL(url).host.replace(/^www\./, "") || url;
  } catch {
    return url;
  }
}

/**
 * The address if it leads over HTTP to the host that a reader sees in it, else null.
 *
 * Not so with user-info (`https://bank.example@other.example`), a backslash (a slash to browsers),
 * and what browsers leave out: line breaks, tabs, invisible characters.
 */
export function webAddress(url) {
  if (!/^https?:\/\/[^\s\\]+$/i.test(url) || visibleText(url) !== url) return null;
  try {
    const { href, username, password } = new URL(url);
    return username || password ? null : href;
  } catch {
    return null;
  }
}

/** The address of a link of ours: of the web, or our view of a document; null for any other. */
export function safeAddress(link) {
  if (!link) return null;
  const isDocument = link.startsWith("/documents/") && !/[\s\\]/.test(link);
  return isDocument ? link : webAddress(link);
}

/** An address to read: its host as it is on the wire. */
export function readableAddress(url) {
  return webAddress(url) ?? url;
}
