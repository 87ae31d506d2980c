"""A response as it grows: its items, and the events that tell of them in OpenAI's order."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from websearch_agent.events import (
    AgentEvent,
    AnswerDelta,
    AnswerRestarted,
    DecisionMade,
    FunctionsCalled,
    SearchFinished,
    SourcesSelected,
)
from websearch_agent.model_calls import ToolCall
from websearch_agent.server.openai_answers import SentText
from websearch_agent.server.openai_sources import CitedAnswer, address_of
from websearch_agent.server.wire import JsonValue
from websearch_agent.types import Answer

Event = dict[str, JsonValue]
"""Without its `sequence_number`."""


def _new_id(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(12)}"


@dataclass
class ResponseItems:
    """The output of one response. `sends_as_it_comes`: what was sent of a text cannot be taken
    back; else a text that turned out not to be the answer is forgotten."""

    base: str
    sends_as_it_comes: bool
    shows_searched: bool = False
    output: list[Event] = field(default_factory=list)
    sent: SentText = field(default_factory=SentText)
    _search: Event | None = None
    _sources: list[JsonValue] = field(default_factory=list)
    _message: Event | None = None

    def observe(self, event: AgentEvent) -> Iterator[Event]:
        if isinstance(event, DecisionMade) and event.search:
            yield from self._end_search()
            yield from self._begin_search(event.queries)
        elif isinstance(event, SearchFinished):
            if self._search is None:
                yield from self._begin_search(event.queries)
            self._name_queries(event.queries)
        elif isinstance(event, SourcesSelected):
            self._sources = [
                {"type": "url", "url": address}
                for source in event.sources
                if (address := address_of(source, self.base))
            ]
            yield from self._end_search()
        elif isinstance(event, AnswerDelta):
            yield from self._end_search()
            yield from self._add_text(self.sent.add(event.text))
        elif isinstance(event, AnswerRestarted):
            self._restart()
        elif isinstance(event, FunctionsCalled):
            yield from self._end_search()
            for call in event.calls:
                yield from self._add_call(call)

    def finish(self, answer: Answer) -> Iterator[Event]:
        """The rest of the text, its citations, and the end of whatever is open."""
        yield from self._end_search()
        rest = self.sent.rest_of(answer.text)
        if rest or not any(item["type"] != "web_search_call" for item in self.output):
            yield from self._add_text(rest)
        if self._message is not None:
            yield from self._end_message(self._message, self.cited(answer))

    def cited(self, answer: Answer) -> CitedAnswer:
        """The answer at its place in the text that was sent."""
        return CitedAnswer(answer, self.base, self.sent.offset)

    def _restart(self) -> None:
        if self.sends_as_it_comes:
            self.sent.restart()
            return
        self.sent = SentText()
        if self._message is not None:
            self.output.remove(self._message)
            self._message = None

    # ---- calls of the web search -----------------------------------------------------------

    def _begin_search(self, queries: Sequence[str]) -> Iterator[Event]:
        item: Event = {
            "id": _new_id("ws"),
            "type": "web_search_call",
            "status": "in_progress",
            "action": {"type": "search", "query": "", "queries": []},
        }
        place = len(self.output)
        self._search, self._sources = item, []
        self.output.append(item)
        self._name_queries(queries)
        yield _item_event("added", dict(item), place)
        where: Event = {"output_index": place, "item_id": item["id"]}
        yield {"type": "response.web_search_call.in_progress", **where}
        yield {"type": "response.web_search_call.searching", **where}
        item["status"] = "searching"

    def _name_queries(self, queries: Sequence[str]) -> None:
        if self._search is not None and queries:
            self._search["action"] = {
                "type": "search",
                "query": queries[0],
                "queries": list(queries),
            }

    def _end_search(self) -> Iterator[Event]:
        item, self._search = self._search, None
        if item is None:
            return
        item["status"] = "completed"
        action = item["action"]
        if self.shows_searched and isinstance(action, dict):
            action["sources"] = self._sources
        place = self.output.index(item)
        yield {
            "type": "response.web_search_call.completed",
            "output_index": place,
            "item_id": item["id"],
        }
        yield _item_event("done", item, place)

    # ---- calls of the caller's functions ---------------------------------------------------

    def _add_call(self, call: ToolCall) -> Iterator[Event]:
        item: Event = {
            "id": _new_id("fc"),
            "type": "function_call",
            "status": "in_progress",
            "call_id": call.id,
            "name": call.name,
            "arguments": "",
        }
        place = len(self.output)
        self.output.append(item)
        where: Event = {"item_id": item["id"], "output_index": place}
        yield _item_event("added", dict(item), place)
        item["arguments"], item["status"] = call.arguments, "completed"
        kind = "response.function_call_arguments"
        yield {"type": f"{kind}.delta", **where, "delta": call.arguments}
        yield {"type": f"{kind}.done", **where, "name": call.name, "arguments": call.arguments}
        yield _item_event("done", item, place)

    # ---- the message -----------------------------------------------------------------------

    def _add_text(self, text: str) -> Iterator[Event]:
        if self._message is None:
            self._message = {
                "id": _new_id("msg"),
                "type": "message",
                "status": "in_progress",
                "role": "assistant",
                "content": [],
            }
            self.output.append(self._message)
            place = len(self.output) - 1
            yield _item_event("added", dict(self._message), place)
            where = self._where(self._message)
            yield {"type": "response.content_part.added", **where, "part": _text_part("", [])}
        if text:
            where = self._where(self._message)
            yield {"type": "response.output_text.delta", **where, "delta": text, "logprobs": []}

    def _end_message(self, message: Event, cited: CitedAnswer) -> Iterator[Event]:
        where = self._where(message)
        annotations: list[JsonValue] = [*cited.annotations()]
        for index, annotation in enumerate(annotations):
            yield {
                "type": "response.output_text.annotation.added",
                **where,
                "annotation_index": index,
                "annotation": annotation,
            }
        part = _text_part(self.sent.text, annotations)
        text = self.sent.text
        yield {"type": "response.output_text.done", **where, "text": text, "logprobs": []}
        yield {"type": "response.content_part.done", **where, "part": part}
        is_cut = cited.finish_reason == "length"
        message["status"] = "incomplete" if is_cut else "completed"
        message["content"] = [part]
        yield _item_event("done", message, self.output.index(message))

    def _where(self, message: Event) -> Event:
        place = self.output.index(message)
        return {"item_id": message["id"], "output_index": place, "content_index": 0}


def _item_event(what: str, item: Event, place: int) -> Event:
    return {"type": f"response.output_item.{what}", "output_index": place, "item": item}


def _text_part(text: str, annotations: list[JsonValue]) -> Event:
    return {"type": "output_text", "text": text, "annotations": annotations, "logprobs": []}
