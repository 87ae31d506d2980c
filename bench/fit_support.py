"""Fits the weights of `citations/support_weights.py` on labelled statements.

    python bench/fit_support.py LABELLED.jsonl[.gz] ...

Rows: claim, passages (list of texts), question (or null), src, label (supported | not_supported |
partial; rows of the last are left out). Needs scikit-learn, which is no dependency of the project.
Prints the cross-validated AUC (grouped by question) by source and the fitted tables.
"""

import gzip
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from websearch_agent.citations.claims import parse_claim
from websearch_agent.citations.contradictions import check_numbers
from websearch_agent.citations.measures import Measures, measure
from websearch_agent.citations.nearest import find_nearest
from websearch_agent.citations.scripts import is_chinese
from websearch_agent.citations.support_weights import CHARACTERS, SUPPORTED_FROM, WORDS
from websearch_agent.citations.windows import index_source
from websearch_agent.types import Passage, Source

# Whole summaries are no statements.
LEFT_OUT = ("FaithBench",)
# Copied sentences teach copying.
SOURCE_WEIGHTS = {"UHGEval": 0.3}
# What English statements weigh in the fit for Chinese ones.
OTHER_SCRIPT_WEIGHT = 0.1
C = 0.1


def read_rows(paths: Sequence[str]) -> Iterator[dict[str, object]]:
    for path in map(Path, paths):
        data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        yield from map(json.loads, data.decode().splitlines())


def measures_of(row: dict) -> tuple[Measures, bool] | None:
    texts = [Passage("", text, 0, len(text)) for text in row["passages"]]
    claim = parse_claim(row["claim"], row["question"] or "")
    nearest = find_nearest(claim, [index_source(Source(1, "", "", "", tuple(texts)))])
    if nearest is None:
        return None
    return measure(claim, nearest, check_numbers(claim, nearest)), is_chinese(claim)


def model() -> Pipeline:
    return make_pipeline(StandardScaler(), LogisticRegression(C=C, max_iter=2000))


def table(fitted: Pipeline, names: Sequence[str]) -> dict[str, float]:
    """Weights for the measures as they are, not standardised."""
    scaler, regression = fitted[0], fitted[-1]
    weights = regression.coef_[0] / scaler.scale_
    constant = float(regression.intercept_[0] - weights @ scaler.mean_)
    return {"constant": round(constant, 2)} | {
        name: round(float(weight), 2) for name, weight in zip(names, weights, strict=True)
    }


def fit(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Pipeline:
    used = weights > 0
    own = {"logisticregression__sample_weight": weights[used]}
    return model().fit(x[used], y[used], **own)


def report(name: str, y: np.ndarray, scores: np.ndarray) -> None:
    f1 = f1_score(y, scores >= SUPPORTED_FROM, average="macro")
    print(f"  {name:40} {len(y):5} AUC {roc_auc_score(y, scores):.3f} F1 {f1:.3f}")


def fit_and_judge(
    rows: list[dict], measured: list[Measures], weights: np.ndarray, names: Sequence[str]
) -> None:
    """Print AUC by source, cross-validated by question and not trained on, then the table."""
    x = np.array([[getattr(m, name) for name in names] for m in measured])
    y = np.array([row["label"] == "supported" for row in rows])
    groups = [row["question"] or row["passages"][0][:200] for row in rows]
    ids = {group: number for number, group in enumerate(dict.fromkeys(groups))}
    scores = np.zeros(len(rows))
    folds = GroupKFold(5, shuffle=True, random_state=0)
    for train, test in folds.split(x, y, [ids[group] for group in groups]):
        scores[test] = fit(x[train], y[train], weights[train]).predict_proba(x[test])[:, 1]
    sources = np.array([f"{row['src']} {row['lang']}" for row in rows])
    collections = np.array([source.partition("/")[0] for source in sources])
    for source in sorted(set(sources[weights >= min(SOURCE_WEIGHTS.values())])):
        own = sources == source
        report(source, y[own], scores[own])
        rest = fit(x[~own], y[~own], weights[~own]).predict_proba(x[own])[:, 1]
        report("  not trained on", y[own], rest)
    for name in sorted(set(collections) - set(sources)):
        report(name, y[collections == name], scores[collections == name])
    print(table(fit(x, y, weights), names))


def main(paths: Sequence[str]) -> None:
    rows = [r for r in read_rows(paths) if r["label"] != "partial" and r["src"] not in LEFT_OUT]
    found = [(row, measured) for row in rows if (measured := measures_of(row))]
    for chinese, start in ((False, WORDS), (True, CHARACTERS)):
        other = OTHER_SCRIPT_WEIGHT if chinese else 0.0
        weights = [
            SOURCE_WEIGHTS.get(row["src"], 1.0) if is_own == chinese else other
            for row, (_, is_own) in found
        ]
        names = [name for name in start if name != "constant"]
        print("Chinese" if chinese else "Words")
        measured = [measures for _, (measures, _) in found]
        fit_and_judge([row for row, _ in found], measured, np.array(weights), names)


if __name__ == "__main__":
    main(sys.argv[1:])
