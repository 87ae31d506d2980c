"""What is installed from a wheel is what runs from a checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

from websearch_agent.resources import resource_dir

ROOT = Path(__file__).resolve().parent.parent


def test_prompts_page_and_pinned_weights_reach_the_wheel(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder in ("prompts", "web"):
        for path in resource_dir(folder).rglob("*"):
            if path.is_file():
                inside = path.relative_to(ROOT).as_posix()
                assert f"websearch_agent/_data/{inside}" in names
    assert "websearch_agent/models/weights_parts.txt" in names
    assert "websearch_agent/py.typed" in names


def test_requirement_files_name_no_host_and_pin_every_package() -> None:
    for name in ("run.txt", "dev.txt"):
        text = (ROOT / "requirements" / name).read_text(encoding="utf-8")
        assert "://" not in text
        pins = [line for line in text.splitlines() if line and not line.startswith((" ", "#"))]
        assert pins
        assert all("==" in pin for pin in pins)
