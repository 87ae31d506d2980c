"""Questions to begin with, which what is searched can answer."""

import re
from collections.abc import Iterable
from typing import Literal

from websearch_agent.invisible_text import visible_text

MAX_ABOUT_TITLES = 2
MIN_TITLE_CHARS = 4
MAX_TITLE_CHARS = 60

_SEARCHED = {
    # Web engines have answers; over the built-in collection the embedded model's were right.
    "en": (
        "What can Trafilatura extract from a web page?",
        "What is Jinja and what can it do?",
    ),
    "zh": ("Trafilatura 能从网页中提取哪些内容？", "uvicorn 是什么？"),
}
_WITHOUT_SEARCH = {
    "en": "Write a haiku about checking one's sources.",
    "zh": "写一首关于查证来源的短诗。",
}
_ABOUT_TITLE = {"en": "What does “{title}” say?", "zh": "“{title}”讲了什么？"}

# A title that many documents have, or that is a file's name, an address or markup.
_NO_TITLE = re.compile(
    r"^(?:index|read ?me|home|contents?|table of contents|untitled|document|overview|introduction"
    r"|change ?log|licen[cs]e|notes?|todo|目录|首页|简介|无标题|未命名)\b.{0,3}$"
    r"|^(?:附录|appendix\b)|\.[a-z]{2,5}$|[/\\<>`|{}\[\]“”\"@]|://",
    re.IGNORECASE,
)


def suggest_questions(titles: Iterable[str], language: Literal["en", "zh"]) -> tuple[str, ...]:
    """About the first `titles` that can be asked about, those in the language before others;
    without any about what is always there.

    The last one needs no search. The same titles give the same questions.
    """
    askable = list(_askable(titles))
    # A reader of English has nothing of a question about a Chinese document, if there are others.
    readable = [title for title in askable if _is_chinese(title) == (language == "zh")] or askable
    about_titles = tuple(
        _ABOUT_TITLE[language].format(title=title) for title in readable[:MAX_ABOUT_TITLES]
    )
    return (*(about_titles or _SEARCHED[language]), _WITHOUT_SEARCH[language])


def _is_chinese(title: str) -> bool:
    return re.search(r"[\u4e00-\u9fff]", title) is not None


def _askable(titles: Iterable[str]) -> Iterable[str]:
    """Each short plain title once. They are foreign text: what is not plain is left out."""
    seen = set[str]()
    for written in titles:
        title = " ".join(visible_text(written).split())
        shortest = 2 if _is_chinese(title) else MIN_TITLE_CHARS
        is_plain = shortest <= len(title) <= MAX_TITLE_CHARS and not _NO_TITLE.search(title)
        if is_plain and title.casefold() not in seen:
            seen.add(title.casefold())
            yield title
