"""Chromium for the tests of the page: what is there, else Debian's if it may be installed.

`python tests/chromium.py` is what `make test` runs first.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

COMMANDS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OF_MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")
PACKAGES = ("chromium", "fonts-noto-cjk")
MISSING = (
    "no Chromium was found: install Debian's chromium and fonts-noto-cjk, or name another one in "
    "WEBSEARCH_TEST_CHROMIUM"
)


def find_chromium() -> Path | None:
    """The browser's program: the named one, one on PATH, or that of macOS."""
    named = os.environ.get("WEBSEARCH_TEST_CHROMIUM")
    if named:
        return Path(named)
    for command in COMMANDS:
        if found := shutil.which(command):
            return Path(found)
    return OF_MACOS if OF_MACOS.exists() else None


def is_required() -> bool:
    """Whether it is an error to run without a browser, as it is in CI."""
    return os.environ.get("WEBSEARCH_TEST_BROWSER") == "required"


def install_chromium() -> None:
    """By apt, as root only; nothing happens where that is not to be had."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["update", "-qq"], ["install", "-qq", "-y", *PACKAGES]):
        done = subprocess.run(
            ["apt-get", *command], env=quiet, stdout=subprocess.DEVNULL, check=False
        )
        if done.returncode:
            return


def main() -> None:
    if find_chromium() is None:
        install_chromium()
    if find_chromium() is None:
        if is_required():
            sys.exit(f"The tests of the page cannot run: {MISSING}.")
        sys.stderr.write(f"The tests of the page will be skipped: {MISSING}.\n")


if __name__ == "__main__":
    main()
