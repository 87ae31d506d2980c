"""A page's Markdown → passages of about 80–200 tokens, along its own structure."""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from websearch_agent.types import Page, Passage

MAX_CHARS = 700
# A passage lighter than this is joined with its neighbour where that keeps both whole.
MIN_SHARE = 0.25
# A remainder is rather joined than left alone, even if the limit is passed by this factor.
OVERFLOW = 1.25
HEADING_SEPARATOR = " › "
MAX_HEADING_CHARS = 160

_HEADING_MARK = re.compile(r"(#{1,6})[ \t]+")
_FENCE = re.compile(r"[ \t]*(`{3,}|~{3,})")
_TABLE_ROW = re.compile(r"[ \t]*\|")
_TABLE_RULE = re.compile(r"[ \t]*\|[ \t:|-]+$")
# A run of marks is tried at its start only, and nothing is given back: each place in a run would
# otherwise read the rest of it (40 KB of "?!" took 28 s, 2026-11-23).
_SENTENCE_END = re.compile(
    r"(?<![.!?…])[.!?…]++[\"'”’)\]*_]*+\s++(?=[^a-z])"
    r"|[。！？；…]+[\"'”’」』）》]*\s*"
    r"|\n(?=[ \t]*(?:[-*+•]|\d{1,3}[.)])[ \t])"
)
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|vs|etc|No|Fig|Inc|Ltd|Co|[ei]\.[eg]|cf|approx|Nr|bzw)"
    r"\.\s+$"
)
_LINE_END = re.compile(r"\n")
_WEAK_END = re.compile(r"[,;:，、：]\s*|\s+")


@dataclass(frozen=True, slots=True)
class _Block:
    """A paragraph, list, table or code block: `text[start:end]`."""

    start: int
    end: int
    kind: str
    columns: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading (from `start`) and the blocks below it, up to the next heading."""

    start: int
    path: tuple[str, ...]
    blocks: tuple[_Block, ...]


@dataclass(frozen=True, slots=True)
class _Piece:
    """A passage in the making. `section_start` is where its heading begins."""

    start: int
    end: int
    section_start: int
    path: tuple[str, ...]
    columns: str = ""


def split_passages(page: Page, *, max_chars: int = MAX_CHARS) -> list[Passage]:
    """Cut a page into passages in reading order; nothing but headings lies between them.

    `max_chars` counts Latin characters; a CJK character counts three, as its UTF-8 bytes do,
    which is near to what tokenizers make of both.
    """
    text = page.text
    pieces: list[_Piece] = []
    for section in _sections(text):
        for piece in _pack(text, section, max_chars):
            joined = _join(text, pieces[-1], piece, max_chars) if pieces else None
            if joined is not None:
                pieces[-1] = joined
            else:
                pieces.append(piece)
    return [_passage(page, piece) for piece in pieces]


def _passage(page: Page, piece: _Piece) -> Passage:
    heading = HEADING_SEPARATOR.join(piece.path + ((piece.columns,) if piece.columns else ()))
    return Passage(
        url=page.final_url or page.url,
        text=page.text[piece.start : piece.end],
        start_index=piece.start,
        end_index=piece.end,
        heading=heading,
    )


def _weight(text: str, start: int, end: int) -> int:
    return len(text[start:end].encode("utf-8", "surrogatepass"))


def _is_heavier(text: str, start: int, end: int, max_chars: int) -> bool:
    """Whether `_weight` is above `max_chars`, without encoding what is so long anyway."""
    return end - start > max_chars or _weight(text, start, end) > max_chars


# Structure: sections and blocks.


def _sections(text: str) -> Iterator[_Section]:
    path: list[tuple[int, str]] = []
    start = 0
    blocks: list[_Block] = []
    for block in _blocks(text):
        heading = _heading(text, block.start, block.end) if block.kind == "heading" else None
        if heading is None:
            blocks.append(block)
            continue
        if blocks or path:
            yield _Section(start, tuple(title for _, title in path), tuple(blocks))
        level, title = heading
        path = [entry for entry in path if entry[0] < level]
        path.append((level, title))
        start, blocks = block.start, []
    if blocks or path:
        yield _Section(start, tuple(title for _, title in path), tuple(blocks))


def _blocks(text: str) -> Iterator[_Block]:
    """Blocks in order, without the blank lines between them."""
    lines = _lines(text)
    number = 0
    while number < len(lines):
        start, end = lines[number]
        if not text[start:end].strip():
            number += 1
            continue
        kind, after = _block_extent(text, lines, number)
        columns = _columns(text, lines, number, after) if kind == "table" else ""
        yield _Block(start, lines[after - 1][1], kind, columns)
        number = after


def _lines(text: str) -> list[tuple[int, int]]:
    """Start and end of each line, the line break left out."""
    ends = [match.start() for match in _LINE_END.finditer(text)] + [len(text)]
    return list(zip([0, *(end + 1 for end in ends[:-1])], ends, strict=True))


def _block_extent(text: str, lines: list[tuple[int, int]], first: int) -> tuple[str, int]:
    """Kind of the block that begins at line `first`, and the number of the line after it."""
    start, end = lines[first]
    after = first + 1
    if fence := _FENCE.match(text, start, end):
        while after < len(lines) and not _closes(text[slice(*lines[after])], fence[1]):
            after += 1
        return "code", min(after + 1, len(lines))
    if _heading(text, start, end):
        return "heading", after
    is_table = _TABLE_ROW.match(text, start, end) is not None
    while after < len(lines) and text[lines[after][0] : lines[after][1]].strip():
        line = lines[after]
        if (_TABLE_ROW.match(text, *line) is not None) != is_table:
            break
        if _FENCE.match(text, *line) or _heading(text, *line):
            break
        after += 1
    return ("table" if is_table else "prose"), after


def _closes(line: str, fence: str) -> bool:
    """Whether the line ends a code block; in a list it is indented as its beginning was."""
    mark = line.strip(" \t")
    return mark.startswith(fence) and not mark.strip(fence[0])


def _heading(text: str, start: int, end: int) -> tuple[int, str] | None:
    """Level and title of the heading that the line is; None for other lines and endless titles."""
    mark = _HEADING_MARK.match(text, start, end)
    if mark is None:
        return None
    title = text[mark.end() : end].rstrip(" \t#")
    return (len(mark[1]), title.strip()) if len(title) <= MAX_HEADING_CHARS else None


def _columns(text: str, lines: list[tuple[int, int]], first: int, after: int) -> str:
    """The table's header cells on one line, if it has a header."""
    if after - first < 3 or not _TABLE_RULE.match(text, *lines[first + 1]):
        return ""
    start, end = lines[first]
    cells = (cell.strip() for cell in text[start:end].strip().strip("|").split("|"))
    return " | ".join(cell for cell in cells if cell)[:MAX_HEADING_CHARS]


# Packing: blocks become pieces near the wanted weight.


def _pack(text: str, section: _Section, max_chars: int) -> list[_Piece]:
    """Fill pieces with whole blocks, or with parts of blocks that are too heavy alone."""
    path, blocks = section.path, section.blocks
    if not blocks:  # nothing below the heading: then it is the text itself
        end = text.find("\n", section.start)
        path, blocks = path[:-1], (_Block(section.start, end if end >= 0 else len(text), "prose"),)
    pieces: list[_Piece] = []
    for block in blocks:
        for number, (start, end) in enumerate(_units(text, block, max_chars)):
            columns = block.columns if number else ""
            new = _Piece(start, end, section.start, path, columns)
            if pieces and _fits(text, pieces[-1], new, max_chars):
                pieces[-1] = replace(pieces[-1], end=end)
            else:
                pieces.append(new)
    return _with_remainder_joined(text, pieces, max_chars)


def _fits(text: str, last: _Piece, new: _Piece, max_chars: int) -> bool:
    together = _weight(text, last.start, new.end)
    if together > max_chars * OVERFLOW:
        return False
    # A line such as "For example:" belongs to what follows it.
    return together <= max_chars or _is_light(text, last, max_chars)


def _with_remainder_joined(text: str, pieces: list[_Piece], max_chars: int) -> list[_Piece]:
    if len(pieces) < 2 or not _is_light(text, pieces[-1], max_chars):
        return pieces
    *before, last, remainder = pieces
    if _weight(text, last.start, remainder.end) > max_chars * OVERFLOW:
        return pieces
    return [*before, replace(last, end=remainder.end)]


def _is_light(text: str, piece: _Piece, max_chars: int) -> bool:
    return _weight(text, piece.start, piece.end) < max_chars * MIN_SHARE


def _join(text: str, last: _Piece, new: _Piece, max_chars: int) -> _Piece | None:
    """One piece over a heading, if one side is too light to stand alone; else None.

    The headings of both then stand in the text, and `path` keeps what they share.
    """
    if last.section_start == new.section_start or last.columns:
        return None
    if not _is_light(text, last, max_chars) and not _is_light(text, new, max_chars):
        return None
    begins_section = not text[last.section_start : last.start].strip("# \t\n").count("\n")
    start = last.section_start if begins_section else last.start
    shared = _shared_path(last.path, new.path)
    if not begins_section or _weight(text, start, new.end) > max_chars:
        return None
    return _Piece(start, new.end, start, shared)


def _shared_path(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    length = 0
    while length < min(len(one), len(other)) and one[length] == other[length]:
        length += 1
    return one[:length]


# Cutting: a block that is too heavy is cut where it hurts least.


def _units(text: str, block: _Block, max_chars: int) -> list[tuple[int, int]]:
    """The block whole if it fits, else its sentences, rows or lines, none above the limit."""
    if not _is_heavier(text, block.start, block.end, max_chars):
        return [(block.start, block.end)]
    if block.kind == "prose":
        ends = _sentence_ends(text, block)
    else:
        ends = [match.end() for match in _LINE_END.finditer(text, block.start, block.end)]
    units: list[tuple[int, int]] = []
    start = block.start
    for end in [*ends, block.end]:
        if text[start:end].strip():
            units.extend(_cut(text, start, end, max_chars))
        start = end
    return units


def _sentence_ends(text: str, block: _Block) -> list[int]:
    ends = []
    for match in _SENTENCE_END.finditer(text, block.start, block.end):
        before = text[max(block.start, match.start() - 8) : match.end()]
        if not _ABBREVIATION.search(before):
            ends.append(match.end())
    return ends


def _cut(text: str, start: int, end: int, max_chars: int) -> Iterator[tuple[int, int]]:
    """Cut one overlong sentence or line at line ends, commas, spaces, or anywhere."""
    end = start + len(text[start:end].rstrip())
    start = end - len(text[start:end].lstrip(" \n"))
    if not _is_heavier(text, start, end, max_chars):
        yield start, end
        return
    strong = [match.end() for match in _LINE_END.finditer(text, start, end)]
    weak = [match.end() for match in _WEAK_END.finditer(text, start, end)]
    while _is_heavier(text, start, end, max_chars):
        limit = start + len(
            text[start : start + max_chars].encode()[:max_chars].decode("utf-8", "ignore")
        )
        cut = _last_before(strong, start, limit) or _last_before(weak, start, limit) or limit
        yield start, start + len(text[start:cut].rstrip()) or cut
        start = cut
    if text[start:end].strip():
        yield start, end


def _last_before(places: list[int], start: int, limit: int) -> int | None:
    """The last place in the second half of `start:limit`."""
    number = bisect_right(places, limit)
    if number and places[number - 1] > start + (limit - start) // 2:
        return places[number - 1]
    return None
