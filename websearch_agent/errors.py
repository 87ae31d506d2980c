"""Every error that the program raises on purpose.

`message` is shown to the person: it says what happened and what to do, and never holds a
secret, a traceback or an internal path. `code` is stable: programs may rely on it.
"""


class AgentError(Exception):
    """Root of all. `retryable` says whether the same request may work a little later."""

    code = "agent_error"
    retryable = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigError(AgentError):
    """A setting is missing or wrong; the message names it and gives an example."""

    code = "config_error"


class InvalidRequest(AgentError):
    """The question itself cannot be taken: empty, too long."""

    code = "invalid_request"


class UnknownEngine(InvalidRequest):
    """A search names an engine that is not configured; the message names those that are."""

    code = "unknown_engine"


class IdempotencyKeyReused(AgentError):
    """The key of a request stands for another request already."""

    code = "idempotency_key_reused"


class IdempotencyKeyInUse(AgentError):
    """The answer of the key is being written where it cannot be joined: by another process."""

    code = "idempotency_key_in_use"
    retryable = True


class NotAuthenticated(AgentError):
    """No login, session or key, or one that is not valid (any more)."""

    code = "not_authenticated"


class NotAllowed(AgentError):
    """The key lacks the scope, or the request comes from another site."""

    code = "not_allowed"


class TooManyRequests(AgentError):
    """Asked too often, or more at once than can be served; `retry_after_s` says when again."""

    code = "too_many_requests"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ServerBusy(TooManyRequests):
    """All places for answers are taken, and the queue is full or did not move."""

    code = "server_busy"


class DeadlineExceeded(AgentError):
    """The whole answer took longer than it may."""

    code = "deadline_exceeded"
    retryable = True


# ---- the model ---------------------------------------------------------------------------


class ModelError(AgentError):
    code = "model_error"


class ModelUnavailable(ModelError):
    """No connection, a 5xx, a runtime that died, or weights that are not there."""

    code = "model_unavailable"
    retryable = True


class ModelRejectedRequest(ModelError):
    """The server understood and refused: a wrong key, an unknown model, no tools."""

    code = "model_rejected_request"


class ContextTooLong(ModelRejectedRequest):
    """Prompt and reply do not fit the model's window."""

    code = "context_too_long"


class InvalidModelOutput(ModelError):
    """The reply cannot be used: empty, broken, or not of the asked form."""

    code = "invalid_model_output"
    retryable = True


class WeightsUnavailable(ModelUnavailable):
    """The embedded model's weights could not be had from any place."""

    code = "weights_unavailable"


class WeightsDamaged(ModelError):
    """The weights' SHA-256 is not the pinned one."""

    code = "weights_damaged"


class DiskFull(ModelError):
    """Not enough room for the weights."""

    code = "disk_full"


# ---- search ------------------------------------------------------------------------------


class SearchError(AgentError):
    code = "search_error"
    retryable = True

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineUnavailable(SearchError):
    """No connection, a time-out or a 5xx."""

    code = "engine_unavailable"


class EngineRateLimited(SearchError):
    """Asked too often (429, or 202 at DuckDuckGo)."""

    code = "engine_rate_limited"


class EngineBlocked(SearchError):
    """The engine refuses this client: 403, a captcha."""

    code = "engine_blocked"
    retryable = False


class EngineResponseChanged(SearchError):
    """The reply is not of the form that the parser knows."""

    code = "engine_response_changed"
    retryable = False


class UnsupportedFilter(SearchError):
    """The engine cannot honour a filter of the query."""

    code = "unsupported_filter"
    retryable = False


class NoEngineAnswered(SearchError):
    """Every engine failed; the message says which and why."""

    code = "no_engine_answered"


class IndexUnusable(SearchError):
    """A local index cannot be opened or written; the message says which and what to do."""

    code = "index_unusable"
    retryable = False


# ---- pages -------------------------------------------------------------------------------


class PageError(AgentError):
    code = "page_error"


class PageUnreachable(PageError):
    """No connection, a time-out, too many redirects, or an HTTP error status."""

    code = "page_unreachable"
    retryable = True


class AddressNotAllowed(PageError):
    """The address is not public, or its scheme, port or form is not allowed."""

    code = "address_not_allowed"


class PageTooLarge(PageError):
    """More bytes than may be read, and what came cannot be used in part."""

    code = "page_too_large"


class UnsupportedContent(PageError):
    """Neither HTML, text, Markdown, JSON, XML nor PDF."""

    code = "unsupported_content"


class PageEmpty(PageError):
    """Read, but without text worth citing."""

    code = "page_empty"


class RobotsDisallowed(PageError):
    """The site's robots.txt asks programs not to read the page."""

    code = "robots_disallowed"


class PageWalled(PageError):
    """A robot check, consent, login or script wall came instead of the page."""

    code = "page_walled"


class PageMissing(PageError):
    """The site says that there is no such page, if only in words (status 200)."""

    code = "page_missing"


class NoPageReadable(PageError):
    """Results were found, and none of their pages could be read."""

    code = "no_page_readable"
    retryable = True


# ---- store -------------------------------------------------------------------------------


class StoreError(AgentError):
    code = "store_error"


class ConversationNotFound(StoreError):
    code = "conversation_not_found"


class TurnNotFound(StoreError):
    """The conversation has no such turn (any more)."""

    code = "turn_not_found"


class ShareNotFound(StoreError):
    """No link of this name, or one that was revoked."""

    code = "share_not_found"


class AnswerNotFound(AgentError):
    """No answer of this id is being written, and none was until a moment ago."""

    code = "answer_not_found"
