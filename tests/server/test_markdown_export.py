"""A conversation as Markdown: whole, and without a way out for foreign text."""

import datetime as dt
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from websearch_agent.conversations import Conversation, Turn
from websearch_agent.events import AnswerFailed
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.downloads import download_headers
from websearch_agent.server.markdown_export import (
    answer_markdown,
    conversation_markdown,
    escape_line,
    support_line,
)
from websearch_agent.types import Answer, Citation, Source, Statement, Support, SupportLevel

NOW = dt.datetime(2026, 11, 20, 12, 30, tzinfo=dt.UTC)
TEXT = "The bridge was opened in **1932** [1]. It is red [1]. It is 200 m long [2]."
PAGE = Source(1, "https://example.org/bridge", "The red bridge", "example.org", (), "2026-10-02")
DOCUMENT = Source(
    2, "own:notes/bridge.md", "Notes", "notes", (), kind="document", document_id="notes/bridge.md"
)
UNCITED = Source(3, "https://example.net/other", "Other", "example.net", ())


def statement(text: str, level: SupportLevel, number: int | None, *values: str) -> Statement:
    start = TEXT.index(text)
    support = Support(level, 0.5, number, "near", values)
    return Statement(text, start, start + len(text), (1,), support)


def citation(number: int, at: int) -> Citation:
    return Citation(number, "https://example.org/bridge", "T", at, at + 3)


ANSWER = Answer(
    text=TEXT,
    sources=(PAGE, DOCUMENT, UNCITED),
    citations=(citation(1, 34), citation(2, 70)),
    statements=(
        statement("The bridge was opened in **1932** [1].", "supported", 1),
        statement("It is red [1].", "unsupported", 1, "red"),
        statement("It is 200 m long [2].", "partial", 2),
    ),
    notices=("The engine *x* rests.",),
    verification="fast",
)


def conversation(*turns: Turn, title: str = "Red bridge") -> Conversation:
    return Conversation("c1", title, NOW, NOW, turns)


def turn(question: str = "When was it opened?", **changes: object) -> Turn:
    values = {"status": "finished", "answer": ANSWER, **changes}
    return Turn("t1", question, NOW, **values)  # type: ignore[arg-type]


def tokens_of(markdown: str) -> list[Token]:
    """As most programs read it, with raw HTML and tables."""
    parser = MarkdownIt("commonmark", {"html": True, "linkify": False}).enable("table")
    found = []
    for block in parser.parse(markdown):
        found += [block, *(block.children or [])]
    return found


def kinds_of(markdown: str) -> set[str]:
    return {token.type for token in tokens_of(markdown)}


def links_in(markdown: str) -> list[str]:
    return [str(t.attrGet("href")) for t in tokens_of(markdown) if t.type == "link_open"]


def words_of(markdown: str) -> str:
    return "".join(t.content for t in tokens_of(markdown) if t.type in ("text", "text_special"))


def test_conversation_is_title_questions_answers_what_to_doubt_and_sources() -> None:
    assert conversation_markdown(conversation(turn()), "en") == (
        "# Red bridge\n\n"
        "## When was it opened?\n\n"
        "*2026-11-20 12:30 UTC*\n\n"
        f"{TEXT}\n\n"
        "> The engine \\*x\\* rests.\n\n"
        "1 of 3 statements supported by 1 source · 1 in part · 1 not supported\n\n"
        "- **not supported**: It is red. (not so in the source: red)\n"
        "- **partly supported**: It is 200 m long.\n\n"
        "### Sources\n\n"
        "- \\[1\\] The red bridge, example.org, 2026-10-02, <https://example.org/bridge>\n"
        "- \\[2\\] Notes, notes, notes/bridge.md\n\n"
        "Also read, not cited (1)\n\n"
        "- \\[3\\] Other, example.net, <https://example.net/other>\n"
    )


def test_own_words_are_in_the_readers_language() -> None:
    written = conversation_markdown(conversation(turn()), "zh")
    assert "### 来源" in written
    assert "3 句中有 1 句得到来源支持（共 1 个来源）" in written
    assert "- **缺乏依据**: It is red. (来源中并非如此：red)" in written


def test_single_answer_has_its_sources_below_a_second_heading() -> None:
    written = answer_markdown(ANSWER, "en")
    assert written.startswith(TEXT)
    assert "\n\n## Sources\n\n" in written


@pytest.mark.parametrize(
    ("levels", "line"),
    [
        (["supported", "supported"], "2 of 2 statements supported by 1 source"),
        (["supported", "not_checkable"], "The statement is supported by a source"),
        (["partial"], "The statement is supported in part only"),
        (["partial", "unsupported"], "None of 2 statements is wholly supported by the sources"),
        (["unsupported"], "The statement is not supported by the sources"),
        (["not_checkable"], ""),
        ([], ""),
    ],
)
def test_support_line_counts_as_the_page_does(levels: list[SupportLevel], line: str) -> None:
    statements = tuple(statement("It is red [1].", level, 1) for level in levels)
    assert support_line(replace(ANSWER, statements=statements), "en").split(" · ")[0] == line


def test_answer_that_was_not_checked_has_no_support_line() -> None:
    assert support_line(replace(ANSWER, verification=None), "en") == ""


HOSTILE = [
    "[click](https://evil.example)",
    "![x](https://evil.example/x.png)",
    "<script>alert(1)</script>",
    "<https://evil.example>",
    "a\n\n# heading\n\nb",
    "a\r\n- item\u2028- item\x85---",
    "`code` and ``more``",
    "*a* _b_ **c** ~~d~~ $e$ |f| &amp; &#60; \\* @you #1",
    "# heading",
    "- item",
    "+ item",
    "1. item",
    "12) item",
    "123. item",
    "===",
    "---",
    "> quote",
    "\u202eevil\u202c \u200bhidden\x00",
    "[1]: https://evil.example",
    "```\ncode",
    "<!-- open",
    "    indented",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_foreign_title_reads_as_it_was_written_on_one_line(text: str) -> None:
    line = escape_line(text)
    assert "\n" not in line
    assert words_of(line).split() == visible_text(text).split()
    assert kinds_of(line) <= {
        "paragraph_open",
        "paragraph_close",
        "inline",
        "text",
        "text_special",
    }


@pytest.mark.parametrize("text", ["https://evil.example", "www.evil.example", "a@evil.example"])
def test_bare_address_is_no_link_to_programs_that_make_some(text: str) -> None:
    parser = MarkdownIt("gfm-like", {"linkify": False})
    assert "<a " not in parser.render(escape_line(text))
    for bare in ("://", "www.", "a@"):
        assert bare not in escape_line(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_source_question_title_and_notice_change_nothing_around_them(text: str) -> None:
    source = replace(PAGE, title=text, site=text, date=text)
    document = replace(DOCUMENT, title=text, document_id=text)
    answer = replace(ANSWER, sources=(source, document), notices=(text,))
    failure = AnswerFailed("model_error", text, False)
    written = conversation_markdown(
        conversation(turn(text, answer=answer, failure=failure), title=text), "en"
    )
    tokens = tokens_of(written)
    headings = [token.tag for token in tokens if token.type == "heading_open"]
    assert headings == ["h1", "h2", "h3"]
    assert links_in(written) == ["https://example.org/bridge"]
    assert sum(token.type == "list_item_open" for token in tokens) == 4
    assert {"html_block", "html_inline", "fence", "code_block", "image"} & kinds_of(
        written
    ) == set()


@pytest.mark.parametrize(
    "url",
    [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "https://bank.example@evil.example/",
        "https://evil.example/\n> quote",
        "https://evil.example\\@bank.example",
        "ftp://evil.example/",
        "own:x",
    ],
)
def test_address_that_is_no_plain_web_address_is_left_out(url: str) -> None:
    answer = replace(ANSWER, sources=(replace(PAGE, url=url),))
    assert links_in(answer_markdown(answer, "en")) == []


def test_address_cannot_end_its_own_brackets() -> None:
    url = "https://example.org/a><script>alert(1)</script>"
    written = answer_markdown(replace(ANSWER, sources=(replace(PAGE, url=url),)), "en")
    assert "html_inline" not in kinds_of(written)
    assert [unquote(link) for link in links_in(written)] == [url]


@pytest.mark.parametrize(
    ("text", "is_open"),
    [
        ("Do this:\n\n```python\nprint(1)", True),
        ("Do this:\n\n```python\nprint(1)\n```", False),
        ("~~~~\n```\n~~~", True),
        ("~~~~\n```\n~~~~", False),
        ("```", True),
        ("1. a\n\n   ```\n   code\n   ```", False),
        ("- a\n\n  ```\n  code", False),
    ],
)
def test_code_that_the_answer_left_open_does_not_swallow_the_sources(
    text: str, is_open: bool
) -> None:
    written = answer_markdown(replace(ANSWER, text=text, finish_reason="stopped"), "en")
    assert written.startswith(text + ("\n" if is_open else "\n\n"))
    headings = [token.tag for token in tokens_of(written) if token.type == "heading_open"]
    assert headings == ["h2"]


def test_long_question_is_short_in_the_heading_and_whole_below_it() -> None:
    question = "First line?\n- second line\n" + "word " * 60
    written = conversation_markdown(conversation(turn(question)), "en")
    assert "## First line? - second line word" in written
    assert "> First line?\n> \\- second line\n> word word" in written
    assert "…\n" in written


@pytest.mark.parametrize(
    ("status", "changes", "shown"),
    [
        ("running", {}, "> Writing the answer…"),
        ("stopped", {}, "> This answer was interrupted."),
        ("failed", {"failure": AnswerFailed("x", "Start the *model*.", True)}, "> Start the"),
    ],
)
def test_turn_without_an_answer_says_so(
    status: Literal["running", "stopped", "failed"], changes: dict[str, object], shown: str
) -> None:
    written = conversation_markdown(conversation(turn(answer=None, status=status, **changes)), "en")
    assert shown in written


def test_snippet_says_that_its_page_was_not_read() -> None:
    answer = replace(ANSWER, sources=(replace(PAGE, kind="snippet"),))
    assert "Search snippet (page not read), <https" in answer_markdown(answer, "en")


@pytest.mark.parametrize(
    ("title", "plain", "full"),
    [
        ("When was it opened?", "When-was-it-opened.md", "When-was-it-opened.md"),
        ("红桥是哪年建成的？", "conversation.md", "红桥是哪年建成的？.md"),
        ("Über Brücken", "Uber-Brucken.md", "Über-Brücken.md"),
        ("../../etc/passwd", "etc-passwd.md", "etc-passwd.md"),
        ('a"; filename="b.exe', "a-filename-b.exe.md", "a-filename=-b.exe.md"),
        ("a\r\nSet-Cookie: x=1", "a-Set-Cookie-x-1.md", "a-Set-Cookie-x=1.md"),
        ("", "conversation.md", "conversation.md"),
        ("...", "conversation.md", "conversation.md"),
        ("CON", "conversation-CON.md", "conversation-CON.md"),
        ("nul.txt", "conversation-nul.txt.md", "conversation-nul.txt.md"),
        ("\u202etxt.exe\ud800", "txt.exe.md", "txt.exe.md"),
        ("x" * 300, "x" * 80 + ".md", "x" * 80 + ".md"),
    ],
)
def test_name_of_the_file_is_safe_in_both_forms(title: str, plain: str, full: str) -> None:
    header = download_headers(title, "md")["Content-Disposition"]
    header.encode("ascii")
    kind, first, second = header.split("; ")
    assert kind == "attachment"
    assert first == f'filename="{plain}"'
    assert unquote(second.removeprefix("filename*=UTF-8''")) == full
