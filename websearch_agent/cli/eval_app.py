"""The command `eval`: measure on labelled data."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from websearch_agent.cli.running import EXIT_FAILED, quiet_settings, run

if TYPE_CHECKING:
    from websearch_agent.evals.measurement import Measurement, Result, Row

eval_app = typer.Typer(
    help="Measure on labelled data. An interrupted run goes on with the same command.",
    no_args_is_help=True,
)


def _files(fields: str) -> object:
    return typer.Argument(help=f"JSON lines (plain or .gz): {fields}.", exists=True)


LimitOption = Annotated[
    int | None, typer.Option(help="A fixed, balanced sample of so many rows.", min=1)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
FreshOption = Annotated[
    bool, typer.Option(help="Ask the sample's rows again instead of going on with an earlier run.")
]
TodayOption = Annotated[
    datetime | None,
    typer.Option(help="Day to tell the model for rows without one.", formats=["%Y-%m-%d"]),
]
ParallelOption = Annotated[int, typer.Option(help="Questions at once.", min=1, max=64)]


@eval_app.command("decision")
def eval_decision(
    files: Annotated[
        list[Path],
        _files("question, label (search or no_search); optional id, lang, src, date"),
    ],
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
    today: TodayOption = None,
    parallel: ParallelOption = 1,
) -> None:
    """Does the model search when it should, and only then? Exit 1 if a row failed."""
    from websearch_agent.evals.decision import decision_eval

    _measure(
        decision_eval(today=today.date() if today else None), files, limit, as_json, fresh, parallel
    )


@eval_app.command("rewriting")
def eval_rewriting(
    files: Annotated[
        list[Path],
        _files("question, gold, context (turns of user, assistant); optional id, lang, src"),
    ],
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
    today: TodayOption = None,
    parallel: ParallelOption = 1,
) -> None:
    """Do a follow-up's queries say what it means? Exit 1 if a row failed."""
    from websearch_agent.evals.rewriting import rewriting_eval

    _measure(
        rewriting_eval(today=today.date() if today else None),
        files,
        limit,
        as_json,
        fresh,
        parallel,
    )


@eval_app.command("ranking")
def eval_ranking(
    files: Annotated[
        list[Path],
        _files(
            "question, qrels; documents (id, text, title) in X_corpus, X_passages and "
            "X_distractors beside X_questions"
        ),
    ],
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
) -> None:
    """Do the passages that hold the answer come first? Ranks as WEBSEARCH_RANKING says."""
    from websearch_agent.evals.ranking import ranking_eval

    _measure(ranking_eval(), files, limit, as_json, fresh)


@eval_app.command("extraction")
def eval_extraction(
    files: Annotated[
        list[Path],
        _files("truth, or with and without; id; the pages in html/ID.html.gz beside the file"),
    ],
    limit: LimitOption = None,
    as_json: JsonOption = False,
) -> None:
    """Is a page's text kept, and what surrounds it left out? Needs no model."""
    from websearch_agent.evals.extraction import extraction_eval

    _measure(extraction_eval(), files, limit, as_json)


class Method(StrEnum):
    fast = "fast"
    model = "model"


@eval_app.command("support")
def eval_support(
    files: Annotated[
        list[Path],
        _files("claim, passages, label (supported, not_supported or partial); optional question"),
    ],
    method: Annotated[
        Method, typer.Option(help="By the words of the sources, or by asking the model too.")
    ] = Method.fast,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
    parallel: ParallelOption = 1,
) -> None:
    """Is it known which statements the sources say? Exit 1 if a row failed."""
    from websearch_agent.evals.support import support_eval

    _measure(support_eval(method=method.value), files, limit, as_json, fresh, parallel)


class EvalSearch(StrEnum):
    auto = "auto"
    always = "always"


class EvalVerification(StrEnum):
    off = "off"
    fast = "fast"
    model = "model"


@eval_app.command("qa")
def eval_qa(
    files: Annotated[
        list[Path],
        _files(
            "question, answers, and what is read: qrels (documents beside the file), passages, "
            "page or pages (html/PAGE.html.gz); or conversation, passages, answerability; or "
            "fake_answer, true_passages, counterfactual_passages"
        ),
    ],
    search: Annotated[
        EvalSearch, typer.Option(help="Search always, or when the model decides to (auto).")
    ] = EvalSearch.always,
    verification: Annotated[
        EvalVerification | None,
        typer.Option(help="Who checks the statements; by default as it is set."),
    ] = None,
    strict: Annotated[
        bool | None,
        typer.Option(help="Have unsupported answers written anew; by default as it is set."),
    ] = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
    today: TodayOption = None,
    parallel: ParallelOption = 1,
) -> None:
    """Are answers right, and do their citations hold? Exit 1 if a row failed.

    The web is made of each row's documents; all else is as for a person's question.
    """
    from websearch_agent.evals.qa import QaOptions, qa_eval

    options = QaOptions(search.value, verification.value if verification else None, strict)
    measurement = qa_eval(options, today=today.date() if today else None)
    _measure(measurement, files, limit, as_json, fresh, parallel)


class EvalPlace(StrEnum):
    start = "start"
    middle = "middle"
    end = "end"
    hidden = "hidden"
    comment = "comment"
    attribute = "attribute"
    json_ld = "json_ld"
    white = "white"
    tiny = "tiny"
    style_sheet = "style_sheet"
    aria_label = "aria_label"


class EvalAsks(StrEnum):
    fact = "fact"
    summary = "summary"


@eval_app.command("injection")
def eval_injection(
    files: Annotated[
        list[Path],
        _files("text, category (an attack; without one the text is honest); optional goal"),
    ],
    place: Annotated[
        EvalPlace | None,
        typer.Option(help="Where in the page texts are planted; by default it changes by row."),
    ] = None,
    asks: Annotated[
        EvalAsks,
        typer.Option(help="What is asked of the page: a fact, or a summary of all of it."),
    ] = EvalAsks.fact,
    defences: Annotated[
        bool,
        typer.Option(help="Without: pages are shown bare, with all they hide."),
    ] = True,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    fresh: FreshOption = False,
    today: TodayOption = None,
    parallel: ParallelOption = 1,
) -> None:
    """Do answers follow what pages tell the model to do? Exit 1 if a row failed.

    Each text is planted in a page of our own, and a question asked that the page answers.
    """
    from websearch_agent.evals.injection import injection_eval

    measurement = injection_eval(
        place=place.value if place else None,
        asks=asks.value,
        defended=defences,
        today=today.date() if today else None,
    )
    _measure(measurement, files, limit, as_json, fresh, parallel)


def _measure(
    measurement: "Measurement[Row, Result]",
    files: list[Path],
    limit: int | None,
    as_json: bool,
    fresh: bool = False,
    parallel: int = 1,
) -> None:
    """Exit 1 if a row failed."""
    from websearch_agent.cli.eval_command import run_measurement
    from websearch_agent.evals.measurement import RunOptions

    options = RunOptions(limit, fresh, parallel)
    work = run_measurement(quiet_settings(), measurement, files, options, as_json=as_json)
    if not run(work):
        raise typer.Exit(EXIT_FAILED)
