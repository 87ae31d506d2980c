"""The FastAPI application: routes, guards, and the service's life."""

import asyncio
import inspect
import logging
import mimetypes
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.middleware.gzip import GZipMiddleware
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from websearch_agent import __version__
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.resources import resource_dir
from websearch_agent.server import (
    answers,
    api_docs,
    conversations,
    engines,
    health,
    html_pages,
    login,
    openai_chat,
    openai_models,
    openai_responses,
    read,
    schemas,
    search,
    sharing,
    suggestions,
)
from websearch_agent.server.answer_queue import AnswerQueue
from websearch_agent.server.api_description import describe_api
from websearch_agent.server.feed import OpenAnswers
from websearch_agent.server.guards import AllowedHosts, BodyLimit, HeaderLimit
from websearch_agent.server.host_names import AnsweredHosts
from websearch_agent.server.idempotency import KeyedAnswers
from websearch_agent.server.live_answers import LiveAnswers
from websearch_agent.server.login_policy import decide_login
from websearch_agent.server.lookups import lookup_queue
from websearch_agent.server.mcp_door import McpDoor
from websearch_agent.server.openai_errors import OpenAIErrors
from websearch_agent.server.origin_check import OriginCheck
from websearch_agent.server.problems import INTERNAL_MESSAGE, add_problem_handlers
from websearch_agent.server.rate_limits import (
    LoginLimit,
    QuestionLimit,
    RequestLimit,
    questions_per_minute,
)
from websearch_agent.server.security_headers import SecurityHeaders
from websearch_agent.server.service import AnswerService, ServiceFactory

logger = logging.getLogger(__name__)

ONLY_THIS_MACHINE = AnsweredHosts()

# A registry of Windows may say text/plain, which `nosniff` would keep from running.
mimetypes.add_type("text/javascript", ".js")


_ROUTES = (
    answers,
    search,
    read,
    suggestions,
    conversations,
    sharing,
    engines,
    schemas,
    health,
    html_pages,
    api_docs,
    login,
    openai_models,
    openai_chat,
    openai_responses,
)


def create_app(
    service_factory: ServiceFactory,
    settings: Settings,
    *,
    allowed_hosts: AnsweredHosts = ONLY_THIS_MACHINE,
) -> FastAPI:
    """The app; it builds its service when it starts and closes it when it ends.

    `allowed_hosts` are the names by which browsers may reach it.
    """

    app = FastAPI(
        title="websearch-agent",
        version=__version__,
        lifespan=lambda app: _run_service(app, service_factory, settings),
        # `schemas` serves it, to those who may ask; both others load scripts from a CDN.
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # Else 307 for a slash too many, which no route describes.
        redirect_slashes=False,
    )
    app.state.settings = settings
    app.state.prepare_failure = None
    # Until the accounts were asked, nobody gets in.
    app.state.login_needed = True
    app.state.open_answers = OpenAnswers()
    app.state.live_answers = LiveAnswers()
    app.state.answer_queue = AnswerQueue.from_settings(settings)
    app.state.lookup_queue = lookup_queue()
    app.state.keyed_answers = KeyedAnswers()
    app.state.login_limit = LoginLimit()
    app.state.mcp_door = McpDoor()
    for module in _ROUTES:
        app.include_router(module.router)
    app.router.routes.extend(app.state.mcp_door.routes())
    files = RevalidatedFiles(directory=resource_dir("web") / "static")
    # Our files alone: what holds a conversation could be guessed from its compressed size.
    app.mount("/static", GZipMiddleware(files))
    add_problem_handlers(app)
    describe_api(app)
    _add_guards(app, settings, allowed_hosts)
    return app


@asynccontextmanager
async def _run_service(
    app: FastAPI, service_factory: ServiceFactory, settings: Settings
) -> AsyncIterator[None]:
    """Make the service when the server starts, and end it with the server."""
    made = service_factory()
    service = await made if inspect.isawaitable(made) else made
    app.state.service = service
    try:
        await _decide_access(app, service, settings)
    except AgentError:
        await service.aclose()
        raise
    # In the background, so that the page can show how far the download is.
    preparing = asyncio.create_task(_prepare(app, service))
    try:
        yield
    finally:
        end_open_answers(app)
        preparing.cancel()
        await asyncio.wait([preparing])
        await app.state.live_answers.aclose()
        await app.state.mcp_door.aclose()
        await service.aclose()


def _add_guards(app: FastAPI, settings: Settings, allowed_hosts: AnsweredHosts) -> None:
    """What every request passes; the last one added is the first to see it."""
    app.add_middleware(BodyLimit)
    app.add_middleware(OriginCheck, settings=settings)
    app.add_middleware(RequestLimit)
    app.add_middleware(HeaderLimit)
    app.add_middleware(AllowedHosts, allowed_hosts=allowed_hosts)
    app.add_middleware(OpenAIErrors)
    app.add_middleware(SecurityHeaders)


async def _decide_access(app: FastAPI, service: AnswerService, settings: Settings) -> None:
    """Raises ConfigError: see `decide_login`."""
    login_needed = await decide_login(settings, service.accounts)
    app.state.login_needed = login_needed
    app.state.question_limit = QuestionLimit(
        questions_per_minute(settings, login_needed=login_needed)
    )


def end_open_answers(app: FastAPI) -> None:
    """End every answer, and refuse the questions that wait or come later."""
    answer_queue: AnswerQueue = app.state.answer_queue
    answer_queue.close()
    lookups: AnswerQueue = app.state.lookup_queue
    lookups.close()
    open_answers: OpenAnswers = app.state.open_answers
    open_answers.end_all()
    mcp_door: McpDoor = app.state.mcp_door
    mcp_door.end()


class RevalidatedFiles(StaticFiles):
    """Static files that a browser asks for again each time (304), so an update shows at once."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = "no-cache"
        return response


async def _prepare(app: FastAPI, service: AnswerService) -> None:
    """Load the model. A failure is no end: `/api/health` tells it, and a question tries again."""
    try:
        await service.prepare()
    except AgentError as error:
        logger.warning("The model is not ready: %s", error.message)
        app.state.prepare_failure = error.message
    except Exception:
        app.state.prepare_failure = INTERNAL_MESSAGE
        logger.exception("Preparing the model failed")
