// Markdown of a passage as text to read: its words without the signs around them.

const LINK = /!?\[([^\]\n]*)\]\((?=[^)\s]*[/.#:])(?:[^()\s]|\([^()\s]*\))*(?:\s+"[^"\n]*")?\)/g;
const BOLD = /\*\*(\S(?:[^*\n]*\S)?)\*\*/g;
const TAG = /<\/?(?:a|b|br|center|div|em|i|img|p|small|span|strong|sub|sup|u)\b[^<>]*>/gi;
// Private use characters, which stand around the quote while the signs are taken away.
const START = "\ue000";
const END = "\ue001";
const HEADING = /^(\ue000?)#{1,6}[ \t]+/gm;

export function plainText(markdown) {
  // Twice: a badge is a link around an image.
  const unlinked = markdown.replace(LINK, "$1").replace(LINK, "$1");
  return unlinked.replace(BOLD, "$1").replace(TAG, "").replace(HEADING, "$1");
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
