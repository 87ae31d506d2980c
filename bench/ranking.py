"""How well `rank_passages` finds the page that holds the answer.

    python bench/ranking.py ../shared/data/qa

The folder holds questions with judged pages: `en_news_questions.jsonl`, `zh_news_questions.jsonl`
and their `_corpus.jsonl.gz`. Candidates are all pages retrieved for a question, cut by
`split_passages`; a page scores as its best passage. Printed: nDCG@10 and recall@5 (of at most five
relevant pages), means over the questions with a relevant page, and milliseconds per 100 passages.
"""

import gzip
import json
import math
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict, cast

from websearch_agent.pages.passages import split_passages
from websearch_agent.pages.rank import rank_passages
from websearch_agent.types import (
    Page,
)


class Question(TypedDict, total=False):
    question: str
    qrels: list[str]
    qrels_weak: list[str]
    retrieved: list[str]
    negatives: list[str]


class Document(TypedDict, total=False):
    id: str
    title: str
    text: str


def main() -> None:
    if len(sys.argv) != 2 or not Path(sys.argv[1]).is_dir():
        sys.exit("usage: python bench/ranking.py FOLDER   (the judged questions are not there)")
    for name in ("en_news", "zh_news"):
        measure(Path(sys.argv[1]), name)


def measure(folder: Path, name: str) -> None:
    questions = cast(list[Question], list(read_lines(folder / f"{name}_questions.jsonl")))
    documents = cast(list[Document], list(read_lines(folder / f"{name}_corpus.jsonl.gz")))
    by_id = {document["id"]: document for document in documents}
    titles = {key: document.get("title", "") for key, document in by_id.items()}
    passages = {key: split_passages(page_of(document)) for key, document in by_id.items()}
    gains, recalls, passage_count, spent_s = [], [], 0, 0.0
    for question in questions:
        weak = set(question.get("qrels_weak", ()))
        candidates = question.get("retrieved") or question["qrels"] + question["negatives"]
        judged = sorted(set(candidates) - weak)
        relevant = set(question["qrels"]) & set(judged)
        if not relevant:
            continue
        pool = [passage for key in judged for passage in passages[key]]
        started = time.perf_counter()
        ranked = rank_passages(pool, [question["question"]], titles=titles)
        spent_s += time.perf_counter() - started
        passage_count += len(pool)
        order = list(dict.fromkeys(passage.url for passage in ranked))
        gains.append(ndcg(order, relevant, depth=10))
        recalls.append(len(relevant & set(order[:5])) / min(5, len(relevant)))
    print(
        f"{name}: {len(gains)} questions, nDCG@10 {sum(gains) / len(gains):.3f}, "
        f"recall@5 {sum(recalls) / len(recalls):.3f}, "
        f"{spent_s / passage_count * 1e5:.1f} ms per 100 passages"
    )


def ndcg(order: list[str], relevant: set[str], *, depth: int) -> float:
    found = sum(
        1 / math.log2(rank + 2) for rank, key in enumerate(order[:depth]) if key in relevant
    )
    best = sum(1 / math.log2(rank + 2) for rank in range(min(depth, len(relevant))))
    return found / best


def page_of(document: Document) -> Page:
    return Page(
        url=document["id"],
        final_url=document["id"],
        title=document.get("title", ""),
        text=document["text"],
        content_type="text/plain",
        fetched_at=datetime.now(UTC),
    )


def read_lines(path: Path) -> Iterator[object]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    main()
