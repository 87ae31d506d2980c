"""A question becomes a query of the local index, built term by term: its punctuation is text."""

import itertools
import math
from dataclasses import dataclass

import tantivy

from websearch_agent.search import analysis

TITLE_BOOST = 1.5
HEADING_BOOST = 0.5
IDENTIFIER_BOOST = 1.5
PHRASE_BOOST = 0.5
TITLE_PHRASE_BOOST = 1.0
# A package's own page before those that only name it.
SITE_BOOST = 1.0
SEAM_RATIO = 0.3
# Every Chinese text holds it.
COMMON_CHINESE_CHARACTER = "的"
MIN_CHINESE_SHARE = 0.05
UNSEEN_DOCUMENTS = 20


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """One thing asked for. `kind` is the ending of its fields; `surface` is how words
    in a text begin that match it. `weight` is its share of the question: rare terms weigh more."""

    kind: str
    text: str
    surface: str
    weight: float


@dataclass(frozen=True, slots=True)
class AnalysedQuestion:
    """`phrases` are pairs of words that stand side by side, `names` words that may be the name
    of a set of documents (`httpx`)."""

    terms: tuple[QueryTerm, ...]
    phrases: tuple[tuple[str, str], ...]
    names: tuple[str, ...] = ()


def analyse_question(question: str, searcher: "tantivy.Searcher") -> AnalysedQuestion:
    """The terms that say what the question is about, weighed by how rare they are."""
    found_words, phrases = _word_terms(question, searcher)
    terms = {(term.kind, term.text): term for term in found_words}
    if not (_names_something(found_words) and _is_without_chinese(searcher)):
        for run in analysis.asked_eastern_runs(question):
            for term in _eastern_terms(run, searcher):
                terms.setdefault((term.kind, term.text), term)
    identifiers = _identifier_terms(question, searcher)
    for term in identifiers:
        terms.setdefault((term.kind, term.text), term)
    names = {word for words in analysis.split_words(question) for word in words}
    names |= {term.text for term in identifiers}
    return AnalysedQuestion(tuple(terms.values()), phrases, tuple(sorted(names)))


def _names_something(words: "list[QueryTerm]") -> bool:
    return any(term.weight > 0 and not term.text.isdigit() for term in words)


def _is_without_chinese(searcher: "tantivy.Searcher") -> bool:
    """Whether next to no document is in Chinese: then `httpx 介绍` can only ask for httpx."""
    with_chinese = searcher.doc_freq("body_eastern", COMMON_CHINESE_CHARACTER)
    return bool(with_chinese < MIN_CHINESE_SHARE * searcher.num_docs)


def ranking_query(question: AnalysedQuestion, schema: "tantivy.Schema") -> "tantivy.Query":
    """BM25 of body, title and headings, with a bonus for whole identifiers and phrases."""
    parts = []
    for term in question.terms:
        if term.kind == analysis.IDENTIFIERS:
            parts.append((_term(schema, analysis.IDENTIFIERS, term.text, "freq"), IDENTIFIER_BOOST))
            continue
        for part, boost in (("body", 1.0), ("title", TITLE_BOOST), ("heading", HEADING_BOOST)):
            parts.append((_term(schema, f"{part}_{term.kind}", term.text), boost))
    for name in question.names:
        site = tantivy.Query.term_query(schema, "domain", name, index_option="basic")
        parts.append((site, SITE_BOOST))
    for pair in question.phrases:
        for part, boost in (("body", PHRASE_BOOST), ("title", TITLE_PHRASE_BOOST)):
            phrase = tantivy.Query.phrase_query(schema, f"{part}_words", list(pair))
            parts.append((phrase, boost))
    return any_of([tantivy.Query.boost_query(query, boost) for query, boost in parts])


def coverage_query(question: AnalysedQuestion, schema: "tantivy.Schema") -> "tantivy.Query":
    """Its score is the sum of the weights of the terms that a document contains."""
    parts = []
    for term in question.terms:
        is_identifier = term.kind == analysis.IDENTIFIERS
        field = analysis.IDENTIFIERS if is_identifier else f"body_{term.kind}"
        query = _term(schema, field, term.text, "freq" if is_identifier else "position")
        if term.weight > 0:
            parts.append(tantivy.Query.const_score_query(query, term.weight))
    return any_of(parts)


def any_of(queries: "list[tantivy.Query]") -> "tantivy.Query":
    return tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])


def all_of(queries: "list[tantivy.Query]") -> "tantivy.Query":
    return tantivy.Query.boolean_query([(tantivy.Occur.Must, query) for query in queries])


def _term(
    schema: "tantivy.Schema", field: str, text: str, option: str = "position"
) -> "tantivy.Query":
    return tantivy.Query.term_query(schema, field, text, index_option=option)


def _word_terms(
    question: str, searcher: "tantivy.Searcher"
) -> tuple[list[QueryTerm], tuple[tuple[str, str], ...]]:
    analyzer = analysis.words_analyzer()
    terms: list[QueryTerm] = []
    phrases: list[tuple[str, str]] = []
    for clause in analysis.split_words(question):
        stems = [(word, "".join(analyzer.analyze(word))) for word in clause]
        for word, stem in stems:
            if stem:
                weight = _rarity(searcher, "body_words", stem)
                beginning = stem if word.startswith(stem) else word
                terms.append(QueryTerm("words", stem, beginning, weight))
        phrases.extend(
            (first, second)
            for (_, first), (_, second) in itertools.pairwise(stems)
            if first and second
        )
    return terms, tuple(dict.fromkeys(phrases))


def _eastern_terms(run: str, searcher: "tantivy.Searcher") -> list[QueryTerm]:
    """Pairs of characters; a run of n characters weighs as n / 2 words would.

    A pair that is far rarer than both pairs that overlap it is where two words meet: it adds to
    the rank of a page that has it, and weighs nothing.
    """
    pairs = analysis.bigrams(run)
    counts = [searcher.doc_freq("body_eastern", pair) for pair in pairs]
    is_seam = [
        0 < index < len(pairs) - 1
        and counts[index] < SEAM_RATIO * min(counts[index - 1], counts[index + 1])
        for index in range(len(pairs))
    ]
    share = len(run) / (2 * is_seam.count(False)) if len(run) > 1 else 1.0
    return [
        QueryTerm(
            "eastern", pair, pair, 0.0 if seam else share * _rarity(searcher, "body_eastern", pair)
        )
        for pair, seam in zip(pairs, is_seam, strict=True)
    ]


def _identifier_terms(question: str, searcher: "tantivy.Searcher") -> list[QueryTerm]:
    """Only names that some document has: their parts are terms anyway."""
    return [
        QueryTerm(analysis.IDENTIFIERS, name, name, _rarity(searcher, analysis.IDENTIFIERS, name))
        for name in analysis.identifiers_analyzer().analyze(question)
        if searcher.doc_freq(analysis.IDENTIFIERS, name) > 0
    ]


def _rarity(searcher: "tantivy.Searcher", field: str, term: str) -> float:
    """Inverse document frequency as in BM25; highest for a term that no document has."""
    # As if there were some more documents: in an index of three every word that is there would be
    # common, and what a question has beside them decide alone.
    documents = searcher.num_docs + UNSEEN_DOCUMENTS
    containing = min(searcher.doc_freq(field, term), documents)
    return math.log(1 + (documents - containing + 0.5) / (containing + 0.5))
