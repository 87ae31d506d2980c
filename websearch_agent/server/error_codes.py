"""Every `code` of a problem document: its status, what it means and what to do. One table, which
the problems, the OpenAPI description and `/docs` are made from."""

from dataclasses import dataclass

# What is not in the table is a missing helper.
STATUS_OF_UNKNOWN = 503


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """`other_statuses`: the same code in other places, such as a body of another form."""

    code: str
    status: int
    meaning: str
    advice: str
    other_statuses: tuple[int, ...] = ()

    @property
    def statuses(self) -> tuple[int, ...]:
        return (self.status, *self.other_statuses)


_WAIT = "Wait for the seconds of `Retry-After`, then send the same request."
_LATER = "Send the same request a little later."
_OPERATOR = "Tell whoever runs the server; its log and `websearch-agent doctor` say more."
_OTHER_PAGE = "Read another page; the search results usually hold the same fact elsewhere."

ERROR_KINDS = (
    ErrorKind(
        "invalid_request",
        400,
        "The request cannot be taken as it is: no JSON (400), a body that is not sent as JSON "
        "(415), or a field that is missing, unknown or of a wrong form (422).",
        "Read `detail`, which names the field, and send the corrected request.",
        (415, 422),
    ),
    ErrorKind(
        "context_too_long",
        400,
        "Question, conversation and sources do not fit the model's window.",
        "Shorten the question, or begin a new conversation.",
    ),
    ErrorKind(
        "unsupported_filter",
        400,
        "No engine can honour a filter of the search.",
        "Leave out the filter that `detail` names.",
    ),
    ErrorKind(
        "unknown_engine",
        400,
        "The search names an engine that is not configured.",
        "Choose from `GET /api/engines`.",
    ),
    ErrorKind(
        "address_not_allowed",
        400,
        "The address is not public, or its scheme, port or form is not allowed.",
        "Send an http or https address of the public web; the operator can open others.",
    ),
    ErrorKind(
        "not_authenticated",
        401,
        "No key or session, or one that is not valid (any more).",
        "Send `Authorization: Bearer wsa_…`; `websearch-agent key add` makes a key.",
    ),
    ErrorKind(
        "not_allowed",
        403,
        "The key lacks the scope, or the request comes from a page of another site.",
        "Use a key with the scope that `detail` names.",
    ),
    ErrorKind(
        "robots_disallowed",
        403,
        "The site's robots.txt asks programs not to read the page.",
        _OTHER_PAGE,
    ),
    ErrorKind(
        "not_found", 404, "There is no such path.", "Compare the address with the list of routes."
    ),
    ErrorKind(
        "conversation_not_found",
        404,
        "No conversation of this id is yours: unknown, deleted or somebody else's.",
        "Begin a new one by leaving `conversation_id` out.",
    ),
    ErrorKind(
        "turn_not_found",
        404,
        "The conversation has no such turn (any more).",
        "Load the conversation and take an id from it.",
    ),
    ErrorKind(
        "share_not_found",
        404,
        "No link of this name, or one that was revoked.",
        "Ask its owner for a new link.",
    ),
    ErrorKind(
        "answer_not_found",
        404,
        "No answer of this id is being written, or has ended in the last minutes.",
        "What was stored stands in its conversation.",
    ),
    ErrorKind("page_missing", 404, "There is no such page or document.", _OTHER_PAGE),
    ErrorKind(
        "method_not_allowed",
        405,
        "The path is there, but not with this method.",
        "The header `Allow` names the methods.",
    ),
    ErrorKind(
        "body_too_slow", 408, "The body did not arrive in time.", "Send the same request again."
    ),
    ErrorKind(
        "idempotency_key_in_use",
        409,
        "The answer of this Idempotency-Key is being written by another process.",
        _LATER,
    ),
    ErrorKind(
        "stopped",
        409,
        "The answer was stopped before its first word.",
        "Ask again if it is still wanted.",
    ),
    ErrorKind("body_too_large", 413, "The body is larger than 256 KB.", "Send less at once."),
    ErrorKind(
        "host_not_allowed",
        421,
        "The server does not answer under this host name.",
        "Use a name that the operator allowed (WEBSEARCH_ALLOWED_HOSTS).",
    ),
    ErrorKind(
        "idempotency_key_reused",
        422,
        "This Idempotency-Key was sent with another body in the last 24 hours.",
        "Use a new key for each new request.",
    ),
    ErrorKind("too_many_requests", 429, "You asked too often, or too much at once.", _WAIT),
    ErrorKind("headers_too_large", 431, "The headers are larger than 32 KB.", "Send less of them."),
    ErrorKind("internal_error", 500, "Something went wrong inside the server.", _OPERATOR),
    ErrorKind("agent_error", 500, "Something went wrong that has no code of its own.", _OPERATOR),
    ErrorKind("config_error", 500, "A setting of the server is missing or wrong.", _OPERATOR),
    ErrorKind("index_unusable", 500, "The index of local documents cannot be read.", _OPERATOR),
    ErrorKind("store_error", 500, "The database of conversations cannot be used.", _OPERATOR),
    ErrorKind("model_error", 502, "The model failed.", _OPERATOR),
    ErrorKind("model_rejected_request", 502, "The model's server refused the request.", _OPERATOR),
    ErrorKind(
        "model_not_served", 502, "The model's server does not know the model's name.", _OPERATOR
    ),
    ErrorKind("tools_not_supported", 502, "The model or its server takes no tools.", _OPERATOR),
    ErrorKind("invalid_model_output", 502, "The model's reply could not be used.", _LATER),
    ErrorKind("page_error", 502, "The page could not be read.", _OTHER_PAGE),
    ErrorKind(
        "page_unreachable",
        502,
        "No connection to the page, a time-out, or an HTTP error of its server.",
        _LATER,
    ),
    ErrorKind("page_too_large", 502, "The page has more bytes than may be read.", _OTHER_PAGE),
    ErrorKind(
        "unsupported_content",
        502,
        "The page is neither HTML, text, Markdown, JSON, XML nor PDF.",
        _OTHER_PAGE,
    ),
    ErrorKind("page_empty", 502, "The page holds no text worth citing.", _OTHER_PAGE),
    ErrorKind(
        "page_walled",
        502,
        "A robot check, consent, login or script wall came instead of the page.",
        _OTHER_PAGE,
    ),
    ErrorKind("server_busy", 503, "All places for answers are taken.", _WAIT),
    ErrorKind("shutting_down", 503, "The server is shutting down.", "Ask again when it is back."),
    ErrorKind("model_unavailable", 503, "The model cannot be reached, or still loads.", _LATER),
    ErrorKind("model_busy", 503, "The model was asked too often, or still loads.", _LATER),
    ErrorKind(
        "weights_unavailable", 503, "The embedded model's weights could not be had.", _OPERATOR
    ),
    ErrorKind("weights_damaged", 503, "The embedded model's weights are damaged.", _OPERATOR),
    ErrorKind("disk_full", 503, "There is no room for the model's weights.", _OPERATOR),
    ErrorKind(
        "no_engine_answered",
        503,
        "Every search engine failed; `detail` says which and why.",
        "Ask again later, or with `search` set to `never`.",
    ),
    ErrorKind(
        "no_page_readable",
        503,
        "Results were found, and none of their pages could be read.",
        _LATER,
    ),
    ErrorKind("search_error", 503, "The search failed.", _LATER),
    ErrorKind("engine_unavailable", 503, "The engine does not answer.", _LATER),
    ErrorKind("engine_rate_limited", 503, "The engine was asked too often.", _LATER),
    ErrorKind("engine_blocked", 503, "The engine refuses this server.", _OPERATOR),
    ErrorKind("engine_response_changed", 503, "The engine's reply has an unknown form.", _OPERATOR),
    ErrorKind("deadline_exceeded", 504, "The answer took longer than it may.", _LATER),
)

KIND_OF_CODE = {kind.code: kind for kind in ERROR_KINDS}


def status_of_code(code: str) -> int:
    kind = KIND_OF_CODE.get(code)
    return kind.status if kind else STATUS_OF_UNKNOWN


def type_of_code(code: str) -> str:
    """Where the code is explained: a reference below the server's address (RFC 9457, 3.1.1)."""
    return f"/docs#error-{code}"
