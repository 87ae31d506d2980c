"""A document's text as HTML with one passage marked."""

import re

from websearch_agent.server.render import render_html

# Private use characters: no Markdown meaning, and taken out of the text before.
_START, _END = "\ue000", "\ue001"
_MARKERS = re.compile(f"[{_START}{_END}]")
_TAG_OR_TEXT = re.compile(r"<[^>]*>|[^<]+")
_LINE_OPENING = re.compile(
    r"(?:[ \t]*(?:#{1,6}[ \t]+|[-*+][ \t]+|\d+[.)][ \t]+|>[ \t]?|\|))*[ \t]*"
)
_BARE_LINE = re.compile(r"[ \t]*(?:```|~~~|[-=*_|: \t]+$)")

# Beyond this a browser is slow on one page of rendered blocks, and so is the renderer.
MAX_RENDERED_CHARACTERS = 400_000


def render_document(text: str, *, start: int | None = None, end: int | None = None) -> str:
    """Safe HTML of `text`; `text[start:end]` stands in `<mark>`, the first with id `passage`.

    The indexes are code points, end exclusive; a range that is empty or outside marks nothing.
    """
    text = _MARKERS.sub(" ", text)
    if len(text) > MAX_RENDERED_CHARACTERS:
        cut = max(0, min(start or 0, len(text) - MAX_RENDERED_CHARACTERS) - 2000)
        cut = text.rfind("\n\n", 0, cut) + 2 if cut else 0
        start, end = (None if index is None else index - cut for index in (start, end))
        text = text[cut : cut + MAX_RENDERED_CHARACTERS]
    if start is None or end is None or not 0 <= start < end <= len(text):
        return render_html(text)
    return _render_marked(text, start, end)


def _render_marked(text: str, start: int, end: int) -> str:
    plain = render_html(text)
    first, last = _inner_range(text, start, end)
    if first < last:
        marked = f"{text[:first]}{_START}{text[first:last]}{_END}{text[last:]}"
        html = render_html(marked)
        # The markers may have stood where they break Markdown: then they cannot be used.
        if _MARKERS.sub("", html) == plain:
            return _mark_text(html)
    return _mark_blocks(text, start, end)


def _inner_range(text: str, start: int, end: int) -> tuple[int, int]:
    """The range without line openings such as `## ` and without fences at its two ends."""
    while start < end:
        line_end = text.find("\n", start) + 1 or len(text)
        at_line_start = start == 0 or text[start - 1] == "\n"
        if text[start] == "\n" or (at_line_start and _BARE_LINE.match(text[start:line_end])):
            start = line_end
            continue
        if at_line_start and (opening := _LINE_OPENING.match(text, start)):
            start = opening.end()
        break
    while end > start:
        line_start = text.rfind("\n", 0, end - 1) + 1
        if text[end - 1].isspace() or text[end - 1] == "|":
            end -= 1
        elif _BARE_LINE.match(text[line_start:end]):
            end = line_start
        else:
            break
    return start, end


def _mark_text(html: str) -> str:
    """Wrap every piece of text between the two markers in `<mark>`, never a tag.

    Formulas hold nothing but formulas: they stay as they are.
    """
    pieces = []
    inside = in_formula = False
    for piece in _TAG_OR_TEXT.findall(html):
        if piece.startswith("<"):
            in_formula = piece.startswith("<math") or (in_formula and piece != "</math>")
            pieces.append(piece)
            continue
        before, found_start, rest = piece.partition(_START)
        if not found_start:
            before, rest = "", piece
        inside = inside or bool(found_start)
        within, found_end, after = rest.partition(_END)
        pieces.append(before)
        pieces.append(
            f"<mark>{within}</mark>" if inside and not in_formula and within.strip() else within
        )
        pieces.append(after)
        inside = inside and not found_end
    return "".join(pieces).replace("<mark>", '<mark id="passage">', 1)


def _mark_blocks(text: str, start: int, end: int) -> str:
    """Mark the whole paragraphs that the range touches, each rendered by itself."""
    first = text.rfind("\n\n", 0, start)
    first = 0 if first < 0 else first + 2
    last = text.find("\n\n", end)
    last = len(text) if last < 0 else last
    middle = _mark_text(_START + render_html(text[first:last]) + _END)
    return "\n".join([render_html(text[:first]), middle, render_html(text[last:])])
