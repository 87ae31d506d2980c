"""The frame: rows are asked once, kept, and asked again only if they failed or on request."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from evals.eval_runs import Silence, run_whole
from pydantic import BaseModel

from websearch_agent.config import Settings, load_settings
from websearch_agent.errors import ModelUnavailable
from websearch_agent.evals.measurement import Measurement, Opened, RunOptions
from websearch_agent.evals.program import WITHOUT_EFFECT, chosen_settings
from websearch_agent.evals.result_file import code_fingerprint
from websearch_agent.evals.rows import read_rows
from websearch_agent.evals.summary import make_summary

pytestmark = pytest.mark.anyio


class Word(BaseModel):
    id: str
    text: str


@dataclass(frozen=True)
class Length:
    id: str
    chars: int
    src: str = "a/b"
    failed: str = ""


class Ruler:
    """Measures words; fails for those in `broken`."""

    def __init__(self, *, broken: str = "", resumes: bool = True) -> None:
        self.asked: list[str] = []
        self._broken = broken
        self._resumes = resumes

    async def ask(self, row: Word) -> Length:
        self.asked.append(row.text)
        if row.text == "raise":
            raise ModelUnavailable("down")
        return Length(row.id, len(row.text), failed="broken" if row.text == self._broken else "")

    @asynccontextmanager
    async def opened(self, settings: Settings) -> AsyncIterator[Opened[Word, Length]]:
        yield Opened(self.ask, {"unit": "chars"}, resumes=self._resumes)

    def measurement(self) -> Measurement[Word, Length]:
        return Measurement(
            name="length",
            read=lambda paths: read_rows(paths, Word),
            open=self.opened,
            restore=lambda values: Length(**values),
            summarise=lambda results, settings: make_summary(
                "length",
                results,
                lambda rows: {"chars": sum(row.chars for row in rows)},
                settings,
                groups=("src",),
            ),
            figure=lambda result: result.chars,
            figure_name="chars",
            levels=(),
        )


def write(folder: Path, *texts: str) -> Path:
    path = folder / "words.jsonl"
    path.write_text("\n".join(f'{{"id": "{n}", "text": "{t}"}}' for n, t in enumerate(texts)))
    return path


async def test_second_run_asks_only_what_failed(tmp_path: Path) -> None:
    path = write(tmp_path, "one", "three", "seven")
    first = await run_whole(Ruler(broken="three").measurement(), path)
    assert first.failed == 1
    ruler, view = Ruler(), Silence()
    second = await run_whole(ruler.measurement(), path, view=view)
    assert (ruler.asked, view.earlier, second.failed) == (["three"], 2, 0)
    assert second.summary["metrics"] == {"chars": 13}
    assert second.summary["by"]["src"] == {"a": {"chars": 13}, "a/b": {"chars": 13}}


async def test_fresh_asks_again_and_a_cheap_row_is_always_asked(tmp_path: Path) -> None:
    path = write(tmp_path, "one", "three")
    await run_whole(Ruler().measurement(), path)
    fresh = Ruler()
    await run_whole(fresh.measurement(), path, options=RunOptions(fresh=True))
    cheap = Ruler(resumes=False)
    await run_whole(cheap.measurement(), path)
    assert fresh.asked == cheap.asked == ["one", "three"]


async def test_header_says_what_was_measured(tmp_path: Path) -> None:
    measured = await run_whole(Ruler().measurement(), write(tmp_path, "one"))
    header = measured.path.read_text().splitlines()[0]
    for name in ("version", "unit", "code_sha256", "data", "data_sha256", "started"):
        assert f'"{name}"' in header
    assert measured.summary["settings"]["limit"] is None


async def test_rows_of_a_run_that_goes_on_stand_under_its_own_date(tmp_path: Path) -> None:
    path = write(tmp_path, "one", "three")
    await run_whole(Ruler(broken="three").measurement(), path)
    measured = await run_whole(Ruler().measurement(), path)
    lines = [json.loads(line) for line in measured.path.read_text().splitlines()]
    assert ["started" in line for line in lines] == [True, False, False, True, False]
    assert [line.get("id") for line in lines] == [None, "0", "1", None, "1"]


def test_other_code_begins_anew_but_not_other_doors(tmp_path: Path) -> None:
    for name in ("evals", "search", "cli", "server"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.py").write_text("A = 1\n")
    seen = {code_fingerprint(tmp_path)}
    for name in ("evals", "search"):
        (tmp_path / name / "a.py").write_text("A = 2\n")
        seen.add(code_fingerprint(tmp_path))
    (tmp_path / "profile.toml").write_text("a = 1\n")
    seen.add(code_fingerprint(tmp_path))
    assert len(seen) == 4
    for name in ("cli", "server"):
        (tmp_path / name / "a.py").write_text("A = 2\n")
    assert code_fingerprint(tmp_path) in seen


def test_settings_that_answers_depend_on_are_told_without_keys() -> None:
    settings = load_settings(
        ranking_url="http://127.0.0.1:9/v1", ranking_api_key="k-secret", reading_deadline_s=3
    )
    told = chosen_settings(settings)
    assert told["ranking_url"] == "http://127.0.0.1:9/v1"
    assert told["reading_deadline_s"] == 3.0
    assert {"ranking_model", "answer_deadline_s", "search_threshold", "model_path"} <= set(told)
    assert "secret" not in json.dumps(told)
    assert not [name for name in told if name.endswith(("_key", "_proxy"))]
    assert not set(told) & WITHOUT_EFFECT
    assert set(Settings.model_fields) >= WITHOUT_EFFECT


async def test_other_data_begin_anew(tmp_path: Path) -> None:
    await run_whole(Ruler().measurement(), write(tmp_path, "one"))
    ruler = Ruler()
    await run_whole(ruler.measurement(), write(tmp_path, "two"))
    assert ruler.asked == ["two"]


async def test_sample_is_a_part_of_the_rows(tmp_path: Path) -> None:
    ruler = Ruler()
    path = write(tmp_path, "one", "three", "seven")
    measured = await run_whole(ruler.measurement(), path, options=RunOptions(limit=2))
    assert len(ruler.asked) == measured.summary["n"] == 2


async def test_an_error_of_ours_comes_out_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match="down"):
        await run_whole(Ruler().measurement(), write(tmp_path, "raise"))


async def test_line_of_another_form_is_asked_again(tmp_path: Path) -> None:
    path = write(tmp_path, "one")
    measured = await run_whole(Ruler().measurement(), path)
    with measured.path.open("a") as file:
        file.write('{"id": "0", "inches": 3}\n')
    ruler = Ruler()
    await run_whole(ruler.measurement(), path)
    assert ruler.asked == ["one"]
