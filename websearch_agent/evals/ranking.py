"""Does the ranking of passages put the pages that hold the answer first?"""

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from websearch_agent.agent.ranking import RERANKED_PASSAGES, rerank
from websearch_agent.config import Settings
from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.documents import Collection, document_paths, read_collection
from websearch_agent.evals.measurement import Measurement, Opened
from websearch_agent.evals.metrics import bootstrap_interval, mean, ndcg, quantile, recall_at
from websearch_agent.evals.rows import read_files
from websearch_agent.evals.summary import make_summary
from websearch_agent.pages.rank import PassageIndex
from websearch_agent.protocols import Reranker
from websearch_agent.types import Passage
from websearch_agent.wiring import make_reranker

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


@dataclass(frozen=True, slots=True)
class RankingCase:
    """`timed`: the number of the question among those that time the first hundred passages."""

    id: str
    row: RankingRow
    collection: Collection
    timed: int | None


@dataclass(frozen=True, slots=True)
class RankingResult:
    id: str
    lang: str
    src: str
    ndcg_at_10: float
    recall_at_5: float
    seconds: float
    hundred_passages_s: float | None = None
    failed: str = ""


def ranking_eval() -> Measurement[RankingCase, RankingResult]:
    """All documents beside each question file are ranked for its questions, as it is set.

    A page counts as its best passage. Raises InvalidRequest, ConfigError, and ModelError if the
    reranker fails.
    """
    return Measurement(
        name="ranking",
        read=read_ranking_cases,
        open=_opened,
        restore=lambda values: RankingResult(**values),
        summarise=summarise_ranking,
        figure=lambda result: result.ndcg_at_10,
        figure_name="nDCG@10",
        levels=(lambda case: case.row.src,),
        data_files=lambda paths: [file for p in paths for file in (p, *document_paths(p))],
        describe=_count_documents,
    )


def _count_documents(cases: Sequence[RankingCase]) -> dict[str, object]:
    collections = {id(case.collection): case.collection for case in cases}.values()
    return {
        "documents": sum(len(collection.documents) for collection in collections),
        "passages": sum(len(collection.passages) for collection in collections),
    }


def read_ranking_cases(paths: Sequence[Path]) -> list[RankingCase]:
    """Questions without a judged document are left out. Raises InvalidRequest."""
    collections = {path: read_collection(path) for path in paths}
    cases: list[RankingCase] = []
    counts = dict.fromkeys(paths, 0)
    for path, id_, row in read_files(paths, RankingRow):
        collection = collections[path]
        if (set(row.qrels) - set(row.qrels_weak)) & collection.documents.keys():
            number = counts[path]
            counts[path] += 1
            timed = number if number < TIMED_QUESTIONS else None
            cases.append(RankingCase(id_, row, collection, timed))
    if not cases:
        raise InvalidRequest(f"{paths[0]}: no question has a document in its qrels.")
    return cases


@asynccontextmanager
async def _opened(settings: Settings) -> AsyncIterator[Opened[RankingCase, RankingResult]]:
    reranker = make_reranker(settings)
    described = {
        "ranking": settings.ranking,
        "ranking_model": settings.ranking_model,
        "ranking_url": settings.ranking_url,
        "ranking_deadline_s": settings.ranking_deadline_s,
    }
    try:
        yield Opened(
            lambda case: rank_case(case, reranker), described, resumes=reranker is not None
        )
    finally:
        if reranker is not None:
            await reranker.close()


async def rank_case(case: RankingCase, reranker: Reranker | None) -> RankingResult:
    row = case.row
    index = case.collection.index  # made for the first question: no part of its time
    hundred = None if case.timed is None else _time_hundred_passages(case, case.timed)
    started = time.perf_counter()
    ranked = await _rank(row.question, case.collection, index, reranker)
    seconds = time.perf_counter() - started
    order = [url for url in dict.fromkeys(p.url for p in ranked) if url not in row.qrels_weak]
    relevant = set(row.qrels) - set(row.qrels_weak)
    return RankingResult(
        case.id,
        row.lang,
        row.src,
        ndcg(order, relevant, depth=DEPTH),
        recall_at(order, relevant, depth=RECALL_DEPTH),
        seconds,
        hundred,
    )


async def _rank(
    question: str, collection: Collection, index: PassageIndex, reranker: Reranker | None
) -> list[Passage]:
    """The passages that share a word with the question, best first."""
    found = [
        replace(passage, score=score)
        for passage, score in zip(collection.passages, index.scores([question]), strict=True)
        if score
    ]
    found.sort(key=lambda passage: -passage.score)
    if reranker is None:
        return found
    best, rest = found[:RERANKED_PASSAGES], found[RERANKED_PASSAGES:]
    return [*await rerank(best, question, reranker, titles=collection.titles), *rest]


def _time_hundred_passages(case: RankingCase, number: int) -> float:
    """Seconds to count and rank 100 passages, as the agent does for a question."""
    passages, titles = case.collection.passages, case.collection.titles
    sample = passages[100 * number : 100 * (number + 1)] or passages[:100]
    started = time.perf_counter()
    PassageIndex(sample, titles=titles).scores([case.row.question])
    return time.perf_counter() - started


def summarise_ranking(
    results: Sequence[RankingResult], settings: Mapping[str, object]
) -> dict[str, Any]:
    hundreds = [r.hundred_passages_s for r in results if r.hundred_passages_s is not None]
    timing = {
        "seconds_p50": round(quantile([result.seconds for result in results], 0.5), 4),
        "ms_per_100_passages": round(1000 * quantile(hundreds, 0.5), 1),
    }
    return make_summary("ranking", results, _metrics, settings, overall=timing)


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
