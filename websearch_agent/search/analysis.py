"""How text becomes the terms of the local index: the same way for pages and for questions."""

import re

import tantivy

from websearch_agent.function_words import CHINESE_FUNCTION_WORDS, ENGLISH_FUNCTION_WORDS

_EASTERN = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_EASTERN_RUN = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_EASTERN_CHARACTERS = _EASTERN_RUN.pattern[1:-2]
# A word, or what separates two phrases; between the words of one stand spaces, `_`, `.` or `-`.
_WORD_OR_BREAK = re.compile(rf"[^\W_{_EASTERN_CHARACTERS}]+|[{_EASTERN_CHARACTERS},;:!?()]+")
WORDS = "words"
IDENTIFIERS = "identifiers"
SPACED = "whitespace"


def words_analyzer() -> "tantivy.TextAnalyzer":
    """Words between punctuation, English stems; scripts without spaces are left to bigrams."""
    pattern = rf"[[\p{{L}}\p{{N}}]--[{_EASTERN}]]+"
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(pattern))
        .filter(tantivy.Filter.remove_long(60))
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def identifiers_analyzer() -> "tantivy.TextAnalyzer":
    """Names with punctuation inside, whole: `json.loads`, `--rebase`, `max_connections`, `c++`."""
    pattern = (
        r"--?[A-Za-z][A-Za-z0-9]+(?:-[A-Za-z0-9]+)*"
        r"|[A-Za-z0-9_]+(?:(?:\.|::|/|-)[A-Za-z0-9_]+)+|[A-Za-z0-9]*_[A-Za-z0-9_]+"
        r"|[A-Za-z]\+\+|[A-Za-z]#"
    )
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.regex(pattern))
        .filter(tantivy.Filter.remove_long(100))
        .filter(tantivy.Filter.lowercase())
        .build()
    )


def eastern_runs(text: str) -> list[str]:
    """The stretches of Chinese, Japanese or Korean script."""
    return _EASTERN_RUN.findall(text)


def asked_eastern_runs(question: str) -> list[str]:
    """The same, of a question: cut at the words that only ask."""
    return [run for part in CHINESE_FUNCTION_WORDS.split(question) for run in eastern_runs(part)]


def bigrams(run: str) -> list[str]:
    """All pairs of neighbours; of a single character, itself."""
    if len(run) < 2:
        return [run]
    return [run[index : index + 2] for index in range(len(run) - 1)]


def spaced_eastern_terms(text: str) -> str:
    """Single characters and pairs of neighbours, separated by spaces, for the index."""
    terms: list[str] = []
    for run in eastern_runs(text):
        terms.extend(run)
        if len(run) > 1:
            terms.extend(bigrams(run))
    return " ".join(terms)


def split_words(question: str) -> list[list[str]]:
    """Stretches of words that mean something, in lower case, cut at stopwords and punctuation."""
    stretches: list[list[str]] = [[]]
    for match in _WORD_OR_BREAK.finditer(question):
        word = match.group().lower()
        is_break = not word[0].isalnum() or word in ENGLISH_FUNCTION_WORDS
        if is_break:
            stretches.append([])
        else:
            stretches[-1].append(word)
    return [stretch for stretch in stretches if stretch]
