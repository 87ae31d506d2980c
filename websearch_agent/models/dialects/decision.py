"""The decision of the dialect `schema`: its JSON schema, and reading the reply."""

import json
import math
import re
from collections.abc import Sequence

from json_repair import repair_json

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import TokenLogprob
from websearch_agent.models.dialects.standalone import (
    MAX_QUESTION_CHARS,
    is_trusted,
    with_question_before,
)
from websearch_agent.prompts import TASKS_FOR_THE_WEB, TASKS_WITHOUT_WEB, language_name
from websearch_agent.types import Decision, Prompt

MAX_QUERIES = 3
MAX_WHOLE_QUESTION_CHARS = MAX_QUESTION_CHARS
# Room for the longest replies that the schemas allow.
DECISION_TOKENS = 40
QUERIES_TOKENS = 220
STANDALONE_TOKENS = 100

SEARCH, REUSE, ANSWER = "web", "sources", "nothing"
MORE_FROM_SOURCES = "more_from_sources"
# What a program's commands do is named "programming" as well as writing code is. There a doubt is
# enough to search: of 34 rows that needed none and were named so, 2 more are searched (2026-11).
LIKELY_ENOUGH = {"programming": 0.4}
# The kind of task is the reason that the person reads.
_CHINESE_REASONS = {
    "small_talk": "闲聊",
    "this_conversation": "关于本次对话",
    "translation": "翻译",
    "rewriting": "改写文字",
    "given_text": "关于所给的文字",
    "mathematics": "数学",
    "logic": "逻辑推理",
    "programming": "编程",
    "creative_writing": "写作",
    "role_play": "角色扮演",
    "advice": "建议",
    "textbook_knowledge": "常识",
    "specific_fact": "关于具体事物的事实",
    "recent_event": "近期的或会变化的信息",
    "product_or_price": "产品、版本或价格",
    "software_manual": "软件的用法",
    MORE_FROM_SOURCES: "已有资料的更多内容",
}

_NEEDS = re.compile(r'"needs"\s*:\s*"')


def decision_schema(prompt: Prompt) -> dict[str, object]:
    """JSON schema of the decision: the kind of task first, then what it needs.

    Queries are left to a call of their own: asked for here too, the 1.5B model decided 0.83
    of 140 rows rightly instead of 0.94 (2026-11).
    """
    tasks = [*TASKS_WITHOUT_WEB, *TASKS_FOR_THE_WEB]
    needs = [SEARCH, ANSWER]
    if prompt.in_hand:
        tasks.append(MORE_FROM_SOURCES)
        needs.append(REUSE)
    return _object_schema(
        task={"type": "string", "enum": tasks}, needs={"type": "string", "enum": needs}
    )


def queries_schema() -> dict[str, object]:
    """JSON schema of the queries."""
    queries: dict[str, object] = {
        "type": "array",
        "items": {"type": "string", "minLength": 1, "maxLength": 80},
        "minItems": 1,
        "maxItems": MAX_QUERIES,
    }
    return _object_schema(queries=queries)


def _object_schema(**properties: dict[str, object]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def parse_decision(
    text: str,
    prompt: Prompt,
    *,
    tokens: Sequence[TokenLogprob] = (),
    threshold: float | None = None,
) -> Decision:
    """Read the JSON reply, its queries still to be written. Raises InvalidModelOutput.

    Where the tokens' probabilities are known and a threshold is set, they decide between
    searching and not; without one, for kinds of task that are often misnamed.
    """
    reply = _read_object(text)
    task, needs = reply.get("task", ""), reply.get("needs")
    if not isinstance(task, str) or needs not in (SEARCH, REUSE, ANSWER):
        raise _unreadable()
    probability = search_probability(tokens)
    enough = threshold if threshold is not None else LIKELY_ENOUGH.get(task)
    if probability is not None and enough is not None:
        likely = probability >= enough
        needs = SEARCH if likely else (ANSWER if needs == SEARCH else needs)
    return Decision(
        search=needs == SEARCH,
        reason=_reason(task, prompt.question),
        reuse=needs == REUSE and bool(prompt.in_hand),
        probability=probability,
    )


def _reason(task: str, question: str) -> str:
    """The kind of task in words, in the question's language."""
    if language_name(question) == "Chinese":
        return _CHINESE_REASONS.get(task, "")
    return task.replace("_", " ") if task in _CHINESE_REASONS else ""


def _read_object(text: str) -> dict[str, object]:
    """The JSON object; for servers that do not hold a reply to a schema, also out of a fence,
    out of prose, and with the usual slips."""
    try:
        reply = json.loads(text)
    except ValueError:
        start = text.find("{")
        reply = repair_json(text[start:], return_objects=True) if start >= 0 else None
    if not isinstance(reply, dict):
        raise _unreadable()
    return reply


def _unreadable() -> InvalidModelOutput:
    return InvalidModelOutput(
        "The model's decision whether to search could not be read. Try again."
    )


def search_probability(tokens: Sequence[TokenLogprob]) -> float | None:
    """The model's probability of searching, read off the token with which `needs` begins.

    From the likeliest tokens at that place where they are told, else from the written token
    alone: all others then count as the other choice. None without log probabilities.
    """
    text = ""
    for token in tokens:
        before, text = text, text + token.text
        found = _NEEDS.search(text)
        if found is not None and len(text) > found.end():
            return _probability_at(token, value_index=max(0, found.end() - len(before)))
    return None


def _probability_at(token: TokenLogprob, *, value_index: int) -> float:
    """`value_index`: where in the token the value of `needs` begins; it may hold the quote too."""
    head = token.text[:value_index]
    if not token.alternatives:
        written = math.exp(min(0.0, token.logprob))
        searches = _begins_alike(token.text[value_index:], SEARCH)
        return written if searches else 1.0 - written
    searching = others = 0.0
    for text, logprob in token.alternatives:
        value = text.removeprefix(head) if text.startswith(head) else ""
        if _begins_alike(value, SEARCH):
            searching += math.exp(logprob)
        elif _begins_alike(value, ANSWER) or _begins_alike(value, REUSE):
            others += math.exp(logprob)
    return searching / (searching + others) if searching + others > 0 else 0.5


def _begins_alike(value: str, step: str) -> bool:
    return bool(value) and (step.startswith(value) or value.startswith(step))


def parse_queries(text: str, question: str) -> tuple[str, ...]:
    """What is searched: the whole question, and the model's key words beside it.

    In key words, small models lose names and points ("git undo last commit keep changes" became
    an answer about amending). `question` stands alone. Raises InvalidModelOutput.
    """
    queries = _read_object(text).get("queries")
    if not isinstance(queries, list):
        raise _unreadable()
    texts = [query for query in queries if isinstance(query, str)]
    wanted = [question[:MAX_WHOLE_QUESTION_CHARS], *texts[: MAX_QUERIES - 1]]
    words = [" ".join(query.split()) for query in wanted]
    kept = tuple(dict.fromkeys(query for query in words if query))[:MAX_QUERIES]
    if len(question) > MAX_WHOLE_QUESTION_CHARS and len(kept) > 1:
        kept = kept[1:]  # The beginning of a long text is no query.
    return kept


def question_as_query(question: str) -> tuple[str, ...]:
    """What is searched when the model could write no query: the question as it stands."""
    return (" ".join(question[:MAX_WHOLE_QUESTION_CHARS].split()),)


def standalone_schema() -> dict[str, object]:
    """JSON schema of a follow-up that was rewritten to stand alone."""
    return _object_schema(
        standalone={"type": "string", "minLength": 1, "maxLength": MAX_WHOLE_QUESTION_CHARS}
    )


def parse_standalone(text: str, prompt: Prompt) -> str:
    """The follow-up as it stands alone; as it was asked where the rewrite cannot be trusted.

    Raises InvalidModelOutput.
    """
    rewrite = _read_object(text).get("standalone")
    if not isinstance(rewrite, str) or not rewrite.strip():
        raise _unreadable()
    unchanged = _plain(rewrite) == _plain(prompt.question)
    if unchanged or not is_trusted(rewrite, prompt.question, prompt.history):
        return with_question_before(prompt.question, prompt.history)
    return rewrite


def _plain(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" ?？.。!！")
