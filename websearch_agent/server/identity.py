"""Who sends a request: an API key, a session, or anybody where no login is needed."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from websearch_agent.accounts import LOCAL_IDENTITY, Identity, Scope
from websearch_agent.errors import NotAllowed, NotAuthenticated
from websearch_agent.server.service import AnswerService
from websearch_agent.server.session_cookie import session_token

# Another bearer token may be meant for a proxy in front.
KEY_PREFIX = "wsa_"

_MISSING = (
    "This server needs a login: log in at /login, or send an API key in the header "
    "`Authorization: Bearer wsa_…`."
)
_INVALID_KEY = (
    "The API key is not valid (any more). `websearch-agent key add NAME --user USER` makes one."
)


async def identify(request: Request) -> Identity | None:
    """Who sends the request; None if nobody, and a login is needed.

    Raises NotAuthenticated for a key that is not valid: nothing else is then tried.
    """
    service: AnswerService = request.app.state.service
    if (key := _api_key(request)) is not None:
        identity = await service.accounts.identify_key(key)
        if identity is None:
            raise NotAuthenticated(_INVALID_KEY)
        return identity
    if (token := session_token(request)) is not None:
        identity = await service.accounts.identify_session(token)
        if identity is not None:
            return identity
    return None if request.app.state.login_needed else LOCAL_IDENTITY


def _api_key(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    return token if scheme.lower() == "bearer" and token.startswith(KEY_PREFIX) else None


async def require_identity(request: Request) -> Identity:
    """Raises NotAuthenticated if nobody is named and a login is needed."""
    identity = await identify(request)
    if identity is None:
        raise NotAuthenticated(_MISSING)
    return identity


def _require_scope(scope: Scope) -> Callable[[Request], Awaitable[Identity]]:
    async def identify_with_scope(request: Request) -> Identity:
        identity = await require_identity(request)
        check_scope(identity, scope)
        return identity

    return identify_with_scope


def check_scope(identity: Identity, scope: Scope) -> None:
    """Raises NotAllowed if the key was made without the scope."""
    if scope not in identity.scopes:
        raise NotAllowed(
            f"This key may not do that: it was made without the scope `{scope}` "
            f"(`websearch-agent key add NAME --user USER --scope {scope}`)."
        )


def service_of(request: Request, identity: Identity) -> AnswerService:
    """The service with the conversations of whoever asks."""
    service: AnswerService = request.app.state.service
    return service.for_owner(identity.owner_id)


SomebodyKnown = Annotated[Identity, Depends(require_identity)]
Asker = Annotated[Identity, Depends(_require_scope("ask"))]
Reader = Annotated[Identity, Depends(_require_scope("read"))]
Deleter = Annotated[Identity, Depends(_require_scope("delete"))]
