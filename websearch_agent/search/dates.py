"""Dates as engines write them."""

import re
from datetime import datetime
from email.utils import parsedate_to_datetime

_ISO = re.compile(r"\d{4}(?:-\d{2}(?:-\d{2}(?:[T ][0-9:.]+(?:Z|[+-]\d{2}:?\d{2})?)?)?)?")


def iso_date(text: str | None) -> str | None:
    """A date in ISO 8601, from that form, `Tue, 14 Jan 2025 19:00:31 GMT` or `Nov 12, 2025`.

    None for none, and for one that only counts back from now ("2 days ago").
    """
    if not text:
        return None
    text = text.strip()
    if _ISO.fullmatch(text):
        return text
    try:
        return parsedate_to_datetime(text).date().isoformat()
    except (ValueError, OverflowError):  # the latter for a time zone of many digits
        pass
    for form in ("%b %d, %Y", "%B %d, %Y", "%d %b %Y"):
        try:
            return datetime.strptime(text, form).date().isoformat()
        except ValueError:
            continue
    return None
