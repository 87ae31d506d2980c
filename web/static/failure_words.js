// What went wrong, in the reader's language. Most of the server's own words are English.

import { hasWords, language, translate } from "./i18n.js";

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
