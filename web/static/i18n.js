// The page's words in the reader's language. The server puts them into the page (web/words/*.toml).

const WORDS = JSON.parse(document.getElementById("words").textContent);

/** `en` or `zh`: what the person chose, else the browser's language. */
export const language = document.documentElement.lang.startsWith("zh") ? "zh" : "en";

/** The words for a key, with `{name}` replaced by `values.name`. */
export function translate(key, values = {}) {
  const words = WORDS[key] ?? key;
  return words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** `translateCount(1, "oneResult", "resultCount")`: Chinese has no words of its own for one. */
export function translateCount(count, oneKey, manyKey) {
  return translate(count === 1 && hasWords(oneKey) ? oneKey : manyKey, { count });
}

/** Whether there are words for a key: those for an error's code may be missing. */
export function hasWords(key) {
  return Object.hasOwn(WORDS, key);
}

/** `{words, detail}` of a failure with `code` and `message`; `detail` is the server's, or empty. */
export function describeFailure({ code, message }) {
  const key = `error_${code}`;
  // About a search it speaks the question's language.
  if (language === "en" || !hasWords(key) || /[\u4e00-\u9fff]/.test(message)) return { words: message, detail: "" };
  return { words: translate(key), detail: message };
}

/** Why an engine or a page failed, in a few words. */
export function describeReason({ code, reason }) {
  const key = `reason_${code}`;
  return language === "en" || !hasWords(key) ? reason : translate(key);
}
