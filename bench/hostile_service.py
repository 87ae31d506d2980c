"""The real app over a service whose every word is hostile: for `hostile_payloads.py`."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import uvicorn

from websearch_agent import events, types
from websearch_agent.config import Settings
from websearch_agent.conversations import Conversation, ConversationSummary, Turn
from websearch_agent.errors import ConversationNotFound, PageUnreachable
from websearch_agent.model_calls import ModelStatus
from websearch_agent.server.app import create_app
from websearch_agent.server.run import AnsweringServer, address_of, bind_listener

# Longer than the server waits between two renderings, so that a row is seen half written; after
# each of them it would take half an hour for some thousand rows.
PAUSE_S = 0.09
PAUSED_ROWS = 4
DOCUMENT_ROWS = 8
# Ends what a row has opened: a fence of three backquotes, a list, a paragraph.
CLOSING = "\n\n````\n````\n\n"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLAIN = types.Source(1, "https://plain.example/", "Plain", "plain.example", ())

# ---- what is shown ---------------------------------------------------------------------------


def make_source(number: int, **changes: str) -> types.Source:
    url = f"https://plain.example/{number}"
    passages = (types.Passage(url, "Plain words.", 0, 12),)
    return replace(types.Source(number, url, "Plain", "", passages), **changes)  # type: ignore[arg-type]


def titled(number: int, row: str) -> types.Source:
    return make_source(number, title=row, site=row, author=row, date=row)


def quoted(number: int, row: str) -> types.Source:
    source = make_source(number, kind="snippet")
    passage = types.Passage(source.url, row, 0, len(row), heading=row, link=source.url)
    return replace(source, passages=(passage,), summary=row)


def addressed(number: int, row: str) -> types.Source:
    passage = types.Passage(row, "Plain words.", 0, 12, link=row)
    return replace(make_source(number), url=row, passages=(passage,))


def behind_a_host(number: int, row: str) -> types.Source:
    return addressed(number, f"https://plain.example/{row}")


def answer_of(text: str, sources: Sequence[types.Source], row: str = "") -> types.Answer:
    """An answer that cites its first source, and is contradicted in the row's words."""
    quote = row or sources[0].passages[0].text
    link = sources[0].url
    citation = types.Citation(1, link, "Plain", 0, 3, quote=quote, link=link, added=True)
    support = types.Support("unsupported", 0.1, 1, quote, (row or quote,))
    statement = types.Statement(text, 0, len(text), (1,), support)
    return types.Answer(
        text,
        statements=(statement,),
        citations=(citation,),
        sources=tuple(sources),
        verification="fast",
    )


def source_turns(make: Callable[[int, str], types.Source], rows: Sequence[str]) -> list[Turn]:
    """One turn whose sources are the rows."""
    sources = [make(number, row) for number, row in enumerate(rows, 1)]
    text = " ".join(f"[{source.number}]" for source in sources)
    return [Turn("t1", "Plain?", NOW, "finished", answer_of(text, sources))]


def answer_turns(rows: Sequence[str]) -> list[Turn]:
    """A turn for each row: its answer is the row, alone and behind words with a marker."""
    plain = replace(PLAIN, passages=(types.Passage(PLAIN.url, "Plain words.", 0, 12),))
    answers = [answer_of(f"{row}\n\nSo [1]: {row}", (plain,), row) for row in rows]
    return [Turn(f"t{n}", "Plain?", NOW, "finished", one) for n, one in enumerate(answers)]


def question_turns(rows: Sequence[str]) -> list[Turn]:
    failures = [events.AnswerFailed(row, row, retryable=True) for row in rows]
    pairs = zip(rows, failures, strict=True)
    return [Turn(f"t{n}", row, NOW, "failed", None, end) for n, (row, end) in enumerate(pairs)]


def work_turns(rows: Sequence[str]) -> list[Turn]:
    """One turn: what was searched, what failed and what was told are the rows."""
    answer = replace(
        answer_of("Plain [1].", (titled(1, rows[0]),)),
        search_queries=tuple(rows),
        engine_failures=tuple(types.EngineFailure(row, row, row, row) for row in rows),
        page_failures=tuple(types.PageFailure(row, row, row) for row in rows),
        notices=tuple(rows),
        refused_queries=tuple(rows),
        removed_links=len(rows),
        finish_reason=rows[0],
    )
    return [Turn("t1", "Plain?", NOW, "finished", answer)]


STORED: dict[str, Callable[[Sequence[str]], list[Turn]]] = {
    "title": lambda rows: source_turns(titled, rows),
    "snippet": lambda rows: source_turns(quoted, rows),
    "url": lambda rows: source_turns(addressed, rows) + source_turns(behind_a_host, rows),
    "work": work_turns,
    "question": question_turns,
    "answer": answer_turns,
}


async def stream_events(
    rows: Sequence[str], *, pause_s: float = PAUSE_S
) -> AsyncIterator[events.AgentEvent]:
    """All that comes while an answer is written; some rows are rendered half, too."""
    yield events.DecisionMade(True, tuple(rows), reason=rows[0])
    failures = tuple(types.EngineFailure(row, row, row, row) for row in rows)
    yield events.SearchFinished(tuple(rows), 1, failures)
    for row in rows:
        yield events.PageFinished(row, row)
        yield events.ReasoningAdded(row)
        yield events.Notice(row)
    yield events.SourcesSelected((PLAIN,))
    for number, row in enumerate(rows):
        yield events.AnswerDelta(row[: len(row) // 2])
        if number % PAUSED_ROWS == 0:
            await asyncio.sleep(pause_s)
        yield events.AnswerDelta(f"{row[len(row) // 2 :]} [1]{CLOSING}")


# ---- the app -----------------------------------------------------------------------------------


@dataclass
class HostileService:
    """A service and its store, model and local index: all it tells are `rows`."""

    rows: Sequence[str] = ()
    turns: tuple[Turn, ...] = ()
    name: str = "model"

    @property
    def store(self) -> Any:
        return self

    @property
    def accounts(self) -> Any:
        return self

    @property
    def model(self) -> Any:
        return self

    def for_owner(self, _: str) -> "HostileService":
        return self

    def status(self) -> ModelStatus:
        return ModelStatus("ready")

    def engine_names(self) -> tuple[str, ...]:
        return ("engine",)

    def engine_states(self) -> tuple[types.EngineState, ...]:
        return ()

    def suggest_questions(self, language: str) -> tuple[str, ...]:
        return tuple(self.rows[:4])

    async def suggest_follow_ups(self, conversation_id: str, turn_id: str) -> tuple[str, ...]:
        return tuple(self.rows[:3])

    def stop_answer(self, turn_id: str) -> bool:
        return False

    async def answer_question(
        self, request: types.AnswerRequest, **_: object
    ) -> AsyncIterator[events.AgentEvent]:
        yield events.AnswerStarted("c", "t")
        async for event in stream_events(self.rows):
            yield event
        yield events.AnswerFinished("c", answer_of("Plain [1].", (titled(1, self.rows[0]),)))

    async def load_conversation(self, conversation_id: str, **_: object) -> Conversation:
        if conversation_id != "c":
            raise ConversationNotFound("There is no such conversation.")
        return Conversation("c", self.rows[0], NOW, NOW, self.turns)

    async def list_conversations(self, **_: object) -> list[ConversationSummary]:
        return [ConversationSummary(f"c{n}", row, NOW, NOW) for n, row in enumerate(self.rows)]

    async def read_document(self, document_id: str, **_: object) -> types.Page:
        """A few of the rows, from the one of this number on."""
        if not document_id.isdigit():
            raise PageUnreachable(self.rows[0])
        rows = self.rows[int(document_id) :][:DOCUMENT_ROWS]
        words = " ".join(rows)
        text = f"{rows[0]}\n\n" + "".join(f"{row}{CLOSING}- {row}{CLOSING}" for row in rows)
        page = types.Page(rows[0], rows[0], words, text, "text/html", NOW)
        return replace(page, site=words, date=words, truncated=True)

    async def prepare(self) -> None: ...

    async def aclose(self) -> None: ...


@contextlib.contextmanager
def running_app(service: HostileService) -> Iterator[str]:
    """The real app in a thread of its own; yields its address."""
    listener = bind_listener("127.0.0.1", 0)
    app = create_app(lambda: service, Settings(_env_file=None, auth="off"))  # type: ignore[call-arg]
    config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=2)
    server = AnsweringServer(config, address_of(listener))
    serve = server.serve
    thread = threading.Thread(target=lambda: asyncio.run(serve(sockets=[listener])), daemon=True)
    thread.start()
    try:
        yield server.address
    finally:
        server.should_exit = True
        thread.join(10)
