"""The data folder is its owner's alone, whichever command makes it."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from cli_fakes import run_cli


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


@pytest.mark.parametrize(
    "arguments",
    [
        ("index", "notes"),
        ("index", "--clear"),
        ("model", "list"),
        ("user", "list"),
        ("model", "pull"),
    ],
)
def test_folder_that_a_command_makes_is_private(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "one.md").write_text("# Bridge\n\nIt was opened in 1932.\n", "utf-8")
    # Weights of one's own, so that `model pull` downloads nothing.
    monkeypatch.setenv("WEBSEARCH_MODEL_PATH", str(tmp_path / "notes" / "one.md"))
    folder = tmp_path / "above" / "data"
    monkeypatch.setenv("WEBSEARCH_DATA_DIR", str(folder))
    run_cli(*arguments)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_folder_that_was_there_keeps_its_rights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o750)
    monkeypatch.setenv("WEBSEARCH_DATA_DIR", str(folder))
    run_cli("index", "--clear")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o750
