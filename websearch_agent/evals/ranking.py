"""Does the ranking of passages put the pages that hold the answer first?"""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from websearch_agent.errors import InvalidRequest
from websearch_agent.evals.metrics import bootstrap_interval, mean, ndcg, quantile, recall_at
from websearch_agent.evals.rows import group_by, read_rows
from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import PassageIndex
from websearch_agent.types import Page, Passage

QUESTIONS_SUFFIX = "_questions"
DOCUMENT_SUFFIXES = ("_corpus", "_passages", "_distractors")
DEPTH = 10
RECALL_DEPTH = 5


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


def run_ranking(
    paths: Sequence[Path],
    *,
    limit: int | None = None,
    on_result: Callable[[RankingResult], None] = lambda _: None,
) -> dict[str, Any]:
    """Rank all documents beside each question file for its questions.

    `X_questions.jsonl` is searched in `X_corpus`, `X_passages` and `X_distractors`. A page counts
    as its best passage. Questions without a judged document are left out. Raises InvalidRequest.
    """
    results: list[RankingResult] = []
    counts = {"documents": 0, "passages": 0}
    for path in paths:
        questions = read_rows([path], RankingRow)[:limit]
        documents = read_rows(document_paths(path), DocumentRow)
        passages = [passage for row in documents for passage in split_passages(_as_page(row))]
        titles = {row.id: row.title for row in documents}
        counts["documents"] += len(documents)
        counts["passages"] += len(passages)
        index = PassageIndex(passages, titles=titles)
        for result in _rank_questions(questions, passages, index):
            results.append(result)
            on_result(result)
    if not results:
        raise InvalidRequest(f"{paths[0]}: no question has a document in its qrels.")
    settings = {"data": [path.name for path in paths], "limit": limit, **counts}
    return {
        "eval": "ranking",
        "n": len(results),
        "metrics": {**_metrics(results), **_seconds(results)},
        "by": {
            name: {key: _metrics(rows) for key, rows in group_by(results, name).items()}
            for name in ("lang", "src")
        },
        "settings": settings,
    }


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


def _rank_questions(
    questions: Sequence[RankingRow], passages: Sequence[Passage], index: PassageIndex
) -> Iterator[RankingResult]:
    known = {passage.url for passage in passages}
    for row in questions:
        relevant = set(row.qrels) - set(row.qrels_weak)
        if not relevant & known:
            continue
        started = time.perf_counter()
        scores = index.scores([row.question])
        places = sorted(
            (place for place, score in enumerate(scores) if score), key=lambda p: -scores[p]
        )
        seconds = time.perf_counter() - started
        order = list(dict.fromkeys(passages[place].url for place in places))
        order = [url for url in order if url not in row.qrels_weak]
        yield RankingResult(
            row.lang,
            row.src,
            ndcg(order, relevant, depth=DEPTH),
            recall_at(order, relevant, depth=RECALL_DEPTH),
            seconds,
        )


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


def _seconds(results: Sequence[RankingResult]) -> dict[str, float]:
    seconds = [result.seconds for result in results]
    return {"seconds_p50": round(quantile(seconds, 0.5), 4)}
