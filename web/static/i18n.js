// The page's words in the reader's language. The server puts them into the page (web/words/*.toml).

const WORDS = JSON.parse(document.getElementById("words").textContent);

/** `en` or `zh`: what the person chose, else the browser's language. */
export const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** The words for a key, with `{name}` replaced by `values.name`. */
export function translate(key, values = {}) {
  const words = WORDS[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** `translateCount(1, "oneResult", "resultCount")` chooses between one and many. */
export function translateCount(count, oneKey, manyKey) {
  return translate(count === 1 ? oneKey : manyKey, { count });
}

/** Whether there are words for a key: those for an error's code may be missing. */
export function hasWords(key) {
  return Object.hasOwn(WORDS, key);
}
