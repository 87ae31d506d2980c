"""The events of an answer's stream as the OpenAPI description shows them, each with an example."""

import datetime as dt
from functools import cache
from typing import Any, get_args

from pydantic import TypeAdapter

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerFailed,
    AnswerFinished,
    AnswerRestarted,
    AnswerStarted,
    CitationAdded,
    DecisionMade,
    FunctionsCalled,
    ModelWaiting,
    Notice,
    PageFinished,
    ReasoningAdded,
    SearchFinished,
    SourcesSelected,
    StatementVerified,
)
from websearch_agent.model_calls import ModelStatus, Usage
from websearch_agent.server.render import BlockChange
from websearch_agent.server.schemas import SchemaOfDataclasses
from websearch_agent.server.streaming import StreamEvent, encode_event
from websearch_agent.server.wire import (
    JsonObject,
    answer_to_json,
    decode_server_sent_event,
    name_of_event,
    to_json_object,
    to_json_value,
)
from websearch_agent.types import (
    Answer,
    Citation,
    EngineFailure,
    Page,
    PageFailure,
    Passage,
    SearchResult,
    Source,
    Statement,
    Support,
)

REF = "#/components/schemas/"
HTML_EVENT = "answer_html"

# Only where a caller brings functions of its own, which `/api/answers` does not take.
NOT_SENT = (FunctionsCalled,)

_URL = "https://harbour.example/lighthouse"
_TEXT = "The lighthouse was lit in 1871 [1]."
_QUOTE = "The lamp of Harrow Point was first lit in 1871."
_SUPPORT = Support("supported", 0.93, 1, _QUOTE)
_STATEMENT = Statement(_TEXT, 0, len(_TEXT), (1,), _SUPPORT)
_SOURCE = Source(
    number=1,
    url=_URL,
    title="Harrow Point lighthouse",
    site="harbour.example",
    passages=(Passage(_URL, _QUOTE, 120, 120 + len(_QUOTE), heading="History"),),
)
_MARKER = (_TEXT.index("[1]"), _TEXT.index("[1]") + 3)
_ANSWER = Answer(
    _TEXT,
    statements=(_STATEMENT,),
    citations=(
        Citation(1, _URL, _SOURCE.title, *_MARKER, quote=_QUOTE, link=_URL, support="supported"),
    ),
    sources=(_SOURCE,),
    search_queries=("Harrow Point lighthouse first lit",),
    usage=Usage(1830, 24, 2),
    timings={"total": 3.1},
    verification="fast",
)
_IDS = ("0b6f1c9e-6f0f-4d6e-9d0e-3f1f0a7c2b11", "5a1d2c3b-8e4f-4a6b-9c7d-1e2f3a4b5c6d")

EXAMPLES: tuple[StreamEvent, ...] = (
    AnswerStarted(*_IDS),
    ModelWaiting(ModelStatus("downloading", "the model's weights", 210_000_000, 1_120_000_000)),
    DecisionMade(True, ("Harrow Point lighthouse first lit",), "fact about a place", False, 0.97),
    SearchFinished(
        ("Harrow Point lighthouse first lit",),
        9,
        (EngineFailure("brave", "Harrow Point lighthouse first lit", "engine_rate_limited",
                       "asked too often", 30.0),),
    ),
    PageFinished(_URL, _SOURCE.title),
    PageFinished(
        "https://slow.example/", "", PageFailure("https://slow.example/", "page_unreachable",
                                                 "no reply in 6 s")
    ),
    SourcesSelected((_SOURCE,)),
    Notice("Only one page could be read."),
    ReasoningAdded("The page names the year. "),
    AnswerDelta("Let me look that up."),
    AnswerRestarted(),
    AnswerDelta("The lighthouse was lit in 1871 "),
    AnswerDelta("[1]."),
    CitationAdded(1, _URL, *_MARKER),
    StatementVerified(_STATEMENT, ((1, "supported"),)),
    BlockChange(0, '<p>The lighthouse was lit in 1871 <a class="citation" href="#source-1" '
                   'data-source="1">1</a>.</p>'),
    AnswerFinished(_IDS[0], _ANSWER),
    AnswerFailed("no_engine_answered", "No search engine answered (brave: asked too often). "
                 "Ask again later.", retryable=True),
)  # fmt: skip
"""At least one of each, in the order in which they come. A stream ends in one of the last two."""

EXAMPLE_ANSWER = answer_to_json(_IDS[0], _ANSWER)
EXAMPLE_SEARCH: JsonObject = {
    "results": [
        to_json_value(SearchResult(_URL, _SOURCE.title, _QUOTE, "wikipedia", 1, date="2026-03-01"))
    ],
    "failures": [
        to_json_value(
            EngineFailure("brave", "lighthouse", "engine_rate_limited", "asked too often", 30.0)
        )
    ],
    "answered_by": ["wikipedia"],
}
EXAMPLE_PAGE: JsonObject = {
    **to_json_object(
        Page(
            _URL,
            _URL,
            _SOURCE.title,
            _QUOTE,
            "text/html",
            dt.datetime(2026, 11, 20, 12, 0, tzinfo=dt.UTC),
            site=_SOURCE.site,
        )
    ),
    "start_index": 0,
    "end_index": len(_QUOTE),
    "total_chars": len(_QUOTE),
}

_HTML_SCHEMA = {
    "type": "object",
    "description": "A block of the answer as safe HTML, which takes the place of the block of this "
    "number; empty if it is gone. Only with `render`.",
    "properties": {
        "block": {"type": "integer", "description": "From 0, in the order of the text."},
        "html": {"type": "string"},
    },
    "required": ["block", "html"],
}


def sent_events() -> tuple[type[AgentEvent], ...]:
    return tuple(kind for kind in get_args(AgentEvent) if kind not in NOT_SENT)


@cache
def event_schemas() -> dict[str, Any]:
    """Components: the data of each event, the event itself, and `AnswerEvent` for any of them.

    Not to be changed in place.
    """
    schemas: dict[str, Any] = {"AnswerHtml": _HTML_SCHEMA}
    data_of = {HTML_EVENT: "AnswerHtml", name_of_event(AnswerFinished): "ServedAnswer"}
    names = [*map(name_of_event, sent_events()), HTML_EVENT]
    for kind in sent_events():
        if kind is not AnswerFinished:
            schemas |= _schemas_of(kind)
            data_of[name_of_event(kind)] = kind.__name__
    mapping = {}
    for name in names:
        event = "".join(word.title() for word in name.split("_")) + "Event"
        schemas[event] = _event_schema(name, data_of[name], schemas)
        mapping[name] = REF + event
    schemas["AnswerEvent"] = {
        "description": "An event of the stream: `event` and `id` are its lines of these names, "
        "`data` the JSON of its line `data:`. `id` is there only if the answer can be followed.",
        "oneOf": [{"$ref": reference} for reference in mapping.values()],
        "discriminator": {"propertyName": "event", "mapping": mapping},
    }
    return schemas


def _schemas_of(kind: type[AgentEvent]) -> dict[str, Any]:
    schema = TypeAdapter(kind).json_schema(
        mode="serialization", ref_template=REF + "{model}", schema_generator=SchemaOfDataclasses
    )
    below: dict[str, Any] = schema.pop("$defs", {})
    return {**below, kind.__name__: schema}


def _event_schema(name: str, data: str, schemas: dict[str, Any]) -> dict[str, Any]:
    examples = [example for example in event_examples() if example["event"] == name]
    described = {"description": schemas[data]["description"]} if data in schemas else {}
    return {
        "type": "object",
        **described,
        "properties": {
            "event": {"const": name},
            "data": {"$ref": REF + data},
            "id": {"type": "integer", "minimum": 1},
        },
        "required": ["event", "data"],
        "examples": examples,
    }


@cache
def event_examples() -> tuple[dict[str, Any], ...]:
    """`EXAMPLES` as `AnswerEvent` describes them. Not to be changed in place."""
    pairs = [decode_server_sent_event(encode_event(event)) for event in EXAMPLES]
    return tuple({"event": name, "data": data} for name, data in pairs)


def example_stream() -> str:
    """A short answer as it comes over the wire."""
    left_out = (ModelWaiting, ReasoningAdded, AnswerRestarted, AnswerFailed, Notice, BlockChange)
    shown = [event for event in EXAMPLES if not isinstance(event, left_out)]
    shown = [event for event in shown if event != AnswerDelta("Let me look that up.")]
    return "".join(encode_event(event).decode() for event in shown)


def stream_content() -> dict[str, Any]:
    """The content of a `text/event-stream`, whose items OpenAPI 3.1 has no word for."""
    schema = {
        "type": "string",
        "description": "Server-sent events, each one as the component `AnswerEvent` says.",
        "contentMediaType": "text/event-stream",
        "contentSchema": {"$ref": REF + "AnswerEvent"},
    }
    return {"schema": schema, "example": example_stream()}
