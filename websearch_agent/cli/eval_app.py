"""The command `eval`: measure on labelled data."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

EXIT_FAILED = 1

eval_app = typer.Typer(help="Measure on labelled data.", no_args_is_help=True)


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
    from websearch_agent.cli.app import _quiet_settings, _run
    from websearch_agent.cli.eval_command import run_decision_eval

    work = run_decision_eval(
        _quiet_settings(),
        files,
        limit=limit,
        as_json=as_json,
        fresh=fresh,
        today=today.date() if today else None,
        parallel=parallel,
    )
    if not _run(work):
        raise typer.Exit(EXIT_FAILED)


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
    from websearch_agent.cli.app import _quiet_settings, _run
    from websearch_agent.cli.eval_command import run_rewriting_eval

    work = run_rewriting_eval(
        _quiet_settings(),
        files,
        limit=limit,
        as_json=as_json,
        fresh=fresh,
        today=today.date() if today else None,
        parallel=parallel,
    )
    if not _run(work):
        raise typer.Exit(EXIT_FAILED)


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
) -> None:
    """Do the passages that hold the answer come first? Ranks as WEBSEARCH_RANKING says."""
    from websearch_agent.cli.app import _quiet_settings, _run
    from websearch_agent.cli.eval_figures import tell_figures
    from websearch_agent.evals.ranking import measure_ranking

    tell_figures(_run(measure_ranking(_quiet_settings(), files, limit=limit)), as_json=as_json)


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
    from websearch_agent.cli.eval_figures import tell_figures
    from websearch_agent.evals.extraction import run_extraction

    tell_figures(run_extraction(files, limit=limit), as_json=as_json)
