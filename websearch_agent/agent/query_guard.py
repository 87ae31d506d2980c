"""What a query of the model may carry to a search engine.

A page that the model has read may ask it to search for what the conversation says, or for the
page's own words. So queries are short, carry no address and no secret, and once pages have been
shown they must have to do with what the person asked.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from websearch_agent.function_words import ENGLISH_FUNCTION_WORDS
from websearch_agent.prompts import language_name

MAX_QUERY_CHARS = 300
# Before anything else: a question may have 20,000 characters.
MAX_LOOKED_AT_CHARS = 3000
MIN_SECRET_CHARS = 20
MIN_CODE_CHARS = 14
MIN_SPELT_CHARS = 6

_HOST = r"(?:[\w-]{1,63}+\.){1,9}+[\w-]{2,63}+(?::\d{1,5}+)?"
# Without "https://" only if it carries something: "asp.net/c#" and "booking.com" are names.
_URL = re.compile(
    rf"(?:\b[a-z][a-z0-9+.-]{{1,30}}://|\bwww\.)\S+|\b{_HOST}(?:/\S*[?=&%]\S+|/\S{{16,}}|[?]\S+=\S*)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"\b[\w.+-]{1,64}+@[\w-]{1,63}+(?:\.[\w-]{1,63}+){1,9}", re.IGNORECASE)
# "site:a.org" binds a search to a site, "!g" sends it elsewhere: that is for the person to say.
_OPERATOR = re.compile(
    r"(?<![\w-])-?(?:site|domain|host|url|inurl|intitle|allintitle|allinurl|intext|inbody|inanchor"
    r"|link|cache|related|ip|feed|filetype|ext|loc|location|source)[:：]\S*|(?<!\S)!{1,2}\w+",
    re.IGNORECASE,
)
# Keys as their issuers write them.
_KEY = re.compile(
    r"\b(?:sk|pk|rk|wsa|ghp|gho|ghs|ghu|glpat|xox[abprs]|hf|npm|pypi|tvly|AIza|ya29)[-_.A-Za-z0-9]{12,}"
    r"|\bgithub_pat_\w{20,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\beyJ[\w-]{8,}\.[\w.-]{8,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)
_NAMED_SECRET = re.compile(
    r"(?:pass(?:word|phrase|code)?|passwd|pwd|pin|secret|token|api[ _-]?key|credentials?"
    r"|密码|口令|密钥|验证码|令牌)"
    r"\s*(?:\bis\b|\bwas\b|[:：=]|是|为)\s*[\"'“”‘’`]?(?P<value>[^\s\"'“”‘’`,，。;；]{4,128})",
    re.IGNORECASE,
)
_LONG_TOKEN = re.compile(rf"[\w+/=-]{{{MIN_SECRET_CHARS},}}", re.ASCII)
_LONG_NUMBER = re.compile(r"(?<![\w.])\+?\d(?:[ -]?\d){9,18}(?![\w.])")
_CARD_NUMBER = re.compile(r"(?<!\d)\d{4}(?:[ ./_-]?\d{4}){2}[ ./_-]?\d{1,7}(?!\d)")
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){3,7}(?: ?[A-Z0-9]{1,3})?\b")
_WORD = re.compile(r"[^\W\d_]{2,}|\d+", re.UNICODE)
_HAN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")


@dataclass(frozen=True, slots=True)
class GuardedQueries:
    """`queries` that may be sent; `refused` says in a few words what was not, and why."""

    queries: tuple[str, ...]
    refused: tuple[str, ...] = ()


def guard_queries(
    queries: Sequence[str],
    *,
    question: str,
    asked_before: Sequence[str] = (),
    pages_shown: bool = False,
) -> GuardedQueries:
    """The queries without what they may not carry.

    `asked_before`: what the person asked before in the conversation, and the queries that were
    sent for this question. `pages_shown`: the model has read pages in the call that wrote these.
    """
    said = "\n".join([question, *asked_before])
    secrets = _named_secrets(said)
    kept: list[str] = []
    refused: list[str] = []
    for query in queries:
        if _spells_out(query, secrets):
            refused.append(_say(question, "a key or password was left out", "略去了密钥或密码"))
            query = _without(secrets, query)
            if _spells_out(query, secrets):
                continue
        cleaned, taken = _without_secrets(query[:MAX_LOOKED_AT_CHARS], question, said)
        refused += taken
        if not re.search(r"\w", cleaned):
            continue
        if len(cleaned) > MAX_QUERY_CHARS and not _is_of_person(cleaned, question):
            cleaned = cleaned[:MAX_QUERY_CHARS].rsplit(" ", 1)[0]
            refused.append(_say(question, "cut to its beginning", "过长，只保留开头"))
        if pages_shown and not _has_to_do_with(cleaned, [question, *asked_before]):
            what = _say(question, "it has nothing to do with the question", "与问题无关")
            refused.append(f"“{cleaned[:80]}”: {what}")
            continue
        kept.append(cleaned)
    return GuardedQueries(tuple(dict.fromkeys(kept)), tuple(dict.fromkeys(refused)))


def _without_secrets(query: str, question: str, said: str) -> tuple[str, list[str]]:
    """The query without addresses, keys, private numbers and the like, and what was taken out.

    What the person said may be searched, but for keys. What is left out here is not shown either.
    """
    taken: list[str] = []

    def cut(pattern: re.Pattern[str], text: str, why: str, *, may_be_said: bool = True) -> str:
        def replaced(match: re.Match[str]) -> str:
            if may_be_said and match[0].strip(".,;:!?") in said:
                return match[0]
            taken.append(why)
            return " "

        return pattern.sub(replaced, text)

    key = _say(question, "a key or password was left out", "略去了密钥或密码")
    address = _say(question, "a web address was left out", "略去了网址")
    operator = _say(question, "a search operator was left out", "略去了搜索运算符")
    number = _say(question, "a private number or address was left out", "略去了私人号码或邮箱")
    code = _say(question, "an unreadable code was left out", "略去了无法辨认的代码")
    query = cut(_KEY, query, key, may_be_said=False)
    query = cut(_OPERATOR, cut(_URL, query, address), operator)
    for private in (_MAIL, _IBAN, _CARD_NUMBER, _LONG_NUMBER):
        query = cut(private, query, number)
    for token in _LONG_TOKEN.findall(query):
        if token not in said and _is_code(token):
            query = query.replace(token, " ")
            taken.append(code)
    return " ".join(query.split()), taken


def _named_secrets(said: str) -> frozenset[str]:
    """What the person called a password, key or the like, in lower case."""
    values = (match["value"].casefold() for match in _NAMED_SECRET.finditer(said))
    return frozenset(value.rstrip(".!?)]") for value in values) - {""}


def _without(secrets: frozenset[str], query: str) -> str:
    for secret in secrets:
        query = re.sub(re.escape(secret), " ", query, flags=re.IGNORECASE)
    return query


def _spells_out(query: str, secrets: frozenset[str]) -> bool:
    """Whether a secret stands in it, also letter by letter or from its end."""
    written = query.casefold()
    letters = re.sub(r"[\W_]", "", written)
    for secret in secrets:
        plain = re.sub(r"[\W_]", "", secret)
        is_spelt = len(plain) >= MIN_SPELT_CHARS and (plain in letters or plain[::-1] in letters)
        if secret in written or is_spelt:
            return True
    return False


def _is_code(token: str) -> bool:
    """Whether a part of a long token is of no language: digits or capitals all through it.

    Names such as "Qwen2.5-Coder-1.5B-Instruct" have short parts, long words have neither.
    """
    return any(
        len(part) >= MIN_CODE_CHARS
        and (any(c.isdigit() for c in part) or sum(c.isupper() for c in part[1:]) > 2)
        and not part.isdigit()
        for part in re.split(r"[-_/]", token)
    )


def _is_of_person(query: str, question: str) -> bool:
    return _plain(query) in _plain(question)


def _has_to_do_with(query: str, said: Sequence[str]) -> bool:
    """Whether a word of it stands in what was said, or it is in another script (a translation)."""
    words = _content_words(query)
    known = {word for text in said for word in _content_words(text)}
    if not words or not known:
        return True
    if words & known or any(_alike(one, other) for one in words for other in known):
        return True
    return bool(_HAN.search(query)) != any(_HAN.search(text) for text in said)


def _content_words(text: str) -> set[str]:
    """Words of content; of scripts without blanks each pair of characters."""
    text = text.casefold()
    words = {word for word in _WORD.findall(text) if not _HAN.search(word)}
    runs = re.findall(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+", text)
    pairs = {run[i : i + 2] for run in runs for i in range(max(1, len(run) - 1))}
    return (words - ENGLISH_FUNCTION_WORDS) | pairs


def _alike(one: str, other: str) -> bool:
    """Whether both begin with the same five letters: "populated", "population"."""
    return len(one) > 4 < len(other) and one[:5] == other[:5]


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def _say(question: str, english: str, chinese: str) -> str:
    return chinese if language_name(question) == "Chinese" else english
