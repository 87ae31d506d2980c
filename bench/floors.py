"""Runs the evals on the measuring data and compares their figures with `floors.toml`.

    python bench/floors.py ../shared/data

With `--slow` also those that ask a model. Printed: a line for each bound, then one JSON object.
Exit status 1 if a figure is below its floor or above its ceiling.
"""

import argparse
import json
import subprocess
import sys
import tomllib
from functools import reduce
from pathlib import Path

FLOORS = Path(__file__).with_name("floors.toml")
SHOWN_ERROR_CHARS = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "folder", type=Path, help="holds extraction/, qa/, rewriting/, support/ and injection/"
    )
    parser.add_argument("--slow", action="store_true", help="those that ask a model too")
    asked = parser.parse_args()
    folder = asked.folder
    if not folder.is_dir():
        sys.exit(f"{folder} is not there: the measuring data are not part of this repository")
    floors = tomllib.loads(FLOORS.read_text(encoding="utf-8"))["floor"]
    floors = [floor for floor in floors if asked.slow or not floor.get("slow")]
    printed: dict[str, dict[str, object]] = {}
    rows = []
    for floor in floors:
        command = floor["command"]
        if command not in printed:
            printed[command] = run(command.split(), folder)
        value = reduce(lambda part, key: part[key], floor["metric"].split("."), printed[command])
        holds, bound = compare(value, floor)
        rows.append({**floor, "value": value, "holds": holds})
        mark = "ok   " if holds else "WRONG"
        print(f"{mark} {value:.4f} ({bound}) {command} {floor['metric']}", flush=True)
    print(json.dumps({"eval": "floors", "rows": rows}))
    sys.exit(not all(row["holds"] for row in rows))


def compare(value: float, bound: dict[str, object]) -> tuple[bool, str]:
    """Whether a figure keeps its bound, and the bound in words; errors have a ceiling."""
    if "ceiling" in bound:
        return value <= bound["ceiling"], f"ceiling {bound['ceiling']}"
    return value >= bound["floor"], f"floor {bound['floor']}"


def run(words: list[str], folder: Path) -> dict[str, object]:
    """The object that `websearch-agent WORDS` prints; files of `folder` go by their names."""
    named = [str(folder / word) if (folder / word).is_file() else word for word in words]
    program = Path(sys.executable).with_name("websearch-agent")
    done = subprocess.run([program, *named], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(words)}: {done.stderr[-SHOWN_ERROR_CHARS:]}")
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main()
