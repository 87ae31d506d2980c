"""The pages' templates, filled in the language and theme of whoever asks."""

import re
from functools import cache
from typing import Literal

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, select_autoescape

from websearch_agent import __version__
from websearch_agent.resources import resource_dir
from websearch_agent.server.page_words import (
    LANGUAGES,
    Language,
    page_words,
    preferred_language,
)

# Set by the page itself (web/static/preferences.js): known before the first paint.
LANGUAGE_COOKIE = "ui_language"
THEME_COOKIE = "ui_theme"
Theme = Literal["light", "dark", ""]

# The module that a page starts with, which imports all others that it needs.
_FIRST_SCRIPTS = {
    "index.html": "app.js",
    "settings.html": "settings.js",
    "shared.html": "shared.js",
}
_STRING = re.compile(r'"(\w+)"')
_COMPOSED_KEY = re.compile(r"`(\w+_)\$\{")
_STATIC_IMPORT = re.compile(r'\b(?:from|import) "\./([\w.-]+\.js)"')
_ANY_IMPORT = re.compile(r'\b(?:from |import |import\()"\./([\w.-]+\.js)"')


@cache
def _templates() -> Environment:
    folder = resource_dir("web") / "templates"
    made = Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(default=True))
    # A Chinese character as \u4e2d would take twice its room.
    made.policies["json.dumps_kwargs"] = {"ensure_ascii": False}
    return made


@cache
def script_names(first: str) -> tuple[str, ...]:
    """This module and all that it imports, for a page to load at once and not one after the other.

    What is imported later, by `import()`, is not needed at once and left out.
    """
    return _follow_imports(first, _STATIC_IMPORT)


@cache
def script_words(first: str, language: Language) -> dict[str, str]:
    """The texts that a module and its imports can ask for: a third less than all.

    Every string of theirs that is a key counts, and every key that begins like one that they put
    together (`error_${code}`).
    """
    scripts = "\n".join(_read_script(name) for name in _follow_imports(first, _ANY_IMPORT))
    named, beginnings = set(_STRING.findall(scripts)), tuple(_COMPOSED_KEY.findall(scripts))
    return {
        key: text
        for key, text in page_words(language).items()
        if text and (key in named or key.startswith(beginnings))
    }


def _follow_imports(first: str, pattern: re.Pattern[str]) -> tuple[str, ...]:
    found = [first]
    for name in found:
        imported = pattern.findall(_read_script(name))
        found.extend(other for other in dict.fromkeys(imported) if other not in found)
    return tuple(found)


def _read_script(name: str) -> str:
    return (resource_dir("web") / "static" / name).read_text(encoding="utf-8")


def render_template(template: str, *, request: Request, **values: object) -> str:
    """Also known to the template: `words`, `language` (`en`, `zh`), `lang`, `theme`, `version`.

    And of its modules: `scripts`, their names, and `script_words`, their texts.
    """
    language = language_of(request)
    first_script = _FIRST_SCRIPTS.get(template)
    return (
        _templates()
        .get_template(template)
        .render(
            version=__version__,
            language=language,
            lang="zh-CN" if language == "zh" else "en",
            theme=_theme_of(request),
            words=page_words(language),
            scripts=script_names(first_script) if first_script else (),
            script_words=script_words(first_script, language) if first_script else {},
            **values,
        )
    )


def language_of(request: Request) -> Language:
    """What was chosen on the page, else the browser's."""
    chosen = request.cookies.get(LANGUAGE_COOKIE)
    for language in LANGUAGES:
        if chosen == language:
            return language
    return preferred_language(request.headers.get("accept-language", ""))


def _theme_of(request: Request) -> Theme:
    """What was chosen on the page; empty for the system's."""
    chosen = request.cookies.get(THEME_COOKIE)
    return "light" if chosen == "light" else "dark" if chosen == "dark" else ""
