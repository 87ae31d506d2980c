"""`/api/answers`: one question, as an event stream or as one JSON object; follow it, stop it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.types import Receive

from websearch_agent.accounts import Identity
from websearch_agent.errors import AnswerNotFound, ServerBusy
from websearch_agent.events import (
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.server.api_description import (
    REPLAYED_HEADER,
    answer_responses,
    event_stream_responses,
    problem_responses,
)
from websearch_agent.server.ask_body import AskBody
from websearch_agent.server.error_codes import status_of_code
from websearch_agent.server.event_log import EventLog
from websearch_agent.server.feed import (
    INTERNAL_FAILURE,
    SHUTTING_DOWN,
    AnswerFeed,
    run_until_disconnect,
)
from websearch_agent.server.idempotency import (
    IdempotencyKey,
    KeyedAnswers,
    KeyedRequest,
    client_stays,
    keyed_request,
)
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.live_answers import LiveAnswers, OnStarted
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.problems import problem_response
from websearch_agent.server.rate_limits import QuestionLimit, asker_of, holder_of
from websearch_agent.server.request_fields import require_json
from websearch_agent.server.streaming import AnswerStream, EventStream
from websearch_agent.server.wire import JsonObject, answer_to_json, name_of_event

router = APIRouter(prefix="/api", tags=["answers"])


# Far above what an answer can have: no number for a 32-bit counter to stumble over.
EventNumber = Annotated[int | None, Query(ge=0, le=1_000_000_000)]
LastEventId = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=1_000_000_000)]


@router.post(
    "/answers",
    response_model=None,
    responses=answer_responses(),
    dependencies=[Depends(require_json)],
)
async def answer_question(
    body: AskBody, request: Request, asker: Asker, idempotency_key: IdempotencyKey = None
) -> Response:
    """Answer one question. `Accept: text/event-stream` streams; closing the stream stops, but for
    a `resumable` one or one with an `Idempotency-Key`."""
    service = service_of(request, asker)
    turn = AnswerTurn(
        begin=lambda: service.answer_question(body.to_request()),
        holder=holder_of(asker, request.scope),
        queue=request.app.state.answer_queue,
        open_answers=request.app.state.open_answers,
    )
    streams = "text/event-stream" in request.headers.get("accept", "")
    if idempotency_key is not None:
        keyed = keyed_request(asker.owner_id, idempotency_key, body.model_dump(mode="json"))
        return await _answer_once(keyed, turn, body, request, asker, streams=streams)
    await _count_question(request, asker)
    if streams and body.resumable:
        log = await _begin_live(turn, request.receive, body, request, asker)
        if log is None:
            return _answer_response(None)
        live_answers: LiveAnswers = request.app.state.live_answers
        return EventStream(live_answers.first_client(log))
    if streams:
        return AnswerStream(turn, render=body.render)
    async with turn.open(request.receive) as feed:
        last = None
        if feed is not None:
            last = await run_until_disconnect(request.receive, _wait_for_last_event(feed))
    return _answer_response(last)


async def _count_question(request: Request, asker: Identity) -> None:
    """Raises TooManyRequests."""
    limit: QuestionLimit = request.app.state.question_limit
    await limit.count(asker_of(asker, request.scope))


async def _begin_live(
    turn: AnswerTurn,
    receive: Receive,
    body: AskBody,
    request: Request,
    asker: Identity,
    on_started: OnStarted | None = None,
) -> EventLog | None:
    """An answer that goes on without its client; None if that left before it had a place."""
    live_answers: LiveAnswers = request.app.state.live_answers
    return await live_answers.begin(
        turn,
        receive,
        owner_id=asker.owner_id,
        stop_answer=service_of(request, asker).stop_answer,
        conversation_id=body.conversation_id,
        render=body.render,
        on_started=on_started,
    )


async def _answer_once(
    keyed: KeyedRequest,
    turn: AnswerTurn,
    body: AskBody,
    request: Request,
    asker: Identity,
    *,
    streams: bool,
) -> Response:
    """The one answer of the key: made, joined or replayed, in the form that is asked for now."""

    async def begin(on_started: OnStarted) -> EventLog:
        await _count_question(request, asker)
        log = await _begin_live(turn, client_stays, body, request, asker, on_started)
        if log is None:
            raise ServerBusy("The server is shutting down.", retry_after_s=5)
        return log

    keyed_answers: KeyedAnswers = request.app.state.keyed_answers
    store = service_of(request, asker).store
    log, replayed = await keyed_answers.answer_once(keyed, store, begin, render=body.render)
    if streams:
        response: Response = EventStream(log.follow())
    else:
        ending = await run_until_disconnect(request.receive, log.last_event())
        response = _ending_response(ending)
    if replayed:
        response.headers[REPLAYED_HEADER] = "true"
    return response


def _ending_response(ending: tuple[str, JsonObject] | None) -> Response:
    """From the last event as it stands in a log; None if the client has left."""
    if ending is None:
        return _failure_response(INTERNAL_FAILURE)
    name, data = ending
    if name == name_of_event(AnswerFinished):
        return JSONResponse(data)
    return _failure_response(
        AnswerFailed(str(data["code"]), str(data["message"]), bool(data["retryable"]))
    )


@router.get(
    "/answers/{turn_id}",
    response_model=None,
    responses={**event_stream_responses(), **problem_responses(404)},
)
async def follow_answer(
    turn_id: str,
    request: Request,
    asker: Asker,
    after: EventNumber = None,
    last_event_id: LastEventId = None,
) -> Response:
    """Join a resumable answer that is being written or ended in the last minutes.

    Its events from the first one on, or only those behind the one whose number the header
    `Last-Event-ID` or `after` names. Leaving does not stop it.
    """
    live_answers: LiveAnswers = request.app.state.live_answers
    seen = last_event_id if last_event_id is not None else after
    return EventStream(live_answers.find(asker.owner_id, turn_id).follow(seen or 0))


@router.post(
    "/answers/{turn_id}/stop",
    status_code=204,
    response_model=None,
    responses=problem_responses(404),
)
async def stop_answer(turn_id: str, request: Request, asker: Asker) -> Response:
    """Let the answer end with what was written: its streams then end with `answer_finished`,
    whose `finish_reason` is `stopped`."""
    live_answers: LiveAnswers = request.app.state.live_answers
    try:
        await live_answers.stop(asker.owner_id, turn_id)
    except AnswerNotFound:
        # It may be one that its client alone follows.
        if not service_of(request, asker).stop_answer(turn_id):
            raise
    return Response(status_code=204)


async def _wait_for_last_event(feed: AnswerFeed) -> AnswerFinished | AnswerFailed:
    while True:
        event = await feed.next_event()
        if isinstance(event, AnswerFinished | AnswerFailed):
            return event


def _answer_response(last: AnswerFinished | AnswerFailed | None) -> Response:
    if isinstance(last, AnswerFinished):
        return JSONResponse(answer_to_json(last.conversation_id, last.answer))
    # None: the client has left, so nobody reads this response.
    return _failure_response(last or INTERNAL_FAILURE)


def _failure_response(failure: AnswerFailed) -> Response:
    retry_after = {"Retry-After": "5"} if failure == SHUTTING_DOWN else None
    return problem_response(
        status_of_code(failure.code),
        code=failure.code,
        detail=failure.message,
        retryable=failure.retryable,
        headers=retry_after,
    )
