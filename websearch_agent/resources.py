"""Where the files beside the code are: prompts, the page's templates and static files."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def resource_dir(name: str) -> Path:
    """The folder `prompts` or `web`: inside the wheel, or beside the package in a checkout."""
    for folder in (_PACKAGE / "_data" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"folder {name!r} is missing from the installation")
