"""Lengths of CSS, as far as they are plain numbers with a unit."""

import re

_NUMBER = r"[-+]?(?:\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})(?:e[-+]?\d{1,2})?"
_LENGTH = re.compile(rf"({_NUMBER})\s*([a-z]{{1,4}}|%|)")
_PLAIN_CALC = re.compile(r"calc\(\s*([^()]{1,40}?)\s*\)")
# In pixels, of a usual screen and font.
_PIXELS = {"": 1.0, "px": 1.0, "pt": 1.333, "em": 16.0, "rem": 16.0, "%": 0.16, "vw": 10.0}
_PIXELS |= {"vh": 8.0, "ex": 8.0, "ch": 8.0, "cm": 37.8, "in": 96.0, "mm": 3.78, "q": 0.945}
_PIXELS |= {"pc": 16.0, "vmin": 8.0, "vmax": 10.0, "lh": 20.0, "dvh": 8.0, "dvw": 10.0, "cap": 11.0}
_SHARE = re.compile(rf"({_NUMBER})\s*(%?)")
# So far to the left or above that no screen shows it; screens are 1000 to 4000 px wide, but what is
# moved stands on a page's left half.
_MIN_AWAY_PX = 900.0
_MIN_AWAY = {"%": 100.0, "vw": 100.0, "vh": 100.0, "vmax": 100.0, "vmin": 100.0}


def pixels_of(value: str | None) -> float | None:
    """A length in pixels of a usual screen and font; None if it is none or is computed."""
    found = _parse(value or "")
    return found[0] * _PIXELS[found[1]] if found else None


def is_far_away(value: str, *, percent: float | None = 100.0) -> bool:
    """Whether it moves to the left or up by more than a screen.

    `percent`: so many percent are that, too; None if they are of something smaller.
    """
    found = _parse(value)
    if found is None or found[0] >= 0:
        return False
    number, unit = found
    if unit == "%":
        return percent is not None and -number >= percent
    if unit in _MIN_AWAY:
        return -number >= _MIN_AWAY[unit]
    return -number * _PIXELS[unit] >= _MIN_AWAY_PX


def share_of(value: str) -> float | None:
    """A number, or a percentage as a part of one; None if it is neither."""
    match = _SHARE.fullmatch(value.strip())
    return float(match[1]) / (100 if match[2] else 1) if match else None


def _parse(value: str) -> tuple[float, str] | None:
    computed = _PLAIN_CALC.fullmatch(value)
    match = _LENGTH.fullmatch(computed[1] if computed else value)
    return (float(match[1]), match[2]) if match and match[2] in _PIXELS else None
