"""Renders `prompts/*.jinja`: each function here is named after the file that it renders."""

import datetime as dt
import re
from collections.abc import Sequence
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from websearch_agent.resources import resource_dir
from websearch_agent.types import (
    Source,
)

# Our own fence, and how the common chat templates write roles: ChatML and Llama 3 (<|…|>),
# DeepSeek (<｜…｜>), Gemma (<start_of_turn>), Mistral ([INST]).
_TAG = re.compile(r"<(?=\s*/?\s*source|[|｜]|/?(?:start|end)_of_turn)", re.IGNORECASE)
_SPECIAL_TOKEN_END = re.compile(r"[|｜]>")
_INSTRUCTION = re.compile(r"\[(/?INST)\]", re.IGNORECASE)
_CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
# "…in 2019.[12]" is how encyclopaedias print references; left in, models copy them as ours.
_REFERENCE_BEHIND_SENTENCE = re.compile(r"(?<=[.,;。，；])(?:\[\d{1,3}\])+")
_REFERENCE = re.compile(r"\[{1,2}(?:citation:\s*)?(\d{1,3})\]{1,2}")
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def chat_system(today: dt.date, *, search_tool: bool, language: str = "") -> str:
    """System prompt of a call without sources; `search_tool` is the on/off switch of search."""
    return _render("chat_system", **_date(today), search_tool=search_tool, language=language)


def decide_system(today: dt.date, *, must_search: bool, follow_up: bool) -> str:
    """System prompt of the call that only decides, for models without tool calls."""
    return _render("decide_system", **_date(today), must_search=must_search, follow_up=follow_up)


def decide_question(question: str) -> str:
    """Last user message of the call that only decides: the form is repeated behind the question."""
    return _render("decide_question", question=question, language=language_name(question))


def answer_system(today: dt.date, *, search_tool: bool) -> str:
    """System prompt of a call that shows sources."""
    return _render("answer_system", **_date(today), search_tool=search_tool)


def answer_question(question: str, *, sources: Sequence[Source]) -> str:
    """User message with the sources, then the question."""
    language = language_name(question)
    return _render("answer_question", question=question, sources=sources, language=language)


def answer_example(question: str) -> tuple[tuple[str, str], ...]:
    """A made-up conversation as (user, assistant) pairs: one answer, one honest refusal.

    In the question's language: small models copy the form of an example far better than they
    follow a rule.
    """
    chinese = language_name(question) == "Chinese"

    def part(turn: str) -> str:
        return _render("answer_example", chinese=chinese, turn=turn)

    return (part("sources"), part("answer")), (part("follow_up"), part("refusal"))


def name_source(question: str) -> str:
    """User message behind an answer that named no source."""
    return _render("name_source", language=language_name(question))


def sources(sources: Sequence[Source]) -> str:
    """The sources alone, for a `tool` message."""
    return _render("sources", sources=sources)


def language_name(text: str) -> str:
    """The language to answer in when the script tells it, else empty.

    Small models drift into the sources' language unless it is named.
    """
    if re.search(r"[぀-ヿ]", text):
        return "Japanese"
    if re.search(r"[가-힯]", text):
        return "Korean"
    han = len(re.findall(r"[一-鿿]", text))
    latin_words = len(re.findall(r"[A-Za-zÀ-ɏ]{2,}", text))
    return "Chinese" if han and han >= latin_words else ""


def page_text(text: str) -> str:
    """Page text as data: it cannot close its block, nor write a role of the common templates.

    Its own references `[n]` would be taken for ours: gone behind a sentence, else `(n)`. In code
    they stay.
    """
    text = _INSTRUCTION.sub(r"(\1)", _SPECIAL_TOKEN_END.sub("|›", _TAG.sub("‹", text)))
    pieces = _CODE.split(text)
    pieces[::2] = [_without_references(prose) for prose in pieces[::2]]
    return "".join(pieces)


def _without_references(prose: str) -> str:
    return _REFERENCE.sub(r"(\1)", _REFERENCE_BEHIND_SENTENCE.sub("", prose))


def attribute(text: str) -> str:
    """Page text inside a quoted attribute: one short line."""
    line = _without_references(page_text(" ".join(text.split())))
    return line[:120].replace('"', "'").replace("<", "‹")


def _date(today: dt.date) -> dict[str, str]:
    # Not strftime: its names follow the machine's locale.
    return {"today": today.isoformat(), "weekday": _WEEKDAYS[today.weekday()]}


def _render(name: str, **values: object) -> str:
    return _environment().get_template(f"{name}.jinja").render(**values).strip()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(resource_dir("prompts")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - prompts are text, not HTML; page text goes through page_text
        trim_blocks=False,
        keep_trailing_newline=False,
    )
    environment.filters["page_text"] = page_text
    environment.filters["attribute"] = attribute
    return environment
