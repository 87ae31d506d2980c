"""A follow-up as it would be asked without its conversation, and whether a rewrite can be trusted.

Small models, asked to rewrite, also answer, repeat the question before, or put in a name of the
prompt's examples. So a rewrite may only put in words of the conversation, and must keep what the
question says: measured with `websearch-agent eval rewriting`.
"""

import re
from collections.abc import Iterable, Sequence

from websearch_agent.function_words import CHINESE_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS
from websearch_agent.model_calls import Message

MAX_QUESTION_CHARS = 160
MAX_TURNS = 4
# Shares of the question's words (characters of Chinese) that must be in its rewrite.
MIN_KEPT_SHARE = 0.65
# Words, or Chinese characters, that a rewrite may have of its own: an ending, a particle.
MAX_NEW_WORDS = 1
MAX_NEW_CHARACTERS = 3

# Latin words, or single characters of scripts without spaces.
_WORD = re.compile(r"[^\W_\u3040-\u9fff\uac00-\ud7af]+|[\u3040-\u9fff\uac00-\ud7af]")
_MARKER = re.compile(r" ?\[\d+\]")
_CJK = re.compile(r"[\u3040-\u9fff\uac00-\ud7af]")
_NEGATION = re.compile(r"\b(?:not|never|no|without|\w+n['’]t)\b|[不没未无非]", re.IGNORECASE)
_POINTS_BACK = re.compile(
    r"\b(?:it|its|they|them|their|this|that|these|those|he|him|his|she|her|hers|there|ones?)\b"
    r"|[它他她其该那这]|还有",
    re.IGNORECASE,
)
# What points back or fills: a rewrite may leave it out.
_FILLERS = ENGLISH_FUNCTION_WORDS.union(
    ("he", "him", "his", "she", "her", "hers", "those", "here", "one", "ones", "else", "then"),
    ("than", "again", "also", "too", "just", "really", "okay", "ok", "oh", "wow", "hmm", "well"),
    ("yes", "no", "thanks", "thank", "great", "cool", "sounds", "good", "right", "sure", "more"),
    "它他她其该那这些个哪里了呢啊吧吗呀嘛哦嗯的得地是你我有在就都也还又去来",
)


def shown_turns(history: Sequence[Message]) -> list[tuple[str, str]]:
    """Question and answer of the first turn, which often names the subject, and of the latest."""
    turns = [
        (_shortened(asked.content), _shortened(answered.content))
        for asked, answered in zip(history[::2], history[1::2], strict=False)
    ]
    return turns if len(turns) <= MAX_TURNS else [turns[0], *turns[1 - MAX_TURNS :]]


def _shortened(text: str) -> str:
    line = " ".join(_MARKER.sub("", text).split())
    return line if len(line) <= MAX_QUESTION_CHARS else line[:MAX_QUESTION_CHARS] + "…"


def points_back(question: str) -> bool:
    """Whether it has a word such as "it" or “那个”, which stands for something said before."""
    return bool(_POINTS_BACK.search(question))


def is_trusted(rewrite: str, question: str, history: Sequence[Message]) -> bool:
    """Whether it says what the question says, in words of the question and the conversation."""
    said = _words(" ".join([question, *(message.content for message in history)]))
    written = _words(rewrite)
    if _NEGATION.search(question) and not _NEGATION.search(rewrite):
        return False
    kept = _share(word in written for word in _words(question))
    new = written - said
    new_characters = sum(bool(_CJK.match(word)) for word in new)
    return (
        kept >= MIN_KEPT_SHARE
        and new_characters <= MAX_NEW_CHARACTERS
        and len(new) - new_characters <= MAX_NEW_WORDS
    )


def with_question_before(question: str, history: Sequence[Message]) -> str:
    """The question behind the one before it, if it points back; else alone.

    Never otherwise: it may be about something else, and then that is nobody's business.
    """
    asked = [message.content for message in history if message.role == "user"]
    if not asked or not points_back(question):
        return question
    return f"{asked[-1][:MAX_QUESTION_CHARS]} {question}"


def _words(text: str) -> set[str]:
    """Content words in their plain form; each Chinese character is one."""
    plain = CHINESE_FUNCTION_WORDS.sub(" ", text.casefold())
    return {_stem(word) for word in _WORD.findall(plain) if word not in _FILLERS}


def _stem(word: str) -> str:
    """Without common English endings, so that "differ" and "differences" are alike enough."""
    if not word.isascii() or len(word) < 5:
        return word
    return re.sub(r"(?:ences?|ies|ing|ers?|est|ed|es|s|y|e)$", "", word)


def _share(kept: Iterable[bool]) -> float:
    values = list(kept)
    return sum(values) / len(values) if values else 1.0
