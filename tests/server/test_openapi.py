"""The OpenAPI description is true: made-up requests meet no 500 and no status it does not name."""

import asyncio
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
from websearch_agent.server.problems import status_of_code
from websearch_agent.server.run import AnsweringServer

# Enough for each field to be missing, of another kind and at its borders.
MAX_EXAMPLES = 15


class RunningServer:
    """The app on a loopback port, in a thread: schemathesis asks from this one."""

    def __init__(self, *, with_users: bool, database: Path | None = None) -> None:
        self.key = ""
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
        settings = Settings(_env_file=None, questions_per_minute=0)  # type: ignore[call-arg]
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
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}


OPERATIONS = [
    ("POST", "/api/answers"),
    ("GET", "/api/conversations"),
    ("GET", "/api/conversations/{conversation_id}"),
    ("DELETE", "/api/conversations/{conversation_id}"),
    ("GET", "/api/schemas/answer.json"),
    ("GET", "/api/health"),
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


def test_answer_is_read_back_and_deleted_as_described(server: RunningServer) -> None:
    schema = server.schema()
    body = {"question": "When was the red bridge opened?", "search": "always"}
    asked = schema["/api/answers"]["POST"].Case(body=body, media_type="application/json")
    answer = asked.call_and_validate(headers=server.headers)
    path = {"conversation_id": answer.json()["conversation_id"]}
    one = schema["/api/conversations/{conversation_id}"]
    statuses = [
        one[method].Case(path_parameters=path).call_and_validate(headers=server.headers).status_code
        for method in ("GET", "DELETE", "GET")
    ]
    assert answer.status_code == 200
    assert len(answer.json()["sources"]) >= 1
    assert statuses == [200, 204, 404]


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
