// What the person chose: for the server in cookies (language, theme), the rest in this browser.

const YEAR_S = 365 * 24 * 3600;
const PREFIX = "websearch-agent.";

/** `en`, `zh`, or an empty string for the browser's language. Shows from the next page on. */
export function chooseLanguage(language) {
  setCookie("ui_language", language);
}

export function chosenLanguage() {
  return readCookie("ui_language");
}

/** `light`, `dark`, or an empty string for the system's. */
export function chooseTheme(theme) {
  setCookie("ui_theme", theme);
  const root = document.documentElement;
  if (theme) root.dataset.theme = theme;
  else delete root.dataset.theme;
  document.querySelector('meta[name="color-scheme"]').content = theme || "light dark";
}

export function chosenTheme() {
  return readCookie("ui_theme");
}

/** How questions are asked unless one says otherwise: `search`, `mode`. A browser may forbid storage. */
export function readPreference(name) {
  try {
    return localStorage.getItem(PREFIX + name);
  } catch {
    return null;
  }
}

export function keepPreference(name, value) {
  try {
    localStorage.setItem(PREFIX + name, value);
  } catch {
    // It then lasts as long as the page.
  }
}

function setCookie(name, value) {
  const age = value ? YEAR_S : 0;
  document.cookie = `${name}=${value}; path=/; max-age=${age}; samesite=lax`;
}

function readCookie(name) {
  const pairs = document.cookie.split("; ").map((pair) => pair.split("="));
  return pairs.find(([found]) => found === name)?.[1] ?? "";
}
