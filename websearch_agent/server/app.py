"""The FastAPI application: routes, guards, and the service's life."""

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from starlette.responses import Response
from starlette.types import Scope

from websearch_agent import __version__
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.resources import resource_dir
from websearch_agent.server import answers, conversations, health, html_pages, schemas
from websearch_agent.server.feed import OpenAnswers
from websearch_agent.server.guards import LOOPBACK_HOSTS, AllowedHosts, BodyLimit
from websearch_agent.server.problems import INTERNAL_MESSAGE, add_problem_handlers
from websearch_agent.server.security_headers import SecurityHeaders
from websearch_agent.server.service import AnswerService, ServiceFactory

logger = logging.getLogger(__name__)


def create_app(
    service_factory: ServiceFactory,
    settings: Settings,
    *,
    allowed_hosts: Sequence[str] | None = LOOPBACK_HOSTS,
) -> FastAPI:
    """The app; it builds its service when it starts and closes it when it ends.

    `allowed_hosts` are the names by which browsers may reach it (None: any).
    """

    @asynccontextmanager
    async def run_service(app: FastAPI) -> AsyncIterator[None]:
        made = service_factory()
        service = await made if inspect.isawaitable(made) else made
        app.state.service = service
        # In the background, so that the page can show how far the download is.
        preparing = asyncio.create_task(_prepare(app, service))
        try:
            yield
        finally:
            app.state.open_answers.end_all()
            preparing.cancel()
            await asyncio.wait([preparing])
            await service.aclose()

    app = FastAPI(
        title="websearch-agent",
        version=__version__,
        lifespan=run_service,
        openapi_url="/api/openapi.json",
        # Both load scripts from a CDN.
        docs_url=None,
        redoc_url=None,
    )
    app.state.settings = settings
    app.state.prepare_failure = None
    app.state.open_answers = OpenAnswers()
    for module in (answers, conversations, schemas, health, html_pages):
        app.include_router(module.router)
    app.mount("/static", RevalidatedFiles(directory=resource_dir("web") / "static"))
    add_problem_handlers(app)
    # The last one added is the first to see a request.
    app.add_middleware(BodyLimit)
    app.add_middleware(AllowedHosts, allowed_hosts=allowed_hosts)
    app.add_middleware(SecurityHeaders)
    return app


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
