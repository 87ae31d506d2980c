"""Which elements are not of the article, told by their tag, role, `class` and `id`.

Names are those that authors of pages give: English words in most of the world.
"""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from lxml.html import HtmlElement  # type: ignore[import-untyped]

from websearch_agent.pages.page_measures import HEADINGS, INLINE, Measure

# A `frame` is around the article and `furniture` in it; a `card` shows another page and so holds
# a link; a `label` is short; `comments` are left out if an article stays.
Kind = Literal["frame", "furniture", "card", "label", "comments"]


class Boilerplate(NamedTuple):
    """Why an element is left out: its kind and the word, tag or role that says so."""

    kind: Kind
    word: str


_UNREAD_TAGS = frozenset(
    {"audio", "canvas", "dialog", "embed", "figcaption", "head", "iframe", "img", "input", "menu"}
    | {"noscript", "object", "select", "svg", "template", "textarea", "title", "video"}
)
_FRAME_TAGS = frozenset({"nav", "footer", "aside", "form"})
_FRAME_ROLES = frozenset(
    {"navigation", "banner", "contentinfo", "search", "complementary", "dialog", "alert", "menu"}
)
# In manuals their names are those of what they define.
_NEVER_NAMED = frozenset(
    {"html", "body", "main", "pre", "code", "table", "tbody", "thead", "tr", "td", "th", "caption"}
    | {"dl", "dt", "dd", "summary", "blockquote", *HEADINGS}
)
_NAMED_INLINE = frozenset({"span", "small", "a", "time"})
_MAX_LABEL_CHARS = 150
_MAX_NAME_CHARS = 200

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SEPARATORS = re.compile(r"[^a-z0-9 ]+")
# `has-sidebar`, `no-share`, `behind-paywall` tell of what is around the article.
_STATES = ("has", "with", "no", "non", "w", "without", "behind", "not", "and")
_STATE = "".join(f"(?<!{state}-)" for state in _STATES)
# Blog systems name a whole post after its categories and tags.
_POST = re.compile(r"(?:^| )(?:hentry|type-[a-z]+|post-\d+)")
_FORUM = re.compile(r"forum|topic|question|answer")
_HIDDEN = re.compile(r"(?:^| )(?:is-|d-|display-)?(?:hidden|hide|none)(?: |$)")
_SHOWN_AT_TIMES = re.compile(r"-(?:block|flex|grid|inline|table|visible)(?: |$)")
_ADMONITION = re.compile(
    r"note|(?<![a-z])(?:warn(?:ing)?|tips?|caution|important|danger|hint|admonition|callout)(?![a-z])"
)
_NUMBERED = re.compile(
    r"\s*(?:fig(?:ure|\.)?|tab(?:le|\.)?|listing|example|scheme|abb(?:ildung|\.)?|tabelle|tableau"
    r"|figura|tabla|tabela|рис(?:унок|\.)?|таблица|图|圖|表|図)\s*[0-9A-Z]{0,2}[.\-–]?\d",
    re.IGNORECASE,
)
# Boxes so named may hold what the article quotes.
_QUOTING = re.compile("soci|shar|widget")


def _names(*words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![a-z0-9]){_STATE}(?:{'|'.join(' '.join(words).split())})(?![a-z0-9])")


_PATTERNS: tuple[tuple[Kind, re.Pattern[str]], ...] = (
    (
        "comments",
        _names(
            "comments? commentlist commentarea commentbox commentform respond replies disqus",
            "usercomments?",
        ),
    ),
    (
        "frame",
        _names(
            "nav navi navbar navbox navigation subnav topnav menus? submenu megamenu breadcrumbs?",
            "crumbs? pagination pager paging paginator skip-(?:link|to|links) sidebar side-bar",
            "footer foot colophon cookies? cookie-?(?:banner|bar|notice|law) consent gdpr",
            "sr-only visually-hidden screen-reader(?:-text)? edit-?section no-?print",
            "print-(?:only|hide) pop-?up modal tool-?tip lightbox toast overlay snackbar",
        ),
    ),
    (
        "furniture",
        _names(
            "shar(?:e|es|ing) sharebar sharethis addthis addtoany sharedaddy socials? sociable",
            "social-?(?:media|links|share|icons) newsletters? subscribe subscription sign-?up",
            "mailchimp paywall log-?in sign-?in donate donation",
            "ads? adverts? advertisements? advertising ad-?(?:slot|box|unit|container|wrapper)",
            "sponsor(?:ed|s)? banner outbrain taboola dfp",
            "author-?(?:bio|box|info|card|details|profile|description) about-(?:the-)?author bio",
            "widgets? byline authors? tags tag-?(?:list|cloud|links) tool-?bar copyright",
            "carousel slider slideshow swiper slick galler(?:y|ies) image-?gallery photo-?gallery",
        ),
    ),
    (
        "card",
        _names(
            "related relatedposts? relatedarticles? recommend(?:ed|ations?|s)? recirc(?:ulation)?",
            "read-(?:more|next|also) see-also more-(?:from|on|news|stories|articles|like)",
            "most-(?:read|popular|viewed|recent) popular trending latest up-next similar",
            "next-(?:article|post|up) you-may you-might suggested suggestions teasers?",
            "promos? promotions? cta call-to-action posts-?list link-?list",
        ),
    ),
    (
        "label",
        _names(
            "meta post-?meta entry-?meta date dateline datetime timestamp pub-?date",
            "(?:entry|post|article)-(?:utility|info) posted-on kicker reading-?time read-?time",
            "categor(?:y|ies) cat-links credits? captions? views counter votes? ratings? stars",
            "buttons? btn print label badge tag",
        ),
    ),
)


def find_boilerplate(element: HtmlElement, measure: Measure) -> Boilerplate | None:
    """Why this element looks as if it were not of the article; None if nothing says so."""
    tag = element.tag
    if tag in _UNREAD_TAGS:
        is_read = tag == "figcaption" and _is_numbered(element)
        return None if is_read else Boilerplate("frame", tag)
    if tag in _FRAME_TAGS:
        return None if _is_note(element) else Boilerplate("frame", tag)
    if not element.attrib or tag in _NEVER_NAMED:
        return None
    if element.get("role") in _FRAME_ROLES and not _is_admonition(element):
        return Boilerplate("furniture", "role")
    found = _named(element)
    if found is None or not _fits(found, element, measure):
        return None
    if tag in INLINE:
        return found if found.kind != "label" or tag in _NAMED_INLINE else None
    return found if tag != "article" or found.kind == "comments" else None


def _is_note(element: HtmlElement) -> bool:
    """Whether it is a footnote, an admonition, or the source of a quotation."""
    if element.tag == "footer":
        return bool(element.getparent() is not None and element.getparent().tag == "blockquote")
    if element.tag != "aside":
        return False
    return (element.get("role") or "").startswith("doc-") or _is_admonition(element)


def _is_admonition(element: HtmlElement) -> bool:
    """Whether its class is one that manuals give to notes and warnings, and to nothing else."""
    css_class = (element.get("class") or "")[:_MAX_NAME_CHARS]
    return _ADMONITION.search(css_class.lower()) is not None and _named_by(css_class) is None


def _is_numbered(caption: HtmlElement) -> bool:
    """Whether the text may refer to it (`Figure 3`); what stands below photos is not read."""
    return _NUMBERED.match(caption.text_content()[:_MAX_NAME_CHARS]) is not None


def _fits(found: Boilerplate, element: HtmlElement, measure: Measure) -> bool:
    if found.kind == "label":
        return measure.chars <= _MAX_LABEL_CHARS
    if found.kind == "card":
        return measure.links > 0
    if found.kind == "furniture" and _QUOTING.match(found.word):
        return next(element.iter("blockquote"), None) is None
    return True


def _named(element: HtmlElement) -> Boilerplate | None:
    css_class, css_id = element.get("class"), element.get("id")
    found = _named_by(css_class[:_MAX_NAME_CHARS]) if css_class else None
    if found is None and css_id and "/" not in css_id:
        found = _named_by(css_id[:_MAX_NAME_CHARS])
        if found is not None and _is_named_after_heading(element, css_id):
            return None
    return found


def _is_named_after_heading(element: HtmlElement, css_id: str) -> bool:
    """Manuals give a section the words of its heading as `id`."""
    heading = next(element.iter(*HEADINGS), None)
    if heading is None:
        return False
    title = "".join(filter(str.isalnum, heading.text_content()[:_MAX_NAME_CHARS])).lower()
    letters = "".join(filter(str.isalnum, css_id)).lower()
    return bool(title) and (title in letters or letters in title)


@lru_cache(maxsize=4096)
def _named_by(name: str) -> Boilerplate | None:
    words = _CAMEL_CASE.sub("-", name).lower()
    if _POST.search(words):
        return None
    parts = _SEPARATORS.sub("-", words).split()
    words = " ".join(part for part in parts if not part.startswith("js-"))
    if _HIDDEN.search(words) and not _SHOWN_AT_TIMES.search(words):
        return Boilerplate("furniture", "hidden")
    for kind, pattern in _PATTERNS:
        match = pattern.search(words)
        if match and not (kind == "comments" and _FORUM.search(words)):
            return Boilerplate(kind, match[0])
    return None
