"""Colours of text and of what is behind it, as far as a page states them."""

import re

# Of text that can be read on its background; 1 is the same colour (WCAG 2, contrast ratio).
MIN_CONTRAST = 1.25
_NAMES = {
    "white": (255, 255, 255),
    "snow": (255, 250, 250),
    "ivory": (255, 255, 240),
    "ghostwhite": (248, 248, 255),
    "whitesmoke": (245, 245, 245),
    "floralwhite": (255, 250, 240),
    "azure": (240, 255, 255),
    "mintcream": (245, 255, 250),
    "aliceblue": (240, 248, 255),
    "antiquewhite": (250, 235, 215),
    "beige": (245, 245, 220),
    "cornsilk": (255, 248, 220),
    "honeydew": (240, 255, 240),
    "lavender": (230, 230, 250),
    "lavenderblush": (255, 240, 245),
    "lemonchiffon": (255, 250, 205),
    "lightcyan": (224, 255, 255),
    "lightgoldenrodyellow": (250, 250, 210),
    "lightyellow": (255, 255, 224),
    "linen": (250, 240, 230),
    "mistyrose": (255, 228, 225),
    "oldlace": (253, 245, 230),
    "papayawhip": (255, 239, 213),
    "seashell": (255, 245, 238),
    "black": (0, 0, 0),
    "silver": (192, 192, 192),
    "lightgray": (211, 211, 211),
    "lightgrey": (211, 211, 211),
    "gray": (128, 128, 128),
    "grey": (128, 128, 128),
    "red": (255, 0, 0),
    "green": (0, 128, 0),
    "blue": (0, 0, 255),
    "yellow": (255, 255, 0),
    "navy": (0, 0, 128),
}
_HEX = re.compile(r"#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")
_FUNCTION = re.compile(r"(rgba?|hsla?)\(([\d.,%\s/deg-]{1,60})\)")
_WIDE_FUNCTION = re.compile(r"(oklch|oklab|lch|lab|hwb|color)\((srgb )?([\d.,%\s/deg+-]{1,60})\)")
# From there on colours differ too much from a shade of grey to be taken for one.
_MAX_CHROMA = {"oklab": 0.03, "oklch": 0.03, "lab": 8.0, "lch": 8.0}
_NUMBER = re.compile(r"-?\d{1,6}(?:\.\d{1,6})?%?")
_PICTURES = ("url(", "gradient(", "image(", "var(")

Colour = tuple[int, int, int]
TRANSPARENT = "transparent"


def parse_colour(value: str) -> Colour | str | None:
    """Red, green and blue of a colour in lower case; TRANSPARENT; None if it is not known."""
    value = value.strip()
    if value in _NAMES:
        return _NAMES[value]
    if value == TRANSPARENT:
        return TRANSPARENT
    if _HEX.fullmatch(value):
        return _from_hex(value[1:])
    if match := _WIDE_FUNCTION.fullmatch(value):
        return _from_wide_function(match[1], bool(match[2]), _NUMBER.findall(match[3]))
    match = _FUNCTION.fullmatch(value)
    if match is None:
        return None
    numbers = _NUMBER.findall(match[2])
    if len(numbers) not in (3, 4):
        return None
    if len(numbers) == 4 and _share(numbers[3]) <= 0.05:
        return TRANSPARENT
    if match[1].startswith("hsl"):
        return _from_lightness(numbers)
    red, green, blue = (_channel(number) for number in numbers[:3])
    return red, green, blue


def background_of(value: str) -> Colour | str | None:
    """The colour in a `background`; None if there is a picture or nothing that is known."""
    if any(word in value for word in _PICTURES):
        return None
    whole = parse_colour(value)
    if whole is not None:
        return whole
    colours = [colour for word in value.split() if (colour := parse_colour(word)) is not None]
    return colours[0] if len(colours) == 1 else None


def contrast(first: Colour, second: Colour) -> float:
    """From 1, the same, to 21, black on white."""
    lighter, darker = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Colour) -> float:
    parts = [channel / 255 for channel in colour]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _from_hex(digits: str) -> Colour | str:
    if len(digits) in (3, 4):
        digits = "".join(digit * 2 for digit in digits)
    if len(digits) == 8 and int(digits[6:], 16) <= 12:
        return TRANSPARENT
    return int(digits[:2], 16), int(digits[2:4], 16), int(digits[4:6], 16)


def _from_lightness(numbers: list[str]) -> Colour | None:
    """Only shades of grey, black and white among them: no text is hidden in any other way here."""
    lightness = _share(numbers[2])
    if _share(numbers[1]) > 0 and 0 < lightness < 1:
        return None
    level = round(255 * min(1.0, max(0.0, lightness)))
    return level, level, level


def _from_wide_function(name: str, is_srgb: bool, numbers: list[str]) -> Colour | str | None:
    """Shades of grey, black and white among them; of `color()` only what is in sRGB."""
    if len(numbers) not in (3, 4) or (name == "color") != is_srgb:
        return None
    if len(numbers) == 4 and _share(numbers[3]) <= 0.05:
        return TRANSPARENT
    first, second, third = (_share(number) for number in numbers[:3])
    if is_srgb:
        return _grey(first)[0], _grey(second)[0], _grey(third)[0]
    if name == "hwb":
        return _grey(second / (second + third)) if second + third >= 1 else None
    chroma = abs(second) if name.endswith("lch") else max(abs(second), abs(third))
    lightness = first if numbers[0].endswith("%") or name.startswith("ok") else first / 100
    if chroma > _MAX_CHROMA[name] and 0 < lightness < 1:
        return None
    luminance = lightness**3 if name.startswith("ok") else ((lightness + 0.16) / 1.16) ** 3
    return _grey(1.055 * max(0.0, luminance) ** (1 / 2.4) - 0.055)


def _grey(level: float) -> Colour:
    """`level`: from 0, black, to 1, white."""
    channel = round(255 * min(1.0, max(0.0, level)))
    return channel, channel, channel


def _share(number: str) -> float:
    return float(number[:-1]) / 100 if number.endswith("%") else float(number)


def _channel(number: str) -> int:
    level = float(number[:-1]) * 2.55 if number.endswith("%") else float(number)
    return round(min(255.0, max(0.0, level)))
