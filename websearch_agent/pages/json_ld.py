"""What a page says of itself in JSON-LD (schema.org): title, authors and its text.

Foreign data: of any shape, any size and any depth.
"""

import html
import json
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lxml.html import HtmlElement  # type: ignore[import-untyped]

_MAX_SCRIPTS = 12
_MAX_SCRIPT_CHARS = 400_000
_MAX_NODES = 3000
_MAX_ITEMS = 200
_MAX_AUTHORS = 10
_MAX_ANSWERS = 20
_MAX_STEP_DEPTH = 4
_MAX_TEXT_CHARS = 200_000
_MAX_LINE_CHARS = 2000

_ARTICLES = frozenset(
    {"article", "newsarticle", "blogposting", "reportagenewsarticle", "analysisnewsarticle"}
    | {"opinionnewsarticle", "techarticle", "scholarlyarticle", "report", "liveblogposting"}
    | {"backgroundnewsarticle", "reviewnewsarticle", "socialmediaposting", "review"}
    | {"discussionforumposting", "medicalscholarlyarticle", "recipe"}
)
_THINGS = frozenset({"product", "videoobject"})
_PAGES = frozenset({"webpage", "itempage", "aboutpage", "medicalwebpage"})
_QUESTION_PAGES = frozenset({"qapage", "faqpage"})
_NOT_PEOPLE = frozenset({"organization", "newsmediaorganization", "corporation", "website"})
_TAG = re.compile(r"<[^<>]{1,200}>")
_CONTROL = re.compile(r"[\x00-\x1f]+")

Node = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JsonLd:
    """Empty where nothing is said. `text`: pieces of plain text, HTML or Markdown, in order."""

    title: str = ""
    people: tuple[str, ...] = ()
    organisations: tuple[str, ...] = ()
    text: tuple[str, ...] = ()


def read_json_ld(tree: HtmlElement) -> JsonLd:
    """The first article, recipe, product or video that the page describes, and its questions."""
    nodes = [node for document in _documents(tree) for node in _nodes(document)]
    thing = _described(nodes, _ARTICLES) or _described(nodes, _THINGS)
    about = thing or _described(nodes, _PAGES) or {}
    people, organisations = _authors(about, nodes)
    title = _line(about.get("headline")) or (_line(thing.get("name")) if thing else "")
    text = [*_text_of(thing or {}), *_questions(nodes)]
    return JsonLd(title, people, organisations, tuple(piece for piece in text if piece))


def _documents(tree: HtmlElement) -> Iterator[object]:
    scripts = [e for e in tree.iter("script") if "ld+json" in (e.get("type") or "")]
    for script in scripts[:_MAX_SCRIPTS]:
        text = (script.text or "").strip()
        text = text.removeprefix("<!--").removesuffix("-->").strip("; \r\n\t")
        if text and len(text) <= _MAX_SCRIPT_CHARS:
            try:
                yield json.loads(text, strict=False)
            except (ValueError, RecursionError):
                continue


def _nodes(document: object) -> Iterator[Node]:
    """All objects in a document, outer ones first."""
    waiting = deque([document])
    for _ in range(_MAX_NODES):
        if not waiting:
            return
        current = waiting.popleft()
        parts: list[object] = current if isinstance(current, list) else []
        if isinstance(current, dict):
            yield current
            parts = list(current.values())
        waiting += [part for part in parts[:_MAX_ITEMS] if isinstance(part, dict | list)]


def _types(node: Node) -> set[str]:
    kinds = node.get("@type")
    listed = kinds if isinstance(kinds, list) else [kinds]
    return {kind.rpartition("/")[2].lower() for kind in listed if isinstance(kind, str)}


def _described(nodes: list[Node], kinds: frozenset[str]) -> Node | None:
    """The first named node of these kinds; if some have a text, the first of those."""
    found = [
        node
        for node in nodes
        if _types(node) & kinds and (node.get("headline") or node.get("name") or node.get("text"))
    ]
    return next((node for node in found if node.get("articleBody")), found[0] if found else None)


def _line(value: object) -> str:
    """A string, or the first of a list, or the name of an object, on one line without markup."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, dict):
        value = value.get("@value") or value.get("name")
    if not isinstance(value, str):
        return ""
    text = html.unescape(_TAG.sub("", value[:_MAX_LINE_CHARS]))
    return " ".join(_CONTROL.sub(" ", text).split())


def _text(value: object) -> str:
    if isinstance(value, list):
        value = "\n\n".join(part for part in value[:_MAX_ITEMS] if isinstance(part, str))
    return value[:_MAX_TEXT_CHARS].strip() if isinstance(value, str) else ""


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _authors(node: Node, nodes: list[Node]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """People and organisations; an author may be an object of its own, named by its `@id`."""
    by_id = {n["@id"]: n for n in nodes if isinstance(n.get("@id"), str) and n.get("name")}
    people: list[str] = []
    organisations: list[str] = []
    for author in _listed(node.get("author") or node.get("creator"))[:_MAX_AUTHORS]:
        names: object = author
        found = people
        if isinstance(author, dict):
            key = author.get("@id")
            if not author.get("name") and isinstance(key, str):
                author = by_id.get(key, author)
            names = author.get("name")
            found = organisations if _types(author) & _NOT_PEOPLE else people
        found += [name for part in _listed(names)[:_MAX_AUTHORS] if (name := _line(part))]
    return tuple(people), tuple(organisations)


def _text_of(node: Node) -> list[str]:
    kinds = _types(node)
    if "recipe" in kinds:
        return list(_recipe(node))
    if "product" in kinds:
        return list(_product(node))
    keys = ("articleBody", "text", "reviewBody", "transcript", "description")
    return [next((text for key in keys if (text := _text(node.get(key)))), "")]


def _recipe(recipe: Node) -> Iterator[str]:
    yield _text(recipe.get("description"))
    ingredients = _listed(recipe.get("recipeIngredient") or recipe.get("ingredients"))
    lines = [line for part in ingredients[:_MAX_ITEMS] if (line := _line(part))]
    yield "\n".join(f"- {line}" for line in lines)
    steps = list(_steps(recipe.get("recipeInstructions"), depth=0))[:_MAX_ITEMS]
    yield "\n".join(f"{number}. {step}" for number, step in enumerate(steps, start=1))


def _steps(value: object, *, depth: int) -> Iterator[str]:
    if depth > _MAX_STEP_DEPTH:
        return
    if isinstance(value, str):
        lines = value[:_MAX_TEXT_CHARS].splitlines()
        yield from (step for line in lines if (step := _line(line)))
    elif isinstance(value, list):
        for part in value[:_MAX_ITEMS]:
            yield from _steps(part, depth=depth + 1)
    elif isinstance(value, dict):
        inner = value.get("itemListElement") or value.get("text") or value.get("name")
        yield from _steps(inner, depth=depth + 1)


def _product(product: Node) -> Iterator[str]:
    yield _text(product.get("description"))
    offer = _listed(product.get("offers"))[:1]
    price, currency = "", ""
    if offer and isinstance(offer[0], dict):
        amount = offer[0].get("price") or offer[0].get("lowPrice")
        price = str(amount)[:30] if isinstance(amount, int | float | str) else ""
        currency = _line(offer[0].get("priceCurrency"))[:10]
    facts = {"brand": _line(product.get("brand")), "price": f"{price} {currency}".strip()}
    yield "\n".join(f"- {name}: {fact}" for name, fact in facts.items() if fact)


def _questions(nodes: list[Node]) -> Iterator[str]:
    page = next((node for node in nodes if _types(node) & _QUESTION_PAGES), {})
    for question in _listed(page.get("mainEntity"))[:_MAX_ITEMS]:
        if not isinstance(question, dict):
            continue
        name = _line(question.get("name"))
        yield f"## {name}" if name else ""
        yield _text(question.get("text"))
        for key in ("acceptedAnswer", "suggestedAnswer"):
            for answer in _listed(question.get(key))[:_MAX_ANSWERS]:
                yield _text(answer.get("text")) if isinstance(answer, dict) else ""
