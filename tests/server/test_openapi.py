"""The OpenAPI description is true: made-up requests meet no 500 and no status it does not name."""

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS
from server.fake_service import FakeService, make_server, search_script
from server.stored_service import StoredService, open_stored_service

from websearch_agent.config import Settings
from websearch_agent.errors import AgentError
from websearch_agent.server.app import create_app
from websearch_agent.server.error_codes import status_of_code
from websearch_agent.server.run import AnsweringServer

# Enough for each field to be missing, of another kind and at its borders.
MAX_EXAMPLES = 15


class RunningServer:
    """The app on a loopback port, in a thread: schemathesis asks from this one."""

    def __init__(self, *, with_users: bool, database: Path | None = None) -> None:
        self.key = ""
        self._clients = itertools.count(1)
        self._database = database
        self._with_users = with_users
        self._started = threading.Event()
        self._server: AnsweringServer | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)

    async def _serve(self) -> None:
        service: FakeService | StoredService = FakeService(search_script)
        if self._database is not None:
            service = await open_stored_service(self._database)
        if self._with_users:
            await service.accounts.add_user("ann", "a long password")
            made = await service.accounts.create_key("ann", "test", ["ask", "read", "delete"])
            self.key = made.secret
        settings = Settings(
            _env_file=None,  # type: ignore[call-arg]
            questions_per_minute=0,
            trusted_proxies="127.0.0.1/32" if self._with_users else (),  # type: ignore[arg-type]
        )
        self._server = make_server(service, settings)
        self._started.set()
        await self._server.serve(sockets=[self._server.listener])  # type: ignore[attr-defined]

    @contextmanager
    def running(self) -> Iterator["RunningServer"]:
        self._thread.start()
        assert self._started.wait(10)
        yield self
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(10)

    def schema(self) -> Any:
        assert self._server is not None
        address = f"{self._server.address}/api/openapi.json"
        return schemathesis.openapi.from_url(address, headers=self.headers)

    @property
    def headers(self) -> dict[str, str]:
        """Each time of another client: one may send 600 requests a minute, then all are 429."""
        if not self._with_users:
            return {}
        address = f"198.51.100.{next(self._clients) % 250}"
        return {"Authorization": f"Bearer {self.key}", "X-Forwarded-For": address}


CONVERSATION = "/api/conversations/{conversation_id}"
OPERATIONS = [
    ("POST", "/api/answers"),
    ("GET", "/api/answers/{turn_id}"),
    ("POST", "/api/answers/{turn_id}/stop"),
    ("POST", "/api/search"),
    ("POST", "/api/read"),
    ("GET", "/api/conversations"),
    ("DELETE", "/api/conversations"),
    ("GET", CONVERSATION),
    ("PATCH", CONVERSATION),
    ("DELETE", CONVERSATION),
    ("POST", f"{CONVERSATION}/restore"),
    ("GET", f"{CONVERSATION}/export"),
    ("PUT", f"{CONVERSATION}/share"),
    ("GET", f"{CONVERSATION}/share"),
    ("DELETE", f"{CONVERSATION}/share"),
    ("POST", f"{CONVERSATION}/turns/{{turn_id}}/follow-ups"),
    ("GET", "/api/shared/{token}"),
    ("GET", "/api/suggestions"),
    ("GET", "/api/engines"),
    ("GET", "/api/schemas/answer.json"),
    ("GET", "/api/health"),
    ("GET", "/v1/models"),
    ("GET", "/v1/models/{model_id}"),
    ("POST", "/v1/chat/completions"),
    ("POST", "/v1/responses"),
    ("GET", "/v1/responses/{response_id}"),
]


@pytest.fixture(scope="module", params=["without a login", "with a key", "on the real store"])
def server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    real = request.param == "on the real store"
    database = tmp_path_factory.mktemp("store") / "conversations.db" if real else None
    with_users = request.param != "without a login"
    with RunningServer(with_users=with_users, database=database).running() as running:
        yield running


def test_every_operation_of_the_description_is_tried_here(server: RunningServer) -> None:
    operations = [one.ok() for one in server.schema().get_all_operations()]
    assert {(one.method.upper(), one.path) for one in operations} == set(OPERATIONS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_made_up_requests_are_answered_as_described(
    server: RunningServer, method: str, path: str, mode: GenerationMode
) -> None:
    operation = server.schema()[path][method]
    if mode is GenerationMode.NEGATIVE and not has_wrong_forms(operation):
        pytest.skip("it takes nothing that could be wrong")

    @hypothesis.settings(
        max_examples=MAX_EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_described(case: Any) -> None:
        # Not every string is a domain, which a schema cannot say.
        refusals = [CHECKS.get_one("positive_data_acceptance")]
        case.call_and_validate(headers=server.headers, excluded_checks=refusals)

    answers_as_described()


def call(server: RunningServer, method: str, path: str, **values: Any) -> Any:
    """One request, whose answer is as described; `values` are parts of a schemathesis case."""
    headers = {**server.headers, **values.pop("headers", {})}
    case = server.schema()[path][method].Case(**values)
    return case.call_and_validate(headers=headers)


def ask(server: RunningServer) -> Any:
    body = {"question": "When was the red bridge opened?", "search": "always"}
    return call(server, "POST", "/api/answers", body=body, media_type="application/json")


def test_answer_is_read_back_deleted_and_restored_as_described(server: RunningServer) -> None:
    answer = ask(server)
    place = {"path_parameters": {"conversation_id": answer.json()["conversation_id"]}}
    restore = ("POST", f"{CONVERSATION}/restore")
    steps = [("GET", CONVERSATION), ("DELETE", CONVERSATION), ("GET", CONVERSATION), restore]
    statuses = [call(server, *step, **place).status_code for step in [*steps, steps[0]]]
    assert answer.status_code == 200
    assert len(answer.json()["sources"]) >= 1
    assert statuses == [200, 204, 404, 200, 200]


def test_conversation_is_renamed_exported_and_shared_as_described(server: RunningServer) -> None:
    place = {"conversation_id": ask(server).json()["conversation_id"]}
    renamed = call(
        server,
        "PATCH",
        CONVERSATION,
        path_parameters=place,
        body={"title": "Bridge"},
        media_type="application/json",
    )
    exported = [
        call(server, "GET", f"{CONVERSATION}/export", path_parameters=place, query={"format": form})
        for form in ("markdown", "json")
    ]
    shares = [
        call(server, method, f"{CONVERSATION}/share", path_parameters=place)
        for method in ("GET", "PUT", "GET")
    ]
    token = {"token": shares[1].json()["path"].removeprefix("/s/")}
    rendered = {"render": "true"}
    shared = call(server, "GET", "/api/shared/{token}", path_parameters=token, query=rendered)
    ended = call(server, "DELETE", f"{CONVERSATION}/share", path_parameters=place)
    gone = call(server, "GET", "/api/shared/{token}", path_parameters=token)
    assert renamed.json()["title"] == "Bridge"
    assert [response.status_code for response in exported] == [200, 200]
    assert [response.status_code for response in shares] == [404, 200, 200]
    assert (shared.status_code, ended.status_code, gone.status_code) == (200, 204, 404)
    assert shared.json()["title"] == "Bridge"


def test_search_and_its_first_page_are_as_described(server: RunningServer) -> None:
    options = {"media_type": "application/json"}
    query = {"query": "red bridge", "max_results": 2}
    found = call(server, "POST", "/api/search", body=query, **options)
    wanted = {"address": found.json()["results"][0]["url"], "max_chars": 5}
    page = call(server, "POST", "/api/read", body=wanted, **options)
    unknown = call(server, "POST", "/api/search", body={**query, "engines": ["x"]}, **options)
    assert (found.status_code, page.status_code, unknown.status_code) == (200, 200, 400)
    assert len(page.json()["text"]) == 5


def test_answer_with_a_key_and_its_replay_are_as_described(server: RunningServer) -> None:
    options: dict[str, Any] = {"media_type": "application/json"}
    options["headers"] = {"Idempotency-Key": f"key-{len(server.key)}"}
    body = {"question": "When was the red bridge opened?"}
    first, again = (call(server, "POST", "/api/answers", body=body, **options) for _ in range(2))
    other = call(server, "POST", "/api/answers", body={"question": "Other?"}, **options)
    statuses = [response.status_code for response in (first, again, other)]
    assert statuses == [200, 200, 422]
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == ["true"]


def test_follow_ups_are_as_described(server: RunningServer) -> None:
    place = {"conversation_id": ask(server).json()["conversation_id"]}
    kept = call(server, "GET", CONVERSATION, path_parameters=place).json()
    turn = {**place, "turn_id": kept["turns"][0]["id"]}
    path = f"{CONVERSATION}/turns/{{turn_id}}/follow-ups"
    suggested = call(server, "POST", path, path_parameters=turn)
    again = call(server, "GET", CONVERSATION, path_parameters=place).json()
    assert suggested.status_code == 200
    assert len(suggested.json()["questions"]) >= 1
    assert again["turns"][0]["follow_ups"] == suggested.json()["questions"]


def has_wrong_forms(operation: Any) -> bool:
    """A wrong id is only an unknown one, so paths do not count."""
    return bool(list(operation.query) or list(operation.body))


def errors_below(kind: type[AgentError]) -> Iterator[type[AgentError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from errors_below(below)


@pytest.mark.parametrize("kind", list(errors_below(AgentError)), ids=lambda kind: kind.__name__)
def test_status_of_every_failure_of_an_answer_is_described(kind: type[AgentError]) -> None:
    description = create_app(FakeService, Settings()).openapi()
    described = description["paths"]["/api/answers"]["post"]["responses"]
    assert str(status_of_code(kind.code)) in described
