"""What could be asked next: up to three questions, written by the model behind an answer."""

import json
import logging
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from json_repair import repair_json

from websearch_agent import prompts
from websearch_agent.agent.addresses import find_addresses
from websearch_agent.agent.run import AgentParts
from websearch_agent.conversations import Turn
from websearch_agent.errors import InvalidModelOutput, TurnNotFound
from websearch_agent.function_words import CHINESE_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS
from websearch_agent.invisible_text import visible_text
from websearch_agent.model_calls import Message, ModelCall
from websearch_agent.models.completion import complete
from websearch_agent.protocols import ModelClient, TurnStore
from websearch_agent.types import new_boundary

# What the three questions ask: how something differs from another thing, for what reason it is so,
# what has become of it.
KINDS = ("compare", "why", "today")
ASKED = "asked"
FOLLOW_UPS_TOKENS = 120
MIN_QUESTION_CHARS = 4
MAX_QUESTION_CHARS = 120
# What is shown of question and answer: a laptop reads a thousand tokens in five seconds.
MAX_SHOWN_QUESTION_CHARS = 300
MAX_SHOWN_ANSWER_CHARS = 1000
# So much of its words in one that was asked, and a question is the same one.
MAX_SHARED_WORDS = 0.8
# "bridge" and "bridges" are about the same.
STEM_CHARS = 5

_MARKER = re.compile(r" ?\[\d{1,4}\]")
_NUMBERING = re.compile(r"^\s*(?:[-*•]|\d{1,2}[.)、:：])\s*")
# Markup, links and marks of chat templates: nothing that a plain question needs.
_MARKUP = re.compile(r"[<>|{}\\]|\]\(|\[\d|://|\bwww\.|@\w|\w\.[a-z]{2,}/", re.IGNORECASE)
# The model speaks to the person, instead of for them.
_TO_THE_PERSON = re.compile(
    r"^(?:would|do|are|did|have|shall|should) (?:you|we|i)\b|\bhelp you\b"
    r"|[您你](?:需要|想|是否|还)",
    re.IGNORECASE,
)
_EASTERN = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]+")
_WORD = re.compile(r"[^\W_\u3040-\u9fff\uac00-\ud7af]+|[\u3040-\u9fff\uac00-\ud7af]")

_log = logging.getLogger(__name__)


async def follow_ups_of(conversation_id: str, turn_id: str, parts: AgentParts) -> tuple[str, ...]:
    """Those stored with the turn, else new ones, which are then stored.

    No questions while an answer is being written, or if one begins before they are there: the
    model is the answer's. Raises ConversationNotFound, TurnNotFound, ModelError.
    """
    asked, turn = await _load_turn(conversation_id, turn_id, parts.store)
    if not _may_be_asked_for(turn):
        return turn.follow_ups
    async with parts.running.aside:
        # Another client may have asked for the same turn meanwhile.
        asked, turn = await _load_turn(conversation_id, turn_id, parts.store)
        if not _may_be_asked_for(turn):
            return turn.follow_ups
        suggested = await parts.running.run_while_idle(
            suggest_follow_ups(turn, parts.model, asked=asked)
        )
        if suggested:
            await parts.store.save_follow_ups(turn_id, suggested)
    return suggested or ()


def _may_be_asked_for(turn: Turn) -> bool:
    """Whether the turn has an answer to go on from, and no questions yet."""
    has_text = turn.answer is not None and bool(turn.answer.text.strip())
    return has_text and turn.status in ("finished", "stopped") and not turn.follow_ups


async def _load_turn(
    conversation_id: str, turn_id: str, store: TurnStore
) -> tuple[list[str], Turn]:
    """All questions of the conversation, and the turn."""
    turns = (await store.load_conversation(conversation_id)).turns
    for turn in turns:
        if turn.id == turn_id:
            return [other.question for other in turns], turn
    raise TurnNotFound("This conversation has no such turn (any more).")


async def suggest_follow_ups(
    turn: Turn, model: ModelClient, *, asked: Sequence[str] = ()
) -> tuple[str, ...]:
    """Up to three questions behind this turn's answer; none of `asked`. Raises ModelError.

    A reply that cannot be read is no question, not an error: nobody asked for it.
    """
    call = ModelCall(_messages(turn), max_tokens=FOLLOW_UPS_TOKENS, json_schema=follow_ups_schema())
    try:
        text, _, _ = await complete(model, call)
    except InvalidModelOutput as error:
        _log.warning("no follow-up questions: %s", error.message)
        return ()
    answer = turn.answer.text if turn.answer is not None else ""
    return clean_follow_ups(_read_questions(text), turn.question, asked=asked, answer=answer)


def follow_ups_schema() -> dict[str, object]:
    """The question that was asked, then one of each kind.

    Without the first field the 1.5B model repeats that question among the new ones (in 6 of 10
    replies, 2026-11), and asked for three of any kind it asks three times for the same thing.
    """
    question = {"type": "string", "minLength": MIN_QUESTION_CHARS, "maxLength": MAX_QUESTION_CHARS}
    fields = (ASKED, *KINDS)
    return {
        "type": "object",
        "properties": dict.fromkeys(fields, question),
        "required": list(fields),
        "additionalProperties": False,
    }


def _messages(turn: Turn) -> tuple[Message, ...]:
    boundary = new_boundary()
    text = turn.answer.text if turn.answer is not None else ""
    question = _shortened(turn.question, MAX_SHOWN_QUESTION_CHARS)
    answer = _shortened(_MARKER.sub("", text), MAX_SHOWN_ANSWER_CHARS)
    example = [
        message
        for question, shown, suggested in prompts.follow_ups_examples(turn.question)
        for message in (
            Message("user", shown),
            Message("assistant", _example_reply(question, suggested)),
        )
    ]
    asked = prompts.follow_ups_question(question, answer=answer, boundary=boundary)
    system = Message("system", prompts.follow_ups_system(turn.question))
    return (system, *example, Message("user", asked))


def _example_reply(question: str, suggested: Sequence[str]) -> str:
    fields = {ASKED: question, **dict(zip(KINDS, suggested, strict=True))}
    return json.dumps(fields, ensure_ascii=False)


def _shortened(text: str, most: int) -> str:
    text = " ".join(visible_text(text).split())
    return text if len(text) <= most else text[:most] + "…"


def _read_questions(text: str) -> list[str]:
    """Those of the JSON object, also of a broken one; of a reply without one, its lines."""
    start = text.find("{")
    if start < 0:
        return text.splitlines()
    reply = repair_json(text[start:], return_objects=True)
    fields = reply.items() if isinstance(reply, dict) else ()
    return [said for name, said in fields if name != ASKED and isinstance(said, str)]


def clean_follow_ups(
    questions: Iterable[str], question: str, *, asked: Sequence[str] = (), answer: str = ""
) -> tuple[str, ...]:
    """Those that can be shown: one plain line in the question's script, not asked before, and
    about what question or answer are about.

    An answer rests on foreign pages, and with it what the model makes of it: what does not look
    like a plain question is left out, not mended.
    """
    kept: list[str] = []
    for written in questions:
        line = _NUMBERING.sub("", " ".join(visible_text(written).replace("`", "").split()))
        line = line.strip("\"'“”‘’「」 *_")
        is_new = not any(_is_same_question(line, other) for other in (question, *asked, *kept))
        is_fitting = _script(line) == _script(question) and _is_about(line, question, answer)
        if is_new and is_fitting and _is_plain_question(line):
            kept.append(line)
    return tuple(kept[: len(KINDS)])


def _is_plain_question(line: str) -> bool:
    return (
        MIN_QUESTION_CHARS <= len(line) <= MAX_QUESTION_CHARS
        and line.endswith(("?", "？"))
        and not _MARKUP.search(line)
        and not _TO_THE_PERSON.search(line)
        and not find_addresses(line)
    )


def _script(text: str) -> str:
    """Chinese, Japanese, Korean, or the name of the script that most letters are of."""
    if language := prompts.language_name(text):
        return language
    letters = (unicodedata.name(letter, "").split(" ")[0] for letter in text if letter.isalpha())
    most_common = Counter(letters).most_common(1)
    return most_common[0][0] if most_common else ""


def _is_same_question(one: str, other: str) -> bool:
    """Whether the one asks with nearly the same words, or with fewer of them."""
    words, others = _content_words(one), _content_words(other)
    if not words or not others:
        return one.casefold() == other.casefold()
    return words <= others or len(words & others) / len(words | others) >= MAX_SHARED_WORDS


def _is_about(line: str, question: str, answer: str) -> bool:
    """Whether it has a word of the question, or two of the answer: one name that the answer has
    led the 1.5B model to the capital of the country behind a question about football."""
    words = _topics(line)
    return bool(words & _topics(question)) or len(words & _topics(answer)) > 1


def _topics(text: str) -> set[str]:
    """The beginnings of content words, and pairs of neighbouring Chinese characters."""
    words = {word[:STEM_CHARS] for word in _content_words(text) if not _EASTERN.match(word)}
    runs = (run.group() for run in _EASTERN.finditer(CHINESE_FUNCTION_WORDS.sub(" ", text)))
    return words.union(run[place : place + 2] for run in runs for place in range(len(run) - 1))


def _content_words(text: str) -> set[str]:
    plain = CHINESE_FUNCTION_WORDS.sub(" ", text.casefold())
    return {word for word in _WORD.findall(plain) if word not in ENGLISH_FUNCTION_WORDS}
