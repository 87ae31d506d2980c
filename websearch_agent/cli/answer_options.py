"""The options of `ask` and `chat`: how a question is to be answered."""

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated

import typer

from websearch_agent.cli.running import from_shell
from websearch_agent.errors import InvalidRequest
from websearch_agent.types import AnswerRequest

LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}")


class Search(StrEnum):
    auto = "auto"
    always = "always"
    never = "never"


class AnswerMode(StrEnum):
    quick = "quick"
    balanced = "balanced"
    deep = "deep"


class Check(StrEnum):
    off = "off"
    fast = "fast"
    model = "model"


class Since(StrEnum):
    day = "day"
    week = "week"
    month = "month"
    year = "year"


SearchOption = Annotated[
    Search, typer.Option(help="Whether to search: the model decides (auto), always, never.")
]
ModeOption = Annotated[AnswerMode, typer.Option(help="How much to read.")]
SiteOption = Annotated[
    list[str] | None,
    typer.Option(
        "--site",
        metavar="DOMAIN",
        help="Only pages of this domain; -DOMAIN: none of it. May be given again.",
    ),
]
ExcludeSiteOption = Annotated[
    list[str] | None,
    typer.Option(metavar="DOMAIN", help="No pages of this domain. May be given again."),
]
SinceOption = Annotated[
    Since | None, typer.Option(help="Only pages of the last day, week, month or year.")
]
LanguageOption = Annotated[
    str | None, typer.Option(metavar="TAG", help="Language to search in, such as en or zh-CN.")
]
VerificationOption = Annotated[
    Check | None,
    typer.Option(
        "--verification",
        help="Who checks the statements against the sources. Default: WEBSEARCH_VERIFICATION.",
    ),
]
StrictOption = Annotated[
    bool | None,
    typer.Option(help="Write an answer with unsupported statements anew, once."),
]
ConversationOption = Annotated[
    str | None, typer.Option("--conversation", help="Continue the conversation with this id.")
]


def build_request(
    question: str,
    *,
    search: Search,
    mode: AnswerMode,
    sites: Sequence[str] | None,
    excluded_sites: Sequence[str] | None,
    since: Since | None,
    language: str | None,
    conversation: str | None,
    verification: Check | None,
    strict: bool | None,
) -> AnswerRequest:
    """Raises InvalidRequest for what is no domain or no language."""
    named = [from_shell(site) for site in sites or ()]
    excluded = [name[1:] for name in named if name.startswith("-")]
    return AnswerRequest(
        question=question,
        conversation_id=conversation,
        search=search.value,
        mode=mode.value,
        time_range=since.value if since else None,
        include_domains=_domains([name for name in named if not name.startswith("-")]),
        exclude_domains=_domains([*excluded, *map(from_shell, excluded_sites or ())]),
        language=_language(language),
        verification=verification.value if verification else None,
        strict=strict,
    )


def _domains(names: Sequence[str]) -> tuple[str, ...]:
    from websearch_agent.search.domain_filter import plain_domain

    return tuple(dict.fromkeys(map(plain_domain, names)))


def _language(tag: str | None) -> str | None:
    if tag is not None and not LANGUAGE_TAG.fullmatch(tag):
        raise InvalidRequest(f"--language: {tag!r} is no language tag; example: en or zh-CN")
    return tag
