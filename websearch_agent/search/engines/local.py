"""The local index as a search engine, and as the store of its documents' texts."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

import tantivy

from websearch_agent.errors import IndexUnusable, PageUnreachable, UnsupportedFilter
from websearch_agent.search import local_index, local_query
from websearch_agent.search.filters import ALL_TIME_RANGES, Filters, check_filters, first_day
from websearch_agent.search.snippets import best_snippet, best_window
from websearch_agent.types import Page, SearchQuery, SearchResult

# A document that has less than this share of the question's weight, or less than that share in
# any one place, is not about it. 2026-11-23, 4,560 pages of Debian's documentation: of 40
# questions that it answers 38 had the right page in the first five (chosen on these), of 24
# fresh ones 23; of 24 that it does not answer 2 got results.
MIN_COVERAGE = 0.5
MIN_WINDOW_COVERAGE = 0.4
COVERAGE_EXPONENT = 1.5
# Where no document is about the question so far, the nearest ones are better than none: a question
# in other words than theirs has less in common with them.
MIN_DISTANT_COVERAGE = 0.25
MIN_DISTANT_WINDOW_COVERAGE = 0.2
MAX_DISTANT = 3
_WINDOW_CHARACTERS = 600
_SHORTLISTED = 30
_CANDIDATES = 100
_MAX_COVERED = 5000
FILTERS = Filters(ALL_TIME_RANGES, include_domains=True)


@dataclass(frozen=True, slots=True)
class _Opened:
    version: Path
    changed_ns: int
    index: "tantivy.Index"


class LocalEngine:
    """One index folder. Sees at once what another process wrote; no folder is an empty index.

    Its document ids begin with its name, so that several can share a `DocumentShelf`.
    `shows_distant`: the nearest few documents where none is about the question.
    """

    def __init__(self, folder: Path, name: str = "local", *, shows_distant: bool = True) -> None:
        self._folder = folder
        self._shows_distant = shows_distant
        self._name = name
        self._opened: _Opened | None = None
        self._lock = Lock()

    @property
    def name(self) -> str:
        return self._name

    def document_count(self) -> int:
        index = self._open()
        return index.searcher().num_docs if index is not None else 0

    def is_empty(self) -> bool:
        return self.document_count() == 0

    def titles(self, *, most: int = 60) -> Iterator[str]:
        """Titles of the first documents, in the index's order. Raises IndexUnusable."""
        index = self._open()
        if index is None:
            return
        searcher = index.searcher()
        everything = searcher.search(tantivy.Query.all_query(), most, count=False)
        for _, address in everything.hits:
            document, _ = local_index.from_index_form(searcher.doc(address))
            yield document.title

    async def search(self, query: SearchQuery) -> list[SearchResult]:
        """The documents that are about the question; an empty list if none is.

        Raises UnsupportedFilter for a time range if no document has a date, and for a language,
        which documents do not tell; IndexUnusable.
        """
        check_filters(self._name, FILTERS, query)
        return await asyncio.to_thread(self._search, query)

    async def read_document(self, document_id: str) -> Page:
        """The text as it was indexed. Raises PageUnreachable for an unknown id."""
        return await asyncio.to_thread(self._read_document, document_id)

    def _search(self, query: SearchQuery) -> list[SearchResult]:
        index = self._open()
        if index is None:
            return []
        searcher = index.searcher()
        question = local_query.analyse_question(query.query, searcher)
        weights = {term.surface: term.weight for term in question.terms if term.weight > 0}
        if not weights:
            return []
        ranked = _rank_documents(query, question, index.schema, searcher)
        near = [address for share, address in ranked if share >= MIN_COVERAGE][:_SHORTLISTED]
        found = self._choose(near, searcher, weights, MIN_WINDOW_COVERAGE, query.max_results)
        if found or not self._shows_distant:
            return found
        distant = [address for share, address in ranked if share >= MIN_DISTANT_COVERAGE]
        return self._choose(
            distant[:_SHORTLISTED], searcher, weights, MIN_DISTANT_WINDOW_COVERAGE, MAX_DISTANT
        )

    def _choose(
        self,
        addresses: "Sequence[tantivy.DocAddress]",
        searcher: "tantivy.Searcher",
        weights: dict[str, float],
        least_share: float,
        most: int,
    ) -> list[SearchResult]:
        """The first documents of which one place has enough of what is asked."""
        results: list[SearchResult] = []
        for address in addresses:
            form = searcher.doc(address)
            document, _ = local_index.from_index_form(form)
            if _window_share(document, weights) < least_share:
                continue
            key = str(form.get_first("key"))
            results.append(self._result(document, key, rank=len(results) + 1, weights=weights))
            if len(results) == most:
                break
        return results

    def _result(
        self, document: local_index.Document, key: str, *, rank: int, weights: dict[str, float]
    ) -> SearchResult:
        return SearchResult(
            url=document.url,
            title=document.title,
            snippet=best_snippet(document.text, weights),
            engine=self._name,
            rank=rank,
            date=document.date,
            document_id=f"{self._name}:{key}",
        )

    def _read_document(self, document_id: str) -> Page:
        engine, _, key = document_id.rpartition(":")
        index = self._open()
        if index is not None and engine == self._name:
            searcher = index.searcher()
            by_key = tantivy.Query.term_query(index.schema, "key", key, index_option="basic")
            for _, address in searcher.search(by_key, 1, count=False).hits:
                return _to_page(*local_index.from_index_form(searcher.doc(address)))
        raise PageUnreachable(
            f"the document {document_id} is no longer in the index; index its folder again"
        )

    def _open(self) -> "tantivy.Index | None":
        """The index as it is now: opened anew when it was replaced, reloaded when it grew."""
        version = local_index.current_version(self._folder)
        if version is None:
            self._opened = None
            return None
        with self._lock:
            try:
                changed_ns = (version / "meta.json").stat().st_mtime_ns
            except OSError as error:
                message = f"the index {self._name} is just being replaced; ask again"
                raise IndexUnusable(message) from error
            opened = self._opened
            if opened is None or (opened.version, opened.changed_ns) != (version, changed_ns):
                opened = _Opened(version, changed_ns, local_index.open_index(version))
                self._opened = opened
            return opened.index


class DocumentShelf:
    """The documents of several local engines, found by the name before the id's last colon."""

    def __init__(self, engines: Sequence[LocalEngine]) -> None:
        self._engines = {engine.name: engine for engine in engines}

    async def read_document(self, document_id: str) -> Page:
        """Raises PageUnreachable for an unknown id."""
        engine = self._engines.get(document_id.rpartition(":")[0])
        if engine is None:
            raise PageUnreachable(f"no local index is called as in the document id {document_id}")
        return await engine.read_document(document_id)


def _rank_documents(
    query: SearchQuery,
    question: local_query.AnalysedQuestion,
    schema: "tantivy.Schema",
    searcher: "tantivy.Searcher",
) -> "list[tuple[float, tantivy.DocAddress]]":
    """The best-ranked documents, best first, each with the share of the question that it has."""
    filters = _filter_queries(query, schema, searcher)
    ranking = local_query.ranking_query(question, schema)
    wanted = _apply(filters, ranking, query, schema)
    coverage = local_query.coverage_query(question, schema)
    covered = {
        (address.segment_ord, address.doc): weight
        for weight, address in searcher.search(coverage, _MAX_COVERED, count=False).hits
    }
    total = sum(term.weight for term in question.terms)
    scored = []
    for score, address in searcher.search(wanted, _CANDIDATES, count=False).hits:
        share = covered.get((address.segment_ord, address.doc), 0.0) / total
        scored.append((score * share**COVERAGE_EXPONENT, share, address))
    scored.sort(key=lambda item: -item[0])
    return [(share, address) for _, share, address in scored]


def _window_share(document: local_index.Document, weights: dict[str, float]) -> float:
    """The share of the question's weight that one place of the text has, title included."""
    text = f"{document.title}\n{document.text}"
    _, weight = best_window(text, weights, max_characters=_WINDOW_CHARACTERS)
    return weight / sum(weights.values())


def _filter_queries(
    query: SearchQuery, schema: "tantivy.Schema", searcher: "tantivy.Searcher"
) -> "list[tantivy.Query]":
    filters = []
    if query.include_domains:
        filters.append(_domains_query(query.include_domains, schema))
    if query.time_range:
        since = first_day(query.time_range, today=datetime.now(UTC).date())
        if not searcher.search(_since_query(schema, 1), 1).hits:
            raise UnsupportedFilter(
                "no document of the local index has a date; ask it without a time range"
            )
        filters.append(_since_query(schema, int(since.strftime("%Y%m%d"))))
    return filters


def _apply(
    filters: "list[tantivy.Query]",
    ranking: "tantivy.Query",
    query: SearchQuery,
    schema: "tantivy.Schema",
) -> "tantivy.Query":
    """The ranking, among the documents that the filters let through; filters score nothing."""
    silent = [tantivy.Query.const_score_query(wanted, 0.0) for wanted in filters]
    whole = local_query.all_of([ranking, *silent])
    if not query.exclude_domains:
        return whole
    return whole.and_must_not_match(_domains_query(query.exclude_domains, schema))


def _domains_query(domains: Sequence[str], schema: "tantivy.Schema") -> "tantivy.Query":
    return local_query.any_of(
        [
            tantivy.Query.term_query(
                schema, "domain", domain.lower().removeprefix("www."), index_option="basic"
            )
            for domain in domains
        ]
    )


def _since_query(schema: "tantivy.Schema", day: int) -> "tantivy.Query":
    return tantivy.Query.range_query(
        schema, "day", tantivy.FieldType.Integer, lower_bound=day, upper_bound=99991231
    )


def _to_page(document: local_index.Document, indexed_at: datetime) -> Page:
    return Page(
        url=document.url,
        final_url=document.url,
        title=document.title,
        text=document.text,
        content_type=document.content_type,
        fetched_at=indexed_at,
        site=document.site,
        date=document.date,
    )
