from pathlib import Path

from cli_fakes import run_cli

from websearch_agent.errors import ConfigError


def test_index_without_a_target_names_what_is_missing() -> None:
    result = run_cli("index")
    assert isinstance(result.exception, ConfigError)
    assert "a folder, a file or a URL" in result.exception.message


def test_target_that_is_not_there_is_exit_1() -> None:
    result = run_cli("index", "/nonexistent")
    assert result.exit_code == 1
    assert result.stdout == (
        "Indexed 0 documents.\n  left out  /nonexistent: no such file or folder\n"
    )


def test_what_was_left_out_is_listed_beside_what_was_indexed(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("# Quokkas\n\nThey live on Rottnest Island.")
    result = run_cli("index", str(tmp_path / "a.md"), "/nonexistent\x1b[2J")
    assert result.exit_code == 0
    assert result.stdout.startswith("Indexed 1 documents. Ask about them")
    assert "  left out  /nonexistent[2J: " in result.stdout


def test_clear_alone_empties_the_index() -> None:
    result = run_cli("index", "--clear")
    assert (result.exit_code, result.stdout) == (0, "The index is empty.\n")
