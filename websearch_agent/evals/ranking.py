"""Does the ranking of passages put the pages that hold the answer first?"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from websearch_agent.agent.ranking import RERANKED_PASSAGES, rerank
from websearch_agent.config import Settings
from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.metrics import bootstrap_interval, mean, ndcg, quantile, recall_at
from websearch_agent.evals.rows import balanced_sample, group_by, read_rows
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import PassageIndex
from websearch_agent.protocols import Reranker
from websearch_agent.types import Page, Passage
from websearch_agent.wiring import make_reranker

QUESTIONS_SUFFIX = "_questions"
DOCUMENT_SUFFIXES = ("_corpus", "_passages", "_distractors")
DEPTH = 10
RECALL_DEPTH = 5
TIMED_QUESTIONS = 20


class RankingRow(BaseModel):
    """A question and its documents: `qrels` answer it, `qrels_weak` were not judged."""

    model_config = ConfigDict(frozen=True)

    id: str
    question: str
    qrels: tuple[str, ...]
    qrels_weak: tuple[str, ...] = ()
    lang: str = "?"
    src: str = "?"


class DocumentRow(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: str
    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class RankingResult:
    lang: str
    src: str
    ndcg_at_10: float
    recall_at_5: float
    seconds: float


@dataclass(frozen=True, slots=True)
class _Collection:
    passages: Sequence[Passage]
    titles: Mapping[str, str]
    index: PassageIndex


async def measure_ranking(
    settings: Settings, paths: Sequence[Path], *, limit: int | None = None
) -> dict[str, Any]:
    """`run_ranking` as it is configured. Raises InvalidRequest, ConfigError, ModelError."""
    reranker = make_reranker(settings)
    try:
        summary = await run_ranking(paths, limit=limit, reranker=reranker)
    finally:
        if reranker is not None:
            await reranker.close()
    ranking = {"ranking": settings.ranking, "ranking_model": settings.ranking_model}
    return {**summary, "settings": {**summary["settings"], **ranking}}


async def run_ranking(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    reranker: Reranker | None = None,
    on_result: Callable[[RankingResult], None] = lambda _: None,
) -> dict[str, Any]:
    """Rank all documents beside each question file for its questions.

    `X_questions.jsonl` is searched in `X_corpus`, `X_passages` and `X_distractors`. A page counts
    as its best passage. Questions without a judged document are left out. Raises InvalidRequest,
    and ModelError if the reranker fails.
    """
    results: list[RankingResult] = []
    counts = {"documents": 0, "passages": 0}
    first_hundred_s: list[float] = []
    for path in paths:
        questions = _sample(read_rows([path], RankingRow), limit)
        documents = read_rows(document_paths(path), DocumentRow)
        passages = [passage for row in documents for passage in split_passages(_as_page(row))]
        titles = {row.id: row.title for row in documents}
        counts["documents"] += len(documents)
        counts["passages"] += len(passages)
        first_hundred_s += _time_first_hundred(questions, passages, titles)
        collection = _Collection(passages, titles, PassageIndex(passages, titles=titles))
        async for result in _rank_questions(questions, collection, reranker):
            results.append(result)
            on_result(result)
    if not results:
        raise InvalidRequest(f"{paths[0]}: no question has a document in its qrels.")
    settings = {"data": [path.name for path in paths], "limit": limit, **counts}
    return {
        "eval": "ranking",
        "n": len(results),
        "metrics": {
            **_metrics(results),
            **_seconds(results),
            "ms_per_100_passages": round(1000 * quantile(first_hundred_s, 0.5), 1),
        },
        "by": {
            name: {key: _metrics(rows) for key, rows in group_by(results, name).items()}
            for name in ("lang", "src")
        },
        "settings": settings,
    }


def _sample(rows: Sequence[RankingRow], limit: int | None) -> Sequence[RankingRow]:
    """All rows, or `limit` of them, spread evenly over their sources."""
    if limit is None:
        return rows
    return balanced_sample(rows, limit, row_id=lambda row: row.id, levels=(lambda row: row.src,))


def document_paths(questions: Path) -> list[Path]:
    """The files beside a question file that hold its documents. Raises InvalidRequest."""
    stem = questions.name.partition(".jsonl")[0]
    if stem.endswith(QUESTIONS_SUFFIX):
        stem = stem.removesuffix(QUESTIONS_SUFFIX)
        names = [
            f"{stem}{kind}{end}" for kind in DOCUMENT_SUFFIXES for end in (".jsonl", ".jsonl.gz")
        ]
        found = [questions.parent / name for name in names if (questions.parent / name).is_file()]
        if found:
            return found
    raise InvalidRequest(
        f"{questions}: its documents were not found. X_questions.jsonl needs X_corpus.jsonl or "
        "X_passages.jsonl (plain or .gz) beside it."
    )


async def _rank_questions(
    questions: Sequence[RankingRow], collection: _Collection, reranker: Reranker | None
) -> AsyncIterator[RankingResult]:
    known = {passage.url for passage in collection.passages}
    for row in questions:
        relevant = set(row.qrels) - set(row.qrels_weak)
        if not relevant & known:
            continue
        started = time.perf_counter()
        ranked = await _rank(row.question, collection, reranker)
        seconds = time.perf_counter() - started
        order = list(dict.fromkeys(passage.url for passage in ranked))
        order = [url for url in order if url not in row.qrels_weak]
        yield RankingResult(
            row.lang,
            row.src,
            ndcg(order, relevant, depth=DEPTH),
            recall_at(order, relevant, depth=RECALL_DEPTH),
            seconds,
        )


async def _rank(question: str, collection: _Collection, reranker: Reranker | None) -> list[Passage]:
    """The passages that share a word with the question, best first."""
    scores = collection.index.scores([question])
    found = [
        replace(passage, score=score)
        for passage, score in zip(collection.passages, scores, strict=True)
        if score
    ]
    found.sort(key=lambda passage: -passage.score)
    if reranker is None:
        return found
    best, rest = found[:RERANKED_PASSAGES], found[RERANKED_PASSAGES:]
    return [*await rerank(best, question, reranker, titles=collection.titles), *rest]


def _as_page(row: DocumentRow) -> Page:
    return Page(
        url=row.id,
        final_url=row.id,
        title=row.title,
        text=row.text,
        content_type="text/plain",
        fetched_at=datetime.now(UTC),
    )


def _metrics(results: Sequence[RankingResult]) -> dict[str, Any]:
    gains = [result.ndcg_at_10 for result in results]
    recalls = [result.recall_at_5 for result in results]
    return {
        "ndcg_at_10": round(mean(gains), 4),
        "ndcg_at_10_ci95": bootstrap_interval(gains),
        "recall_at_5": round(mean(recalls), 4),
        "recall_at_5_ci95": bootstrap_interval(recalls),
        "n": len(results),
    }


def _time_first_hundred(
    questions: Sequence[RankingRow], passages: Sequence[Passage], titles: Mapping[str, str]
) -> list[float]:
    """Seconds to count and rank 100 passages, as the agent does for a question; some samples."""
    seconds = []
    for number, row in enumerate(questions[:TIMED_QUESTIONS]):
        sample = passages[100 * number : 100 * (number + 1)] or passages[:100]
        started = time.perf_counter()
        PassageIndex(sample, titles=titles).scores([row.question])
        seconds.append(time.perf_counter() - started)
    return seconds


def _seconds(results: Sequence[RankingResult]) -> dict[str, float]:
    seconds = [result.seconds for result in results]
    return {"seconds_p50": round(quantile(seconds, 0.5), 4)}
