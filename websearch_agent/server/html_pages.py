"""The HTML pages: the application itself, its settings, and the view of a local document."""

import asyncio
from dataclasses import replace
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from websearch_agent.errors import PageError
from websearch_agent.invisible_text import visible_text
from websearch_agent.server.highlight import render_document
from websearch_agent.server.identity import check_scope, identify, service_of
from websearch_agent.server.page_templates import render_template
from websearch_agent.server.render import is_plain_web_address

router = APIRouter(include_in_schema=False)

Offset = Annotated[int | None, Query(ge=0)]


@router.get("/")
@router.get("/c/{conversation_id}")
async def show_app(request: Request) -> Response:
    """The page; its script reads the conversation's id from the address."""
    identity = await identify(request)
    if identity is None:
        return redirect_to_login(request)
    return HTMLResponse(
        render_template("index.html", request=request, user_name=identity.user_name)
    )


@router.get("/settings")
async def show_settings(request: Request) -> Response:
    if await identify(request) is None:
        return redirect_to_login(request)
    return HTMLResponse(render_template("settings.html", request=request))


def redirect_to_login(request: Request) -> Response:
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': path})}", status_code=303)


@router.get("/favicon.ico")
async def redirect_favicon() -> Response:
    return RedirectResponse("/static/favicon.svg", status_code=308)


@router.get("/documents/{document_id:path}")
async def show_document(
    document_id: str, request: Request, start: Offset = None, end: Offset = None
) -> Response:
    """A document of the local index as a page; `start`/`end` are code points of its text."""
    identity = await identify(request)
    if identity is None:
        return redirect_to_login(request)
    check_scope(identity, "read")
    try:
        found = await service_of(request, identity).read_document(document_id)
    except PageError as error:
        missing = render_template("document_missing.html", request=request, reason=error.message)
        return HTMLResponse(missing, status_code=404)
    # A long document takes a second to render: not in the loop that streams answers.
    body = await asyncio.to_thread(render_document, found.text, start=start, end=end)
    page = replace(
        found,
        title=visible_text(found.title),
        site=visible_text(found.site),
        date=visible_text(found.date or ""),
        url=visible_text(found.url),
    )
    # A host behind user-info or a backslash is not the one that a reader sees: no link.
    is_web = is_plain_web_address(found.url)
    marked = 'id="passage"' in body
    html = render_template(
        "document.html", request=request, page=page, body=body, marked=marked, is_web=is_web
    )
    return HTMLResponse(html)
