"""The HTML pages: the application itself, and the view of a local document."""

import asyncio
from functools import cache
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, FileSystemLoader, select_autoescape

from websearch_agent import __version__
from websearch_agent.errors import PageError
from websearch_agent.resources import resource_dir
from websearch_agent.server.highlight import render_document
from websearch_agent.server.service import AnswerService

router = APIRouter(include_in_schema=False)

Offset = Annotated[int | None, Query(ge=0)]

_DOCUMENT_WORDS = {
    "en": {
        "home": "Back to the questions",
        "origin": "Original address",
        "marked": "The marked passage was used for the answer.",
        "truncated": "Only the beginning of this document was read.",
        "missing": "This document is not in the local index (any more).",
    },
    "zh": {
        "home": "返回提问页面",
        "origin": "原始地址",
        "marked": "标出的段落被用于回答。",
        "truncated": "只读取了这份文档的开头部分。",
        "missing": "本地索引中没有（或已不再有）这份文档。",
    },
}


@cache
def _templates() -> Environment:
    folder = resource_dir("web") / "templates"
    return Environment(loader=FileSystemLoader(folder), autoescape=select_autoescape(default=True))


def _render(template: str, **values: object) -> str:
    return _templates().get_template(template).render(version=__version__, **values)


@router.get("/")
@router.get("/c/{conversation_id}")
async def show_app() -> Response:
    """The page; its script reads the conversation's id from the address."""
    return HTMLResponse(_render("index.html"))


@router.get("/favicon.ico")
async def redirect_favicon() -> Response:
    return RedirectResponse("/static/favicon.svg", status_code=308)


@router.get("/documents/{document_id:path}")
async def show_document(
    document_id: str, request: Request, start: Offset = None, end: Offset = None
) -> Response:
    """A document of the local index as a page; `start`/`end` are code points of its text."""
    service: AnswerService = request.app.state.service
    language = preferred_language(request.headers.get("accept-language", ""))
    words = {"lang": language, "words": _DOCUMENT_WORDS[language]}
    try:
        page = await service.read_document(document_id)
    except PageError as error:
        missing = _render("document_missing.html", reason=error.message, **words)
        return HTMLResponse(missing, status_code=404)
    # A long document takes a second to render: not in the loop that streams answers.
    body = await asyncio.to_thread(render_document, page.text, start=start, end=end)
    is_web = page.url.startswith(("http://", "https://"))
    marked = 'id="passage"' in body
    html = _render("document.html", page=page, body=body, marked=marked, is_web=is_web, **words)
    return HTMLResponse(html)


def preferred_language(accept_language: str) -> str:
    """`zh` if Chinese stands first in the header, else `en`."""
    first = accept_language.split(",")[0].strip().lower()
    return "zh" if first.startswith("zh") else "en"
