"""The pages' templates, and the language in which they are filled."""

from functools import cache
from typing import Literal

from jinja2 import Environment, FileSystemLoader, select_autoescape

from websearch_agent import __version__
from websearch_agent.resources import resource_dir

Language = Literal["en", "zh"]


@cache
def _templates() -> Environment:
    folder = resource_dir("web") / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(default=True))


def render_template(template: str, **values: object) -> str:
    return _templates().get_template(template).render(version=__version__, **values)


def preferred_language(accept_language: str) -> Language:
    """`zh` if Chinese stands first in the header, else `en`."""
    first = accept_language.split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
