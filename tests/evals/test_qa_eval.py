"""`eval qa`: the real agent over pages of the data, with a model that answers by its script."""

import datetime as dt
import json
from collections.abc import Callable
from dataclasses import asdict, replace

import pytest
from agent_parts import make_parts
from fakes import FakeModel, search_call

from websearch_agent.errors import ModelUnavailable
from websearch_agent.evals.citation_scores import JudgedCitation, JudgedStatement
from websearch_agent.evals.found_pages import GivenPage
from websearch_agent.evals.program import ContextTurn
from websearch_agent.evals.qa import QaOptions, QaResult, ask_case, restore_qa
from websearch_agent.evals.qa_cases import QaCase
from websearch_agent.evals.qa_summary import summarise_qa
from websearch_agent.model_calls import ModelCall
from websearch_agent.protocols import ConversationStore

pytestmark = pytest.mark.anyio

TODAY = dt.date(2026, 11, 23)
BRIDGE = GivenPage(
    "bridge", "The red bridge over the wide river was opened in 1932 by the mayor of the town."
)
TOWER = GivenPage(
    "tower", "The white tower behind the red bridge was opened in 1950 by nobody at all."
)
CASE = QaCase(
    "1",
    "collection",
    "en",
    "own/a",
    "When was the red bridge opened?",
    lambda: [BRIDGE, TOWER],
    golds=(("1932",),),
    gold_ids=frozenset({"bridge"}),
)
OFF = QaOptions(verification="off")


async def answered(
    store: ConversationStore,
    text: str | Callable[[ModelCall], str],
    case: QaCase = CASE,
    options: QaOptions = OFF,
) -> tuple[QaResult, FakeModel]:
    model = FakeModel([search_call("red bridge opened"), *[text] * 3])
    return await ask_case(case, make_parts(store, model), options, today=TODAY), model


def number_of(call: ModelCall, words: str) -> str:
    """The number under which the model is shown the source with these words."""
    shown = "\n".join(message.content for message in call.messages)
    return shown[: shown.index(words)].rsplit('<source id="', 1)[1].partition('"')[0]


async def test_right_answer_with_its_citation(store: ConversationStore) -> None:
    def reply(call: ModelCall) -> str:
        return f"The red bridge was opened in 1932 [{number_of(call, 'wide river')}]."

    result, model = await answered(store, reply)
    assert (result.correct, result.gold_recall, result.failed) == (True, 1.0, "")
    (citation,) = result.citations
    assert (citation.document, citation.right, citation.on_gold_page) == ("bridge", True, True)
    assert result.citations_to_unshown == 0
    assert "red bridge opened" in result.queries
    assert set(result.shown) == {"bridge", "tower"}
    assert (result.prompt_tokens, result.model_calls) == (200, 2)
    assert "2026-11-23" in model.calls[0].messages[0].content


async def test_answer_that_refuses_is_not_right(store: ConversationStore) -> None:
    refusal = "The sources do not mention whether it was in 1932."
    result, _ = await answered(store, refusal)
    with_verdict, _ = await answered(
        store, f"{refusal} Some say 1932.", options=QaOptions(verification="fast")
    )
    assert (result.correct, result.text) == (False, refusal)
    assert (with_verdict.correct, with_verdict.unanswered) == (False, True)


async def test_wrong_answer_on_another_page(store: ConversationStore) -> None:
    def reply(call: ModelCall) -> str:
        return f"The red bridge was opened in 1950 [{number_of(call, 'white tower')}]."

    result, _ = await answered(store, reply)
    assert result.correct is False
    assert result.citations[0].document == "tower"
    assert result.citations[0].on_gold_page is False


async def test_invented_answer_is_to_be_followed_without_the_true_one(
    store: ConversationStore,
) -> None:
    case = replace(CASE, form="counterfactual", golds=(("1932",),), wrong=(("1950",),))
    follows, _ = await answered(store, "It was opened in 1932.", case)
    hedges, _ = await answered(store, "It was 1932, though in truth 1950.", case)
    assert (follows.correct, hedges.correct) == (True, False)


async def test_conversation_is_there_before_its_question(store: ConversationStore) -> None:
    turns = (ContextTurn(user="Tell me about the red bridge.", assistant="It is long."),)
    case = replace(CASE, turns=turns, golds=(), reference="It was opened in 1932")
    result, model = await answered(store, "In 1932.", case)
    shown = [message.content for message in model.calls[0].messages]
    assert {"Tell me about the red bridge.", "It is long."} <= set(shown)
    assert (result.correct, result.gold_recall) == (None, 0.4)


async def test_failed_row_is_wrong_and_says_why(store: ConversationStore) -> None:
    parts = make_parts(store, FakeModel([ModelUnavailable("down")] * 3))
    result = await ask_case(CASE, parts, OFF, today=TODAY)
    assert result.failed.startswith("model_unavailable")
    assert result.correct is False


async def test_long_gold_answers_are_not_scored_as_right_or_wrong(store: ConversationStore) -> None:
    case = replace(CASE, golds=(("one two three four five six seven eight " * 2,),))
    result, _ = await answered(store, "one two", case)
    assert (result.correct, result.gold_recall) == (None, 0.125)


async def test_result_comes_back_from_its_file_as_it_was(store: ConversationStore) -> None:
    result, _ = await answered(store, "The red bridge was opened in 1932 [1].")
    assert restore_qa(json.loads(json.dumps(asdict(result)))) == result


def made(id_: str, **more: object) -> QaResult:
    values = {"form": "passages", "lang": "en", "src": "a/b", "question": "?", "seconds": 1.0}
    return QaResult(id_, **{"answerability": "ANSWERABLE", **values, **more})  # type: ignore[arg-type]


def citation(*, right: bool | None, checked: str) -> JudgedCitation:
    return JudgedCitation(1, "d", "s", right, right, checked, added=False)


def statement(*, cites_right: bool | None, checked: str, support: str = "") -> JudgedStatement:
    return JudgedStatement("s", (1,), support, checked, cites_right)


RESULTS = [
    made(
        "1",
        correct=True,
        gold_recall=1.0,
        queries=("q",),
        citations=(
            citation(right=True, checked="unsupported"),
            citation(right=None, checked="partial"),
        ),
        statements=(
            statement(cites_right=True, checked="unsupported", support="supported"),
            statement(cites_right=None, checked="not_checkable", support="not_checkable"),
        ),
        prompt_tokens=100,
        seconds=3.0,
    ),
    made(
        "2",
        correct=False,
        gold_recall=0.5,
        citations=(citation(right=False, checked="supported"),),
        statements=(statement(cites_right=False, checked="supported", support="unsupported"),),
        citations_to_unshown=1,
        prompt_tokens=300,
    ),
    made("3", form="conversation", answerability="UNANSWERABLE", unanswered=True, gold_recall=0.1),
    made("4", form="conversation", answerability="UNANSWERABLE", gold_recall=0.1),
    made("5", form="conversation", gold_recall=0.3, unanswered=True),
    made("6", correct=False, failed="model_unavailable: down"),
]


def test_figures_of_known_answers() -> None:
    summary = summarise_qa(RESULTS, {"search": "always"})
    metrics = summary["metrics"]
    assert (summary["eval"], summary["n"], metrics["n_scored"]) == ("qa", 6, 3)
    assert metrics["accuracy"] == 0.3333
    assert (metrics["gold_recall"], metrics["reference_recall"]) == (0.75, 0.3)
    assert metrics["citation_precision"] == metrics["citation_precision_checked"] == 0.6667
    assert (metrics["citation_recall"], metrics["citation_recall_checked"]) == (0.5, 0.5)
    assert metrics["citations_on_gold_pages"] == 0.5
    assert metrics["citations_to_unshown"] == 1
    assert (metrics["refused_unanswerable"], metrics["refused_answerable"]) == (0.5, 0.3333)
    assert (metrics["supported_share"], metrics["unsupported_share"]) == (0.5, 0.5)
    assert (metrics["prompt_tokens"], metrics["search_share"]) == (80.0, 0.2)
    assert (metrics["seconds_p50"], metrics["seconds_p95"]) == (1.0, 3.0)


def test_figures_by_language_source_and_form() -> None:
    by = summarise_qa(RESULTS, {})["by"]
    assert set(by) == {"lang", "src", "form"}
    assert by["src"]["a"]["n"] == by["src"]["a/b"]["n"] == 6
    assert by["form"]["passages"]["accuracy"] == 0.3333
    assert "accuracy" not in by["form"]["conversation"]


def test_refusals_have_no_citations_to_judge() -> None:
    refusal = replace(RESULTS[1], unanswered=True)
    metrics = summarise_qa([RESULTS[0], refusal], {})["metrics"]
    assert metrics["citation_precision"] == 1.0
