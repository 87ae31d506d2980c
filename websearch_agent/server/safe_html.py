"""Which HTML may stand in our page: the lists, and the cleaner that comes last.

What is on the lists and what the browser lets through (`web/static/dom.js`) must agree.
"""

import re

import nh3

from websearch_agent.invisible_text import visible_text

# Kinds of words in highlighted code, as classes `hl-…` (colours: web/static/turn.css).
CODE_CLASSES = frozenset(
    f"hl-{kind}"
    for kind in (
        "keyword",
        "string",
        "comment",
        "number",
        "name",
        "builtin",
        "meta",
        "added",
        "removed",
    )
)

# MathML Core's tags for formulas, and the box of \boxed. Left out is what holds something else
# than a formula or hides a part of it: annotation, annotation-xml, semantics, mglyph, maction,
# mphantom.
MATHS_TAGS = frozenset(
    """math menclose mfrac mi mmultiscripts mn mo mover mpadded mprescripts mroot mrow mspace msqrt
    mstyle msub msubsup msup mtable mtd mtext mtr munder munderover""".split()  # noqa: SIM905
)
MATHS_ATTRIBUTES = frozenset(
    """accent accentunder display displaystyle fence form largeop linethickness lspace mathvariant
    maxsize minsize movablelimits notation rspace scriptlevel stretchy symmetric
    width""".split()  # noqa: SIM905
)

_TAGS = {"a", "blockquote", "br", "code", "del", "em", "hr", "p", "pre", "s", "span", "strong"}
_TAGS |= {"h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "ul"}
_TAGS |= {"table", "tbody", "td", "th", "thead", "tr"}
_TAGS |= MATHS_TAGS
_ATTRIBUTES = {
    "a": {"href", "target", "rel", "data-source"},
    "ol": {"start"},
    "pre": {"data-language"},
    **{tag: set(MATHS_ATTRIBUTES) for tag in MATHS_TAGS},
}
_CLASSES = {
    "a": {"citation", "source-link"},
    "mtd": {"align-left", "align-right"},
    "span": set(CODE_CLASSES),
    "td": {"align-left", "align-center", "align-right"},
    "th": {"align-left", "align-center", "align-right"},
}


# In ASCII only these can be invisible. Looking for all the others takes ten times as long, and most
# of a long block of code that grows is this search.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f]")


def clean_html(html: str) -> str:
    """Only what is allowed. nh3 comes last: what it lets through is changed by nobody after it."""
    # In the HTML and not in the Markdown: there `&#x202e;` still is no such character, and the
    # statements' places count the Markdown's characters.
    is_visible = html.isascii() and not _CONTROL.search(html)
    return nh3.clean(
        html if is_visible else visible_text(html),
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        allowed_classes=_CLASSES,
        url_schemes={"http", "https"},
        link_rel=None,
    ).strip()
