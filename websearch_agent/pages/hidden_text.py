"""Text that the page itself hides from people, taken out before anything reads it.

Instructions to language models are hidden so. What only a style sheet hides (white on white,
a class) cannot be seen without rendering, and stays.
"""

import re

from lxml.html import HtmlElement  # type: ignore[import-untyped]

# No `opacity: 0`: many pages fade their real content in from it.
_HIDING_STYLE = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|(?P<tiny>font-size\s*:\s*0(?:\.0+)?(?:px|pt|em|rem|%)?\s*(?:!|;|$))"
    r"|(?:text-indent|left|top)\s*:\s*-(?:\d{4,}(?:px|pt)|\d{3,}(?:em|rem|%)))",
    re.IGNORECASE,
)
_NEVER_DROPPED = frozenset({"html", "head", "body", "main", "article"})
# A page that hides most of its text shows it by a script once it is loaded.
_MAX_HIDDEN_SHARE = 0.5


def drop_hidden(tree: HtmlElement) -> None:
    """Remove hidden elements; changes the tree in place."""
    candidates = [e for e in tree.xpath("//*[@style or @hidden]|//template") if _is_hidden(e)]
    if not candidates:
        return
    most_chars = _MAX_HIDDEN_SHARE * len(tree.text_content())
    for element in candidates:
        if element.getparent() is not None and len(element.text_content()) <= most_chars:
            element.drop_tree()


def _is_hidden(element: HtmlElement) -> bool:
    if element.tag in _NEVER_DROPPED:
        return False
    if element.tag == "template":
        return True
    match = _HIDING_STYLE.search(element.get("style") or "")
    if match and not (match["tiny"] and element.xpath(".//*[contains(@style, 'font-size')]")):
        return True
    # LibreOffice's help writes `span hidden="true"` round what is said of one system or program
    # (keys, whole sections) and lets a script show the reader's: that is read, all of it.
    is_variant = element.tag == "span" and element.get("hidden") == "true"
    return element.get("hidden") is not None and not is_variant
