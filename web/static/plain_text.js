// Foreign text as a person should see it: without characters that nobody sees, and the Markdown of
// a passage without its signs.

const LINK = /!?\[([^\]\n]*)\]\((?=[^)\s]*[/.#:])(?:[^()\s]|\([^()\s]*\))*(?:\s+"[^"\n]*")?\)/g;
const BOLD = /\*\*(\S(?:[^*\n]*\S)?)\*\*/g;
const CODE = /`([^`\n]+)`/g;
const FENCE = /^[ \t]*```.*\n?/gm;
const TAG = /<\/?(?:a|b|br|center|div|em|i|img|p|small|span|strong|sub|sup|u)\b[^<>]*>/gi;
// Private use characters, which stand around the quote while the signs are taken away.
const START = "\ue000";
const END = "\ue001";
const HEADING = /^(\ue000?)#{1,6}[ \t]+/gm;

// Those of invisible_text.py: control characters, soft hyphens, zero-width and direction marks,
// fillers, variation selectors, tags. They hide words, or turn the order of those around them.
const INVISIBLE =
  /[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0e\ufeff\uffa0\ufff0-\ufffb\u{1d173}-\u{1d17a}\u{e0000}-\u{e0fff}]/gu;

/** What a reader sees of a text. */
export function visibleText(text) {
  return text.replace(INVISIBLE, "");
}

export function plainText(markdown) {
  // Twice: a badge is a link around an image.
  const unlinked = markdown.replace(LINK, "$1").replace(LINK, "$1");
  return unlinked.replace(FENCE, "").replace(BOLD, "$1").replace(CODE, "$1").replace(TAG, "").replace(HEADING, "$1");
}

/** `[before, quote, after]` of the passage as plain text; null if the quote is not in it. */
export function markQuote(markdown, quote) {
  const at = markdown.indexOf(quote);
  if (at < 0) return null;
  const end = at + quote.length;
  const marked = `${markdown.slice(0, at)}${START}${quote}${END}${markdown.slice(end)}`;
  const parts = plainText(marked).split(/[\ue000\ue001]/);
  // A quote that ends inside a link's address lost its sign with it.
  return parts.length === 3 ? parts : splitAround(plainText(markdown), plainText(quote));
}

function splitAround(text, words) {
  const at = text.indexOf(words);
  return at < 0 ? null : [text.slice(0, at), words, text.slice(at + words.length)];
}
