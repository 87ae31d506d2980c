"""Takes away what stands before, behind and between the paragraphs of an article but is not of it.

Works on blocks of Markdown: what they hold, how much of that is links, what stands next to them.
"""

from itertools import pairwise

from websearch_agent.pages.markdown_tree import Block

_SENTENCE_ENDS = tuple(".!?。！？…;；:：”\"'»")
# In Latin letters; less in scripts with heavier characters.
_PROSE_CHARS = 80
_SENTENCE_CHARS = 25
_LAST_SENTENCE_CHARS = 20
_MAX_POINTER_CHARS = 250
_MAX_POINTER_REST = 30
_MAX_QUESTION_CHARS = 120
_MAX_PREVIEW_CHARS = 350
_MAX_LAST_PREVIEW_CHARS = 200
_MIN_REPEATED_CHARS = 150
_MAX_PREVIEWS_SHARE = 0.35
_MAX_SHARE_BEHIND_PREVIEWS = 0.2
# More than this of a page is not trimmed away: then it is not an article.
_MAX_TRIMMED_SHARE = 0.25
_MAX_LINK_SHARE_OF_LAST_LIST = 0.7


def trim_blocks(
    blocks: list[Block], lead: list[Block], *, title: str, weight: float
) -> list[Block]:
    """The article's blocks, with what of the `lead` belongs to it; without the title itself.

    `weight`: how many Latin letters one character is worth.
    """
    kept = _after_title(lead, title, weight) + blocks
    kept = [block for block in kept if not _is_pointer(block, weight)]
    kept = _from_title(_once(kept, weight), title)
    kept = _without_box_titles(_without_previews(kept, weight), weight)
    kept = [block for block in kept if block.kind != "gap"]
    return _without_lead_out(_without_lead_in(kept, title, weight), weight)


def _is_prose(block: Block, weight: float, *, min_chars: int = _SENTENCE_CHARS) -> bool:
    """Whether it is a long line, or a sentence of at least `min_chars`."""
    if block.kind != "text":
        return False
    chars = block.chars * weight
    is_sentence = block.markdown.rstrip("*_ ").endswith(_SENTENCE_ENDS)
    return chars >= _PROSE_CHARS or (chars >= min_chars and is_sentence)


def _is_same(one: str, other: str) -> bool:
    """Whether one text holds the other, letters and digits only."""
    one, other = ("".join(filter(str.isalnum, text)).casefold() for text in (one, other))
    return bool(one) and bool(other) and (one in other or other in one)


def _is_title(block: Block, title: str) -> bool:
    if block.kind == "heading":
        return block.level == 1 or _is_same(block.markdown, title)
    return block.kind == "text" and 2 * block.chars > len(title) and _is_same(block.markdown, title)


def _after_title(lead: list[Block], title: str, weight: float) -> list[Block]:
    """Headings and sentences that stand between the title and the article."""
    place = max((i for i, block in enumerate(lead) if _is_title(block, title)), default=len(lead))
    return [
        block
        for block in lead[place:]
        if block.kind == "heading" or (_is_prose(block, weight) and 2 * block.linked < block.chars)
    ]


def _is_pointer(block: Block, weight: float) -> bool:
    """A paragraph that only leads to another page."""
    rest = block.chars - block.linked
    return (
        block.kind == "text"
        and block.link_last
        and 0 < block.linked >= rest
        and rest * weight < _MAX_POINTER_REST
        and block.chars * weight < _MAX_POINTER_CHARS
    )


def _once(blocks: list[Block], weight: float) -> list[Block]:
    """Without long paragraphs that the page says again, as for a small screen."""
    seen: set[str] = set()
    kept = []
    for block in blocks:
        if block.kind == "text" and block.chars * weight >= _MIN_REPEATED_CHARS:
            if block.markdown in seen:
                continue
            seen.add(block.markdown)
        kept.append(block)
    return kept


def _from_title(blocks: list[Block], title: str) -> list[Block]:
    """From the heading that is the page's title on, if little text stands before it."""
    most = _MAX_TRIMMED_SHARE * sum(block.chars for block in blocks)
    before = 0
    for place, block in enumerate(blocks):
        if block.kind == "heading" and block.level <= 2 and _is_same(block.markdown, title):
            return blocks[place:]
        before += block.chars
        if before > most:
            break
    return blocks


def _without_previews(blocks: list[Block], weight: float) -> list[Block]:
    """Without a row of linked headings and their summaries at the end, and its heading."""
    places = [i for i, b in enumerate(blocks) if b.kind == "heading" and b.linked > 0.8 * b.chars]
    dropped: set[int] = set()
    for place, following in pairwise(places):
        between = blocks[place + 1 : following]
        count = sum(block.kind != "gap" for block in between)
        if count <= 2 and sum(b.chars for b in between) * weight <= _MAX_PREVIEW_CHARS:
            dropped |= set(range(place, following + 1))
    if not dropped:
        return blocks
    last = max(dropped) + 1
    summary = blocks[last] if last < len(blocks) else None
    if summary and summary.kind == "text" and summary.chars * weight <= _MAX_LAST_PREVIEW_CHARS:
        dropped.add(last)
    first = min(dropped)
    while first and blocks[first - 1].kind == "gap":
        first -= 1
    if first and blocks[first - 1].kind == "heading":
        dropped.add(first - 1)
    total = sum(block.chars for block in blocks)
    behind = sum(block.chars for block in blocks[max(dropped) + 1 :])
    chars = sum(blocks[i].chars for i in dropped)
    if chars > _MAX_PREVIEWS_SHARE * total or behind > _MAX_SHARE_BEHIND_PREVIEWS * total:
        return blocks
    return [block for i, block in enumerate(blocks) if i not in dropped]


def _without_box_titles(blocks: list[Block], weight: float) -> list[Block]:
    """Without headings of what was left out."""
    kept = []
    following: Block | None = None  # the next block that is not a gap
    is_before_gap = False
    for block in reversed(blocks):
        if block.kind == "gap":
            is_before_gap = True
        elif not (is_before_gap and _is_box_title(block, following, weight)):
            kept.append(block)
            following = block
            is_before_gap = False
    return kept[::-1]


def _is_box_title(block: Block, following: Block | None, weight: float) -> bool:
    """Whether a block before a gap only names what was there."""
    if block.kind == "heading":
        is_empty = following is None or (
            following.kind == "heading" and following.level <= block.level
        )
        return is_empty or block.level > 2
    return block.kind == "text" and following is None and not _is_prose(block, weight)


def _without_lead_in(blocks: list[Block], title: str, weight: float) -> list[Block]:
    """Without dates, names and counts before the first sentence, and without the title."""
    first = next(
        (
            i
            for i, block in enumerate(blocks)
            if block.kind not in ("text", "heading") or _is_prose(block, weight)
        ),
        None,
    )
    if first is None:
        return blocks
    head = [block for block in blocks[:first] if block.kind == "heading"]
    lost = sum(block.chars for block in blocks[:first] if block.kind != "heading")
    if lost > _MAX_TRIMMED_SHARE * sum(block.chars for block in blocks):
        head = blocks[:first]
    if head and head[0].kind == "heading" and _is_same(head[0].markdown, title):
        head = head[1:]
    return head + blocks[first:]


def _without_lead_out(blocks: list[Block], weight: float) -> list[Block]:
    end = len(blocks)
    while end and _is_lead_out(blocks[end - 1], weight):
        end -= 1
    trimmed = sum(block.chars for block in blocks[end:])
    if trimmed > _MAX_TRIMMED_SHARE * sum(block.chars for block in blocks):
        return blocks
    return blocks[:end]


def _is_lead_out(block: Block, weight: float) -> bool:
    """Labels, headings of nothing, links, and what is asked of the reader."""
    if block.kind == "list":
        return block.linked > _MAX_LINK_SHARE_OF_LAST_LIST * block.chars
    if block.kind != "text":
        return block.kind == "heading"
    text = block.markdown.rstrip("*_ ")
    return (
        not _is_prose(block, weight, min_chars=_LAST_SENTENCE_CHARS)
        or text.endswith((":", "："))
        or (block.chars * weight < _MAX_QUESTION_CHARS and text.endswith(("?", "？")))
    )
