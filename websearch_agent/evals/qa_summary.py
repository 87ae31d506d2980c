"""The figures of `eval qa`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from websearch_agent.evals.citation_scores import (
    JudgedCitation,
    JudgedStatement,
    Share,
    gold_pages,
    precision,
    recall,
)
from websearch_agent.evals.metrics import mean, ratio_interval, share_interval
from websearch_agent.evals.summary import make_summary, timing

GROUPS = ("lang", "src", "form")


class Answered(Protocol):
    """What the figures are made of: see `qa.QaResult`."""

    @property
    def form(self) -> str: ...
    @property
    def answerability(self) -> str: ...
    @property
    def failed(self) -> str: ...
    @property
    def correct(self) -> bool | None: ...
    @property
    def gold_recall(self) -> float | None: ...
    @property
    def unanswered(self) -> bool: ...
    @property
    def queries(self) -> tuple[str, ...]: ...
    @property
    def citations(self) -> tuple[JudgedCitation, ...]: ...
    @property
    def statements(self) -> tuple[JudgedStatement, ...]: ...
    @property
    def citations_to_unshown(self) -> int: ...
    @property
    def dropped_markers(self) -> int: ...
    @property
    def prompt_tokens(self) -> int: ...
    @property
    def completion_tokens(self) -> int: ...
    @property
    def model_calls(self) -> int: ...
    @property
    def repaired(self) -> bool: ...
    @property
    def seconds(self) -> float: ...


def summarise_qa(results: Sequence[Answered], settings: Mapping[str, object]) -> dict[str, Any]:
    """Rows that failed count as wrong; they have no citations, statements or costs."""
    return make_summary("qa", results, qa_metrics, settings, overall=_costs(results), groups=GROUPS)


def qa_metrics(results: Sequence[Answered]) -> dict[str, Any]:
    """Figures that a group has no rows for are left out."""
    scored = [bool(result.correct) for result in results if result.correct is not None]
    metrics: dict[str, Any] = {"n": len(results), "failed": sum(bool(r.failed) for r in results)}
    if scored:
        metrics["accuracy"] = round(mean(scored), 4)
        metrics["accuracy_ci95"] = share_interval(sum(scored), len(scored))
        metrics["n_scored"] = len(scored)
    answered = [result for result in results if not result.failed]
    metrics |= _recalls(answered)
    metrics |= _refusals(answered)
    return metrics | _citation_metrics([result for result in answered if not result.unanswered])


def _recalls(results: Sequence[Answered]) -> dict[str, Any]:
    """Words of the gold answer; in conversations, those of the reference."""
    metrics: dict[str, Any] = {}
    for name, is_reference in (("gold_recall", False), ("reference_recall", True)):
        recalls = [
            result.gold_recall
            for result in results
            if result.gold_recall is not None
            and (result.form == "conversation") == is_reference
            and result.answerability == "ANSWERABLE"
        ]
        if recalls:
            metrics[name] = round(mean(recalls), 4)
    return metrics


def _refusals(results: Sequence[Answered]) -> dict[str, Any]:
    """Share of each kind of question whose answer says that the sources do not say."""
    metrics: dict[str, Any] = {}
    for kind in ("UNANSWERABLE", "ANSWERABLE", "PARTIAL", "UNDERSPECIFIED"):
        refused = [result.unanswered for result in results if result.answerability == kind]
        if refused:
            metrics[f"refused_{kind.lower()}"] = round(mean(refused), 4)
            metrics[f"refused_{kind.lower()}_ci95"] = share_interval(sum(refused), len(refused))
    return metrics


def _citation_metrics(results: Sequence[Answered]) -> dict[str, Any]:
    forms: dict[str, Callable[[Answered], Share]] = {
        "citation_precision": lambda r: precision(r.citations, by_gold=True),
        "citation_recall": lambda r: recall(r.statements, by_gold=True),
        "citation_precision_checked": lambda r: precision(r.citations, by_gold=False),
        "citation_recall_checked": lambda r: recall(r.statements, by_gold=False),
        "citations_on_gold_pages": lambda r: gold_pages(r.citations),
    }
    metrics: dict[str, Any] = {}
    for name, share_of in forms.items():
        parts = [share_of(result) for result in results]
        total = sum(total for _, total in parts)
        if total:
            metrics[name] = round(sum(counted for counted, _ in parts) / total, 4)
            metrics[f"{name}_ci95"] = ratio_interval(parts)
    citations = [citation for result in results for citation in result.citations]
    if results:
        metrics["citations"] = len(citations)
        metrics["citations_added"] = sum(citation.added for citation in citations)
        metrics["citations_to_unshown"] = sum(r.citations_to_unshown for r in results)
        metrics["dropped_markers"] = sum(result.dropped_markers for result in results)
        metrics["answers_without_citation"] = sum(not r.citations for r in results)
    return metrics | _support_metrics([s for result in results for s in result.statements])


def _support_metrics(statements: Sequence[JudgedStatement]) -> dict[str, Any]:
    """What the program says of its statements (if it checked), and what the checker does."""
    metrics: dict[str, Any] = {}
    for end, levels in (
        ("", [s.support for s in statements]),
        ("_checked", [s.checked for s in statements]),
    ):
        known = [level for level in levels if level not in ("", "not_checkable")]
        if known:
            metrics[f"supported_share{end}"] = round(mean([x == "supported" for x in known]), 4)
            metrics[f"unsupported_share{end}"] = round(mean([x == "unsupported" for x in known]), 4)
    return metrics


def _costs(results: Sequence[Answered]) -> dict[str, Any]:
    answered = [result for result in results if not result.failed]
    return {
        "search_share": round(mean([bool(result.queries) for result in answered]), 4),
        "repaired_share": round(mean([result.repaired for result in answered]), 4),
        "prompt_tokens": round(mean([result.prompt_tokens for result in answered]), 1),
        "completion_tokens": round(mean([result.completion_tokens for result in answered]), 1),
        "model_calls": round(mean([result.model_calls for result in answered]), 2),
        **timing([result.seconds for result in answered]),
    }
