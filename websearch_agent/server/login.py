"""`/login` and `/logout`: a form that works without scripts, and a session in a cookie."""

import re
from urllib.parse import parse_qs

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from websearch_agent.errors import TooManyRequests
from websearch_agent.server.client_address import client_of
from websearch_agent.server.identity import identify
from websearch_agent.server.page_templates import language_of, render_template
from websearch_agent.server.page_words import page_words
from websearch_agent.server.problems import answer_agent_error
from websearch_agent.server.rate_limits import LoginLimit
from websearch_agent.server.service import AnswerService
from websearch_agent.server.session_cookie import (
    clear_session_cookie,
    session_token,
    set_session_cookie,
)

router = APIRouter(include_in_schema=False)

FORM_TYPE = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 8
MAX_NEXT_LENGTH = 2000
# A path of our own: not //host, which names another one, nor a backslash or a control character,
# which browsers read as a slash or leave out.
_OWN_PATH = re.compile(r"/(?!/)[^\\\s\x00-\x1f\x7f]*")


@router.get("/login")
async def show_login(request: Request) -> Response:
    """The form; whoever is known, or needs no login, goes on to the page."""
    going_to = own_path(request.query_params.get("next", ""))
    if await identify(request) is not None:
        return RedirectResponse(going_to, status_code=303)
    return _login_page(request, going_to=going_to)


@router.post("/login")
async def log_in(request: Request) -> Response:
    """Check name and password; a session is new at each login."""
    form = await _read_form(request)
    name, going_to = form.get("name", ""), own_path(form.get("next", ""))
    if not request.app.state.login_needed:
        return RedirectResponse(going_to, status_code=303)
    service: AnswerService = request.app.state.service
    limit: LoginLimit = request.app.state.login_limit
    client = client_of(request.scope)
    try:
        user = await limit.check_password(
            service.accounts, name, form.get("password", ""), client=client
        )
    except TooManyRequests as error:
        return _refuse_attempt(request, error, name=name, going_to=going_to)
    if user is None:
        return _login_page(request, status=401, problem="loginWrong", name=name, going_to=going_to)
    if (old_token := session_token(request)) is not None:
        await service.accounts.end_session(old_token)
    days = request.app.state.settings.session_days
    response = RedirectResponse(going_to, status_code=303)
    set_session_cookie(request, response, await service.accounts.create_session(user, days=days))
    return response


@router.post("/logout")
async def log_out(request: Request) -> Response:
    """End the session, here and in the browser."""
    service: AnswerService = request.app.state.service
    if (token := session_token(request)) is not None:
        await service.accounts.end_session(token)
    response = RedirectResponse("/login", status_code=303)
    clear_session_cookie(request, response)
    return response


def own_path(path: str) -> str:
    """The path if it is one of our own pages, else the first page."""
    is_own = len(path) <= MAX_NEXT_LENGTH and _OWN_PATH.fullmatch(path)
    # To these two, a login would lead in circles.
    return path if is_own and not path.startswith(("/login", "/logout")) else "/"


async def _read_form(request: Request) -> dict[str, str]:
    """The first value of each field. Raises HTTPException 415, 400."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != FORM_TYPE:
        raise HTTPException(415, f"The body must be a form: {FORM_TYPE}.")
    try:
        fields = parse_qs(
            (await request.body()).decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MAX_FORM_FIELDS,
        )
    except ValueError as error:
        raise HTTPException(400, "The form cannot be read.") from error
    return {field: values[0] for field, values in fields.items()}


def _refuse_attempt(
    request: Request, error: TooManyRequests, *, name: str, going_to: str
) -> Response:
    headers = answer_agent_error(error).headers
    response = _login_page(
        request,
        status=429,
        problem="loginTooMany",
        name=name,
        going_to=going_to,
        seconds=headers["Retry-After"],
    )
    response.headers["Retry-After"] = headers["Retry-After"]
    return response


def _login_page(
    request: Request,
    *,
    going_to: str,
    status: int = 200,
    problem: str = "",
    name: str = "",
    seconds: str = "",
) -> Response:
    words = page_words(language_of(request))
    html = render_template(
        "login.html",
        request=request,
        problem=words[problem].format(seconds=seconds) if problem else "",
        name=name,
        going_to=going_to,
        seconds=seconds,
    )
    return HTMLResponse(html, status_code=status)
