"""`/api/answers`: one question, as an event stream or as one JSON object; follow it, stop it."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from websearch_agent.errors import AnswerNotFound, InvalidRequest
from websearch_agent.events import (
    AnswerFailed,
    AnswerFinished,
)
from websearch_agent.search.domain_filter import plain_domain
from websearch_agent.server.api_description import Responses, answer_responses, problem_responses
from websearch_agent.server.feed import (
    INTERNAL_FAILURE,
    SHUTTING_DOWN,
    AnswerFeed,
    run_until_disconnect,
)
from websearch_agent.server.identity import Asker, service_of
from websearch_agent.server.live_answers import LiveAnswers
from websearch_agent.server.open_answer import AnswerTurn
from websearch_agent.server.problems import problem_response, status_of_code
from websearch_agent.server.rate_limits import QuestionLimit, asker_of, holder_of
from websearch_agent.server.streaming import AnswerStream, EventStream
from websearch_agent.server.wire import answer_to_json
from websearch_agent.types import (
    AnswerRequest,
    EvidenceForm,
    Mode,
    SearchSwitch,
    TimeRange,
    Verification,
)

router = APIRouter(prefix="/api", tags=["answers"])


def _check_domain(text: str) -> str:
    try:
        return plain_domain(text)
    except InvalidRequest as error:
        raise PydanticCustomError("domain", "{reason}", {"reason": error.message}) from error


# An address is taken for its domain, and may be longer than one.
DomainName = Annotated[str, Field(min_length=1, max_length=2000), AfterValidator(_check_domain)]
DomainNames = Annotated[list[DomainName], Field(max_length=50)]
# Far above what an answer can have: no number for a 32-bit counter to stumble over.
EventNumber = Annotated[int | None, Query(ge=0, le=1_000_000_000)]
LastEventId = Annotated[int | None, Header(alias="Last-Event-ID", ge=0, le=1_000_000_000)]

# Fields of the body that say how the answer is sent, not what is asked.
_OF_THE_STREAM = {"render", "resumable"}


class AskBody(BaseModel):
    """The body of `POST /api/answers`. Unknown fields are refused, so a typo is noticed."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    question: str
    conversation_id: str | None = None
    search: SearchSwitch = "auto"
    mode: Mode = "balanced"
    time_range: TimeRange | None = None
    include_domains: DomainNames = []
    exclude_domains: DomainNames = []
    language: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$",
        description="A language tag such as `en` or `zh-CN`, for the search.",
    )
    evidence: EvidenceForm | None = Field(
        default=None, description="What the model is shown of the pages. Unset: as configured."
    )
    verification: Verification | None = Field(
        default=None,
        description="Who checks the statements against the sources. Unset: as configured.",
    )
    strict: bool | None = Field(
        default=None,
        description="Write an answer with unsupported statements anew, once. Unset: as configured.",
    )
    replace_turn: str | None = Field(
        default=None,
        max_length=64,
        description="The id of a turn of the conversation that this question takes the place of, "
        "with those behind it.",
    )
    render: bool = Field(default=False, description="Add `answer_html` events to the stream.")
    resumable: bool = Field(
        default=False,
        description="Number the events of the stream, and go on if the client leaves: "
        "`GET /api/answers/{turn_id}` joins it again, `POST /api/answers/{turn_id}/stop` ends it.",
    )

    def to_request(self) -> AnswerRequest:
        domains = {
            "include_domains": tuple(self.include_domains),
            "exclude_domains": tuple(self.exclude_domains),
        }
        return AnswerRequest(**{**self.model_dump(exclude=_OF_THE_STREAM), **domains})


async def require_json(request: Request) -> None:
    """Raises 415 for another content type; `curl -d` sends one unless it is told."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    is_json = media_type == "application/json" or media_type.endswith("+json")
    if not is_json:
        detail = "The body must be JSON: send the header Content-Type: application/json."
        raise HTTPException(415, detail)


@router.post(
    "/answers",
    response_model=None,
    responses=answer_responses(),
    dependencies=[Depends(require_json)],
)
async def answer_question(body: AskBody, request: Request, asker: Asker) -> Response:
    """Answer one question. `Accept: text/event-stream` streams; closing the stream stops, but for
    a `resumable` one."""
    limit: QuestionLimit = request.app.state.question_limit
    await limit.count(asker_of(asker, request.scope))
    service = service_of(request, asker)
    turn = AnswerTurn(
        begin=lambda: service.answer_question(body.to_request()),
        holder=holder_of(asker, request.scope),
        queue=request.app.state.answer_queue,
        open_answers=request.app.state.open_answers,
    )
    streams = "text/event-stream" in request.headers.get("accept", "")
    if streams and body.resumable:
        live_answers: LiveAnswers = request.app.state.live_answers
        log = await live_answers.begin(
            turn,
            request.receive,
            owner_id=asker.owner_id,
            stop_answer=service.stop_answer,
            conversation_id=body.conversation_id,
            render=body.render,
        )
        if log is None:
            return _answer_response(None)
        return EventStream(live_answers.first_client(log))
    if streams:
        return AnswerStream(turn, render=body.render)
    async with turn.open(request.receive) as feed:
        last = None
        if feed is not None:
            last = await run_until_disconnect(request.receive, _wait_for_last_event(feed))
    return _answer_response(last)


_FOLLOWED: Responses = {
    200: {
        "description": "OK",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": 'id: 7\nevent: answer_delta\ndata: {"text":"Yes, "}\n\n',
            }
        },
    }
}


@router.get(
    "/answers/{turn_id}", response_model=None, responses={**_FOLLOWED, **problem_responses(404)}
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
    failure = last or INTERNAL_FAILURE
    retry_after = {"Retry-After": "5"} if failure == SHUTTING_DOWN else None
    return problem_response(
        status_of_code(failure.code),
        code=failure.code,
        detail=failure.message,
        retryable=failure.retryable,
        headers=retry_after,
    )
