"""The part of a text that answers a question best, for a list of results."""

import re
from collections.abc import Mapping

MAX_SEARCHED_CHARACTERS = 400_000
_SPACE = re.compile(r"\s+")
_MARKUP = re.compile(r"[#*`|>_]+(?=\s)|(?<=\s)[*`_]+|\]\([^)\s]*\)|!?\[")


def best_snippet(text: str, weights: Mapping[str, float], *, max_characters: int = 200) -> str:
    """The stretch with the greatest weight of different words, cut at spaces where there are any.

    `weights` has beginnings of words, in lower case.
    """
    start, _ = best_window(text, weights, max_characters=max_characters * 3 // 4)
    start = max(0, start - max_characters // 5)
    if start > 0:
        space = text.find(" ", start, start + 20)
        start = space + 1 if space >= 0 else start
    piece = text[start : start + max_characters * 2]
    plain = _SPACE.sub(" ", _MARKUP.sub("", piece)).strip()
    cut = plain[:max_characters]
    return ("… " if start > 0 else "") + cut + (" …" if len(plain) > len(cut) else "")


def best_window(
    text: str, weights: Mapping[str, float], *, max_characters: int
) -> tuple[int, float]:
    """Where the stretch with the greatest weight of different words starts, and that weight."""
    words = [re.escape(word) for word in sorted(weights, key=len, reverse=True) if word]
    if not words:
        return 0, 0.0
    # Looking ahead instead of matching lets pairs of characters overlap.
    pattern = re.compile(f"(?=({'|'.join(words)}))")
    places = [(m.start(), m[1]) for m in pattern.finditer(text[:MAX_SEARCHED_CHARACTERS].lower())]
    best_start, best_weight, last = 0, 0.0, 0
    seen: dict[str, int] = {}
    for start, word in places:
        while last < len(places) and places[last][0] < start + max_characters:
            seen[places[last][1]] = seen.get(places[last][1], 0) + 1
            last += 1
        weight = sum(weights[name] for name, count in seen.items() if count)
        if weight > best_weight:
            best_start, best_weight = start, weight
        seen[word] -= 1
    return best_start, best_weight
