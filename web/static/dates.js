// Dates in the reader's language and time zone.

import { language, translate } from "./i18n.js";

const DAY_MS = 24 * 3600 * 1000;

// Of the browser's own languages the one that the page speaks: dates differ between countries.
const locale = navigator.languages.find((one) => one.startsWith(language)) ?? document.documentElement.lang;
const monthAndYear = new Intl.DateTimeFormat(locale, { month: "long", year: "numeric" });
const dayAndTime = new Intl.DateTimeFormat(locale, { dateStyle: "long", timeStyle: "short" });
const day = new Intl.DateTimeFormat(locale, { dateStyle: "long" });

export function formatDay(time) {
  return day.format(new Date(time));
}

export function formatTime(time) {
  return dayAndTime.format(new Date(time));
}

/** Where a time belongs in a list: Today, Yesterday, …, then its month. */
export function periodOf(time, now = new Date()) {
  const date = new Date(time);
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate());
  // A day of 23 or 25 hours, when clocks change, must not move the border by a day.
  const dateMidnight = new Date(date.getFullYear(), date.getMonth(), date.getDate());
  const daysAgo = Math.round((midnight - dateMidnight) / DAY_MS);
  if (daysAgo <= 0) return translate("today");
  if (daysAgo === 1) return translate("yesterday");
  if (daysAgo < 7) return translate("lastSevenDays");
  if (daysAgo < 30) return translate("lastThirtyDays");
  return monthAndYear.format(date);
}
