"""Answers and conversations as Markdown, for a file or another program.

Titles, names and addresses of sources are foreign text: each stays one line, and nothing in it
is a link, markup or HTML to whoever renders the file. The answer's own text is Markdown; links and
HTML were taken out of it when it was written (`agent/link_filter.py`).
"""

import datetime as dt
import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt

from websearch_agent.conversations import Conversation, Turn
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.page_words import Language, counted, page_words
from websearch_agent.server.render import is_plain_web_address
from websearch_agent.types import Answer, Source, Support

_MAX_HEADING_CHARS = 200
_MARKER = re.compile(r"\s*\[\d{1,4}\]")
_DOUBTED = {"unsupported": "supportUnsupported", "partial": "supportPartial"}
_INLINE_SIGNS = re.compile(r"[\\`*_\[\]<>&|~$#@^{}]")
# What GitHub and others turn into a link without being asked.
_BARE_LINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_LINE_OPENING = re.compile(r"^(\d{1,9})(?=[.)])|^(?=[-+=])")
_LOCAL_KINDS = ("document", "builtin")
_HASH = re.compile(r"[0-9a-f]{16,}")


def conversation_markdown(conversation: Conversation, language: Language) -> str:
    parts = [f"# {escape_line(conversation.title)}"]
    for turn in conversation.turns:
        parts += _turn_parts(turn, language)
    return "\n\n".join(parts) + "\n"


def answer_markdown(answer: Answer, language: Language, *, level: int = 2) -> str:
    """The text, what to doubt of it, and its sources below a heading of this level."""
    words = page_words(language)
    parts = [_closed(visible_text(answer.text).strip())]
    parts += [f"> {escape_line(notice)}" for notice in answer.notices]
    if answer.unanswered:
        parts.append(f"> {words['unanswered']}")
    if answer.finish_reason == "stopped":
        parts.append(f"> {words['interrupted']}")
    parts += [support_line(answer, language), "\n".join(_doubt_lines(answer, language))]
    if answer.sources:
        parts.append(f"{'#' * level} {words['sources']}")
        parts += _source_lists(answer, language)
    return "\n\n".join(part for part in parts if part)


def support_line(answer: Answer, language: Language) -> str:
    """How many statements are supported, in the words of the page; empty if none was checked."""
    checked = [s for s in _supports(answer) if s.level != "not_checkable"]
    if answer.verification is None or not checked:
        return ""
    supported = [support for support in checked if support.level == "supported"]
    partly = sum(support.level == "partial" for support in checked)
    unsupported = len(checked) - len(supported) - partly
    words, count = page_words(language), len(checked)
    parts = [_supported_words(supported, partly, count, language)]
    if partly and count > 1:
        parts.append(counted(partly, "partlyOne", "partlyCount", language))
    if unsupported and unsupported < count:
        parts.append(counted(unsupported, "unsupportedOne", "unsupportedCount", language))
    if answer.repaired:
        parts.append(words["repaired"])
    return " · ".join(parts)


def escape_line(text: str) -> str:
    """Any text as one line of Markdown that reads as it was written, at whatever place."""
    line = " ".join(visible_text(text).split())
    line = _BARE_LINK.sub(r"\\", _INLINE_SIGNS.sub(r"\\\g<0>", line))
    return _LINE_OPENING.sub(r"\1\\", line)


def _turn_parts(turn: Turn, language: Language) -> Iterator[str]:
    question = " ".join(visible_text(turn.question).split())
    is_short = len(question) <= _MAX_HEADING_CHARS and "\n" not in turn.question.strip()
    heading = question if is_short else question[:_MAX_HEADING_CHARS].rstrip() + "…"
    yield f"## {escape_line(heading)}"
    yield f"*{turn.created_at.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC*"
    if not is_short:
        lines = visible_text(turn.question).strip().split("\n")
        yield "\n".join(f"> {escape_line(line)}".rstrip() for line in lines)
    if turn.answer is not None:
        yield answer_markdown(turn.answer, language, level=3)
    elif turn.status == "running":
        yield f"> {page_words(language)['writing']}…"
    elif turn.failure is None:
        yield f"> {page_words(language)['interrupted']}"
    if turn.failure is not None:
        yield f"> {escape_line(turn.failure.message)}"


def _supported_words(
    supported: Sequence[Support], partly: int, count: int, language: Language
) -> str:
    words = page_words(language)
    if supported and count == 1:
        return words["oneSupported"]
    if supported:
        sources = len({support.source_number for support in supported})
        key = "supportedByOne" if sources == 1 else "supportedBy"
        return words[key].format(supported=len(supported), count=count, sources=sources)
    one, several = ("oneInPart", "noneWholly") if partly else ("oneNotSupported", "noneSupported")
    return words[one if count == 1 else several].format(count=count)


def _doubt_lines(answer: Answer, language: Language) -> Iterator[str]:
    """The statements to doubt, each with how far it is supported and what is not so."""
    words = page_words(language)
    for statement in answer.statements:
        support = statement.support
        if support is None or support.level not in _DOUBTED:
            continue
        said = escape_line(_MARKER.sub("", statement.text))
        line = f"- **{words[_DOUBTED[support.level]]}**: {said}"
        if support.contradicted:
            values = escape_line(", ".join(support.contradicted))
            line += f" ({words['contradicted'].format(values=values)})"
        yield line


def _source_lists(answer: Answer, language: Language) -> Iterator[str]:
    """Those that the text names, and then the others."""
    words = page_words(language)
    cited = {citation.source_number for citation in answer.citations}
    named = [source for source in answer.sources if source.number in cited]
    others = [source for source in answer.sources if source.number not in cited]
    if named:
        yield "\n".join(_source_line(source, language) for source in named)
    if others:
        yield words["alsoRead"].format(count=len(others))
        yield "\n".join(_source_line(source, language) for source in others)


def _source_line(source: Source, language: Language) -> str:
    parts = [source.title or source.site or source.document_id or "", source.site, source.date]
    shown = [escape_line(part) for part in dict.fromkeys(parts) if part]
    if source.kind == "snippet":
        shown.append(page_words(language)["kindSnippet"])
    if source.kind in _LOCAL_KINDS:
        # The hash of an address says nothing elsewhere.
        name = source.document_id or ""
        shown.append("" if _HASH.fullmatch(name) else escape_line(name))
    elif is_plain_web_address(source.url):
        address = source.url.replace("<", "%3C").replace(">", "%3E")
        shown.append(f"<{address}>")
    return f"- \\[{source.number}\\] " + ", ".join(part for part in shown if part)


def _closed(text: str) -> str:
    """The answer's Markdown with an end to its code: what follows must not become part of it."""
    tokens = MarkdownIt("commonmark").parse(text)
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.map is None:
        return text
    lines = text.split("\n")[last.map[0] : last.map[1]]
    end = lines[-1].strip()
    is_closed = len(lines) > 1 and len(end) >= len(last.markup) and not end.strip(last.markup[0])
    return text if is_closed else f"{text}\n{last.markup}"


def _supports(answer: Answer) -> list[Support]:
    return [s.support for s in answer.statements if s.support is not None]
