"""How much a text says: a CJK character as much as three letters."""

import re

# Below this a page has nothing that could be cited.
MIN_TEXT_WEIGHT = 40

_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
# Beyond this nobody asks for the exact weight.
_COUNTED_CHARS = 1000


def text_weight(text: str) -> int:
    """Characters, and two more for each CJK one among the first thousand."""
    return len(text) + 2 * len(_CJK.findall(text[:_COUNTED_CHARS]))
