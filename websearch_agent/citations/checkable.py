"""Tells statements that no source could say: pleasantries, questions, "the sources do not say"."""

import re

from websearch_agent.citations.claims import Claim, parse_claim
from websearch_agent.citations.refusals import says_not_said, stated_beside
from websearch_agent.citations.terms import FUNCTION_WORD_WEIGHT

_PLEASANTRY = re.compile(
    r"""^\W*(?:
      I\shope\s | hope\sth(?:is|at)\shelps | you['’]re\swelcome
    | (?:please\s)?(?:let\sme\sknow|feel\sfree)
    | (?:of\scourse|certainly|sure|absolutely|great|okay|ok|hello|hi|thank\syou|thanks|sorry)\b
      [^\w]*(?:$|!)
    | if\syou\s(?:have|need|want|would\slike|are\slooking\sfor)\s[^,]{0,60}
      (?:question|information|details?|help)
    | (?:here\s(?:is|are)|below\s(?:is|are))\s[^.]{0,80}:?\W*$
    | (?:希望|祝)[^。]{0,12}(?:帮助|有用|顺利|愉快)
    | 如(?:果|有)[^。]{0,20}(?:问题|疑问|需要)[^。]{0,20}(?:请|欢迎|随时|告诉)
    | (?:当然|好的|您好|你好|谢谢|抱歉|不客气)[^\w]*$ | 以下是[^。]{0,30}$
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_YES = re.compile(
    r"\W*(?:yes|yeah|correct|right|true|indeed|是|是的|对|对的|没错|正确)\W*", re.IGNORECASE
)
# Fewer are an opening: "Unfortunately".
_MIN_WORDS = 2


def is_yes(statement: str) -> bool:
    """Whether the statement says no more than yes: what it states is the question."""
    return _YES.fullmatch(statement.strip()) is not None


def has_something_to_check(claim: Claim) -> bool:
    """Whether a source could say the statement at all."""
    text = claim.text.rstrip()
    if not text or text.endswith(("?", "？")):
        return False
    if _PLEASANTRY.match(text):
        return False
    if says_not_said(text):
        return _states_something(parse_claim(stated_beside(text), claim.question))
    return bool(claim.quantities) or any(w > FUNCTION_WORD_WEIGHT for w in claim.terms.weights)


def without_refusal(claim: Claim) -> Claim:
    """What a statement that says what the sources do not say states besides; else as it is."""
    if not says_not_said(claim.text):
        return claim
    beside = parse_claim(stated_beside(claim.text), claim.question)
    return beside if _states_something(beside) else claim


def _states_something(claim: Claim) -> bool:
    """Whether so little text is a clause: a number, or some words that are not the question's."""
    words = sum(
        weight > FUNCTION_WORD_WEIGHT and bool(claim.new >> number & 1)
        for number, weight in enumerate(claim.terms.weights)
    )
    return bool(claim.text) and (bool(claim.quantities) or words >= _MIN_WORDS)
