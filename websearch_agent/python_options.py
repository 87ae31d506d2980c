"""How the Python library is asked, and the checks of what it is asked with."""

import re
from collections.abc import Sequence, Set
from typing import Any, TypedDict, get_args

from websearch_agent.errors import InvalidRequest
from websearch_agent.search.domain_filter import plain_domain
from websearch_agent.types import (
    LANGUAGE_TAG_PATTERN,
    MAX_DOMAIN_CHARS,
    MAX_FILTER_DOMAINS,
    AnswerRequest,
    EvidenceForm,
    Mode,
    SearchSwitch,
    TimeRange,
    Verification,
)


class AskOptions(TypedDict, total=False):
    """How to answer. What is left out or None is `auto`, `balanced`, no limit, or as the settings
    say.

    `search` is `auto` (the model decides), `always` or `never`; `mode` is `quick`, `balanced` or
    `deep`; `time_range` is `day`, `week`, `month` or `year`. `language` is a tag such as `en` or
    `zh-CN`, for the search. `instructions` is a system prompt of yours. `verification` is who
    checks the statements: `fast`, `model` or `off`; `strict` has an answer with unsupported
    statements written anew once. `evidence` is `passages` or `summaries`.
    """

    search: SearchSwitch | None
    mode: Mode | None
    time_range: TimeRange | None
    include_domains: Sequence[str] | None
    exclude_domains: Sequence[str] | None
    language: str | None
    instructions: str | None
    evidence: EvidenceForm | None
    verification: Verification | None
    strict: bool | None
    max_answer_tokens: int | None


CHOICES: dict[str, tuple[str, ...]] = {
    "search": get_args(SearchSwitch),
    "mode": get_args(Mode),
    "time_range": get_args(TimeRange),
    "evidence": get_args(EvidenceForm),
    "verification": get_args(Verification),
}


def make_request(question: str, conversation_id: str | None, options: AskOptions) -> AnswerRequest:
    """Raises InvalidRequest for an option or value that is none of those known."""
    unknown = sorted(set(options) - set(AskOptions.__annotations__))
    if unknown:
        known = ", ".join(AskOptions.__annotations__)
        raise InvalidRequest(f"{', '.join(unknown)}: no such option; there are {known}.")
    given = {name: value for name, value in options.items() if value is not None}
    check_text("question", question)
    _check_type("conversation_id", conversation_id, str, "a text")
    for name, choices in CHOICES.items():
        check_choice(name, given.get(name), choices)
    check_language(given.get("language"))
    _check_type("instructions", given.get("instructions"), str, "a text")
    _check_type("strict", given.get("strict"), bool, "True or False")
    check_whole_number("max_answer_tokens", given.get("max_answer_tokens", 1))
    domains: dict[str, object] = {
        name: plain_domains(name, given[name])
        for name in ("include_domains", "exclude_domains")
        if name in given
    }
    checked: dict[str, Any] = {**given, **domains}
    return AnswerRequest(question, conversation_id, **checked)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if value is not None and value not in choices:
        raise InvalidRequest(f"{name}={value!r} is not known; it is one of {', '.join(choices)}.")


def check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidRequest(f"{name}={value!r} is not a text.")


def _check_type(name: str, value: object, kind: type, wanted: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise InvalidRequest(f"{name}={value!r} is not {wanted}.")


def check_language(value: object) -> None:
    is_tag = isinstance(value, str) and re.fullmatch(LANGUAGE_TAG_PATTERN, value)
    if value is not None and not is_tag:
        raise InvalidRequest(f"language={value!r} is no language tag; examples: en, zh-CN.")


def check_whole_number(name: str, value: object, *, most: int | None = None) -> None:
    # True is a number in Python.
    is_number = isinstance(value, int) and not isinstance(value, bool)
    if not is_number or value < 1 or (most is not None and value > most):  # type: ignore[operator]
        wanted = "of at least 1" if most is None else f"from 1 to {most}"
        raise InvalidRequest(f"{name}={value!r} is not a whole number {wanted}.")


def plain_domains(name: str, domains: object) -> tuple[str, ...]:
    if domains is None:
        return ()
    # A string is a sequence too: of its letters.
    if isinstance(domains, str):
        raise InvalidRequest(f"{name} is a list of domains; write {name}=[{domains!r}].")
    if not isinstance(domains, Sequence | Set):
        raise InvalidRequest(f"{name}={domains!r} is not a list of domains.")
    if len(domains) > MAX_FILTER_DOMAINS:
        raise InvalidRequest(f"{name} has {len(domains)} domains; at most {MAX_FILTER_DOMAINS}.")
    for domain in domains:
        if not isinstance(domain, str) or not 1 <= len(domain) <= MAX_DOMAIN_CHARS:
            raise InvalidRequest(
                f"{name} holds what is no domain; each is a text of 1 to {MAX_DOMAIN_CHARS} "
                "characters, for example docs.python.org."
            )
    return tuple(map(plain_domain, domains))
