"""What a source denies of a statement, or says the other way round: not, fell for rose."""

import re
from typing import NamedTuple

from websearch_agent.citations.claims import Claim
from websearch_agent.citations.nearest import Nearest
from websearch_agent.citations.terms import FUNCTION_STEMS, stem, tokens_of

# Below this share of the statement's terms a sentence is not about the same.
NEARLY_SAME = 0.75
HALF = 0.5
# What is denied stands close behind the word of denial.
_DENIED_WORDS = 4
_MOST_OF_THEM = 0.6
_DENIED_CHARS = 6
_ANSWER_PARTICLE = re.compile(r"^\W*no\b", re.IGNORECASE)
_DENIAL = re.compile(
    r"\b(?:not(?!\s(?:only|just|merely|simply|until|least|necessarily|(?:more|less|later)\sthan))"
    r"|no(?!\s(?:doubt|matter|wonder|(?:more|less|fewer|later)\sthan))"
    r"|never|none|nor|neither|without|cannot|unable|except(?:ing)?|(?:hardly|barely)(?:\sever)?|fail(?:s|ed)?\sto|lack(?:s|ed)?"
    r"|den(?:y|ies|ied)|refus(?:e|es|ed)|(?:false|untrue|a\smyth)\sthat)\b|n['’]t\b"
    r"|不(?!仅|但|过|断|同|少|久|等|管|论|锈|动产|得不|可不|能不)|没(?:有|能)|未(?!来|必)|并非|无法|从未"
    r"|否认|拒绝|停止",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[,;:.!?()&，；：、。！？（）—]|\b(?:but|because|although|though|while|whereas|and|or|until"
    r"|according|since|when|if|which|who)\b|但|因为|所以",
    re.IGNORECASE,
)
# Each pair: who says the one does not say the other.
_OPPOSITES = tuple(
    tuple(
        re.compile(rf"\b(?:{english})\b|{chinese}", re.IGNORECASE)
        for english, chinese in ((one, chinese_one), (other, chinese_other))
    )
    for one, other, chinese_one, chinese_other in (
        (
            r"rose|ris(?:e|es|en|ing)|increas\w+|grew|grow(?:s|n|ing|th)?|climb\w*|gained",
            r"fell|fall(?:s|en|ing)?|decreas\w+|declin\w+|drop\w*|shr[aiu]nk\w*|lost",
            "增长|上升|增加|提高|上涨",
            "下降|减少|降低|下跌|下滑",
        ),
        (
            r"at\sleast|(?:more|greater|higher)\sthan|over(?=\s\d)|above|exceed\w*",
            r"at\smost|(?:less|fewer|lower)\sthan|under(?=\s\d)|below|up\sto",
            "至少|超过|多于|高于",
            "至多|最多|不到|不足|少于|低于|不超过",
        ),
        (r"before|prior\sto", "after", "之前|以前", "之后|以后"),
        (
            r"(?:on|enabled)\sby\sdefault",
            r"(?:off|disabled)\W{0,3}\sby\sdefault",
            "默认开启",
            "默认关闭",
        ),
        (
            "allow(?:s|ed)?|permit(?:s|ted)?",
            r"(?:forbid|prohibit|ban)\w*|forbade",
            "(?<!不)(?:允许|可以|准许)",
            "禁止|不得|不准|不可以",
        ),
        (r"open(?:s)?", r"clos(?:ed|es)", "开放|开馆|营业", "闭馆|休馆|关闭|停业"),
        (
            r"still(?=\s\w+ing)|continues?",
            r"stopped|ceased|discontinued",
            "仍|继续",
            "停止|终止|停售",
        ),
    )
)
_ORDINALS = "first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth|last"
_WEEKDAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
# What stands for one of many: of the same thing it cannot be two.
_ONE_OF_MANY = re.compile(
    rf"\b(?P<which>{_ORDINALS})\s(?P<thing>[a-z]+)|\b(?P<day>{_WEEKDAYS})s?\b"
    r"|(?:周|星期|礼拜)(?P<cn>[一二三四五六日天])",
    re.IGNORECASE,
)


class _Scope(NamedTuple):
    """A word of denial and what it denies: the stems of its clause, the text of its clause."""

    word: str
    stems: tuple[str, ...]
    text: str


def denies(text: str) -> bool:
    """Whether the text holds a word of denial."""
    return _DENIAL.search(text) is not None


def denial_against(claim: Claim, nearest: Nearest) -> tuple[str, ...]:
    """What the statement denies of the nearest sentence, or asserts and that sentence denies.

    The latter only if the words right behind the sentence's denial, within its clause, are in the
    statement: a sentence that denies something says much else.
    """
    best = nearest.sentences[nearest.best]
    if inserted := _inserted_in_chinese(claim.text, best.text):
        return (inserted,)
    share = claim.share(nearest.masks[nearest.best])
    # Whom "it" stands for is named in the sentence before.
    if share < NEARLY_SAME and (nearest.together < NEARLY_SAME or share < HALF):
        return ()
    stated = _scopes(_ANSWER_PARTICLE.sub("", claim.text))
    said = _scopes(best.text)
    if stated and not said:
        return (stated[0].word,) if share >= NEARLY_SAME else ()
    for scope in said:
        if (asserted := _asserted(claim, scope)) and not _denied_in(scope, stated):
            return (asserted,)
    if stated and said:
        return tuple(
            scope.word
            for scope in stated
            if scope.stems
            and best.terms.issuperset(scope.stems)
            and not any(set(scope.stems) & set(other.stems) for other in said)
        )[:1]
    return ()


def _inserted_in_chinese(stated: str, said: str) -> str:
    """A denial that only one of two equal stretches holds: it cuts through the pairs compared."""
    for match in _DENIAL.finditer(stated):
        before, behind = (
            stated[max(0, match.start() - 2) : match.start()],
            stated[match.end() :][:2],
        )
        if len(before + behind) == 4 and behind >= "\u3005" and before + behind in said:
            return match[0]
    return ""


def opposite_of(claim: Claim, nearest: Nearest) -> tuple[str, ...]:
    """The statement's word whose opposite stands in the nearest sentence instead of it."""
    best = nearest.sentences[nearest.best]
    if claim.share(nearest.masks[nearest.best]) < NEARLY_SAME * NEARLY_SAME:
        return ()
    around = " ".join(nearest.sentences[place].text for place in nearest.around)
    for pair in _OPPOSITES:
        for own, other in (pair, pair[::-1]):
            found = own.search(claim.text)
            if found and not other.search(claim.text) and other.search(best.text):
                return () if own.search(around) else (found[0],)
    return _another_of_many(claim.text, best.text, around)


def _another_of_many(stated: str, said: str, around: str) -> tuple[str, ...]:
    there = {(thing, which) for thing, which, _ in _ones_of_many(around)}
    things = {thing for thing, _, _ in _ones_of_many(said)}
    return tuple(
        written
        for thing, which, written in _ones_of_many(stated)
        if thing in things and (thing, which) not in there
    )[:1]


def _ones_of_many(text: str) -> list[tuple[str, str, str]]:
    """What it is one of, which one, and how that is written."""
    return [
        (
            stem(match["thing"]) if match["thing"] else "day",
            (match["which"] or match["day"] or match["cn"]).lower(),
            match["which"] or match[0],
        )
        for match in _ONE_OF_MANY.finditer(text)
    ]


def _scopes(text: str) -> list[_Scope]:
    scopes = []
    for match in _DENIAL.finditer(text):
        end = _CLAUSE_END.search(text, match.end())
        clause = text[match.end() : end.start() if end else len(text)].strip()
        stems = [t.stem for t in tokens_of(clause) if t.stem not in FUNCTION_STEMS]
        scopes.append(_Scope(match[0], tuple(stems), clause))
    return scopes


def _asserted(claim: Claim, scope: _Scope) -> str:
    """The statement's word for what the scope denies first; empty if it does not say that."""
    if not scope.stems:
        return ""
    if scope.stems[0] >= "\u3005":
        clause = scope.text[:_DENIED_CHARS]
        held = sum(char in claim.text for char in clause)
        says = clause[:2] in claim.text and held >= NEARLY_SAME * len(clause)
        return clause[:2] if says else ""
    denied = scope.stems[:_DENIED_WORDS]
    places = {token.stem: token for token in reversed(claim.tokens)}
    held = sum(word in places for word in denied)
    if not all(word in places for word in denied[:2]) or held < _MOST_OF_THEM * len(denied):
        return ""
    token = places[denied[0]]
    return claim.text[token.start : token.end]


def _denied_in(scope: _Scope, stated: list[_Scope]) -> bool:
    if scope.stems[0] >= "\u3005":
        return any(scope.text[:2] in other.text for other in stated)
    return any(scope.stems[0] in other.stems for other in stated)
