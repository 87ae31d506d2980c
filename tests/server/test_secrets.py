"""Secrets stay out of the log, out of answers and out of errors, whatever fails."""

import base64
import io
import json
import logging
import re
from collections.abc import AsyncIterator, Iterator

import pytest
from pydantic import SecretStr
from server.doors import PASSWORD, serve_users
from server.fake_service import FakeService

from websearch_agent.config import Settings
from websearch_agent.events import AgentEvent
from websearch_agent.log_secrets import (
    SecretFilter,
    keep_secrets_out_of_logs,
    secrets_of,
)
from websearch_agent.server.session_cookie import PLAIN_NAME, SECURE_NAME
from websearch_agent.types import AnswerRequest

pytestmark = pytest.mark.anyio

PROXY_PASSWORD = "pr%40xy-pass"
SETTINGS = Settings(
    model_api_key=SecretStr("model-key-0123456789"),
    brave_api_key=SecretStr("brave-key-0123456789"),
    ranking_api_key=SecretStr("ranking-key-0123456789"),
    ddgs_proxy=SecretStr(f"socks5://someone:{PROXY_PASSWORD}@127.0.0.1:9150"),
    fetch_proxy=SecretStr("http://another:fetch-pass@127.0.0.1:3128"),
)
SECRET_SETTINGS = [
    name for name, field in Settings.model_fields.items() if "SecretStr" in str(field.annotation)
]


@pytest.fixture(name="log")
def log_of_root() -> Iterator[io.StringIO]:
    """What the handler of a program would write, with the server's filter on it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s %(message)s"))
    logging.root.addHandler(handler)
    others = {other: list(other.filters) for other in [*logging.root.handlers, logging.lastResort]}
    keep_secrets_out_of_logs(SETTINGS)
    yield written
    logging.root.removeHandler(handler)
    for other, filters in others.items():
        if other is not None:
            other.filters = filters


@pytest.mark.parametrize("name", SECRET_SETTINGS)
def test_every_secret_setting_is_known_to_the_filter(name: str) -> None:
    settings = Settings().model_copy(update={name: SecretStr("http://u:secret-of-it@host:1")})
    assert {"http://u:secret-of-it@host:1", "secret-of-it"} <= secrets_of(settings)


def test_secrets_in_words_arguments_tracebacks_and_stacks_are_taken_out(log: io.StringIO) -> None:
    logger = logging.getLogger("somewhere.below")
    logger.error("with model-key-0123456789 in it")
    logger.error("asked %s", {"Authorization": "Bearer brave-key-0123456789"})
    logger.error("key %s", "wsa_AbCdEfGhIjKlMnOpQrStUvWxYz-_0123")
    logger.error(
        "proxy socks5://someone:pr%%40xy-pass@127.0.0.1, %s", "pr@xy-pass", stack_info=True
    )
    try:
        raise ValueError("ranking-key-0123456789")
    except ValueError:
        logger.exception("failed")
    logger.error("too few arguments %s %s", "fetch-pass")
    written = log.getvalue()
    for secret in [*secrets_of(SETTINGS), "AbCdEfGh"]:
        assert secret not in written
    assert written.count("[secret]") >= 6
    assert "Traceback" in written
    assert "ValueError: [secret]" in written


def test_short_values_are_left_alone() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "test none wsa_", (), None)
    short = SETTINGS.model_copy(update={"model_api_key": SecretStr("none")})
    SecretFilter(secrets_of(short)).filter(record)
    assert record.getMessage() == "test none wsa_"


def test_filter_without_secrets_still_takes_keys() -> None:
    record = logging.LogRecord("x", logging.INFO, "", 1, "key wsa_0123456789", (), None)
    SecretFilter(()).filter(record)
    assert record.getMessage() == "key [secret]"


def cleaned(text: str, *arguments: object, settings: Settings = SETTINGS) -> str:
    """What a log that says this holds."""
    record = logging.LogRecord("x", logging.INFO, "", 1, text, arguments, None)
    SecretFilter(secrets_of(settings)).filter(record)
    return record.getMessage()


@pytest.mark.parametrize("pair", ["someone:pr%40xy-pass", "someone:pr@xy-pass"])
def test_proxy_password_is_taken_out_as_it_is_sent(pair: str) -> None:
    sent = base64.b64encode(pair.encode()).decode()
    assert cleaned(f"sent {sent} to it") == "sent [secret] to it"
    assert cleaned("%r", {"Proxy-Authorization": f"Basic {sent}"}) == (
        "{'Proxy-Authorization': 'Basic [secret]'}"
    )


AWKWARD = """k'ey"with\\quotes-and-é"""


@pytest.mark.parametrize("key", [AWKWARD, AWKWARD.replace("'", ""), AWKWARD.replace('"', "")])
def test_key_is_taken_out_however_it_is_shown(key: str) -> None:
    settings = SETTINGS.model_copy(update={"model_api_key": SecretStr(key)})
    shown = [
        *(key, repr(key), ascii(key), repr(key.encode()), json.dumps(key)),
        *(repr(f'say "{key}"'), repr(f"say '{key}'"), repr({"key": key}), repr([key.encode()])),
        json.dumps({"key": key}, ensure_ascii=False),
    ]
    for text in shown:
        log = cleaned("%s", text, settings=settings)
        assert "[secret]" in log
        assert not {"with", "quotes", "and-"} & set(re.findall(r"with|quotes|and-", log)), text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"{PLAIN_NAME}=abcDEF123; theme=dark", f"{PLAIN_NAME}=[secret]; theme=dark"),
        (f"cookie {SECURE_NAME}=abcDEF", f"cookie {SECURE_NAME}=[secret]"),
        (f"{{'{PLAIN_NAME}': 'abc-DEF_1'}}", f"{{'{PLAIN_NAME}': '[secret]'}}"),
        (f"(b'set-cookie', b'{SECURE_NAME}=abc')", f"(b'set-cookie', b'{SECURE_NAME}=[secret]')"),
        ("Authorization: Bearer eyJh.bGci.OiJIUzI1", "Authorization: Bearer [secret]"),
        ("{'authorization': 'bearer 0123456789abcdef'}", "{'authorization': 'bearer [secret]'}"),
        ("Basic dXNlcjpwdw==", "Basic [secret]"),
        (f"Bearer {'x' * 20}", "Bearer [secret]"),
        ("Bearer wsa_AbCdEfGhIjKl", "Bearer [secret]"),
    ],
)
def test_session_and_credentials_of_headers_are_taken_out(text: str, told: str) -> None:
    assert cleaned("%s", text) == told


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is not taken, Bearer credentials are",
        "no bearer token was sent",
        "websearch_session is not set",
        "basic usage",
    ],
)
def test_words_about_logins_stay(text: str) -> None:
    assert cleaned("%s", text) == text


async def raising_script(service: FakeService, request: AnswerRequest) -> AsyncIterator[AgentEvent]:
    yield service.start(request)
    raise RuntimeError(f"upstream refused the key {SETTINGS.model_api_key.get_secret_value()}")  # type: ignore[union-attr]


class FailingAccounts:
    """Raises with the very thing that it was asked about."""

    async def has_users(self) -> bool:
        return True

    async def identify_key(self, secret: str) -> None:
        raise RuntimeError(f"no such key: {secret}")

    async def identify_session(self, token: str) -> None:
        return None


async def test_no_failing_way_through_the_server_tells_a_secret(log: io.StringIO) -> None:
    async with serve_users(FakeService(raising_script), SETTINGS) as doors:
        ann = await doors.key_client("ann")
        session = await doors.session_client("ann")
        key = ann.headers["authorization"].removeprefix("Bearer ")
        token = session.cookies["websearch_session"]
        async with ann, session, doors.client() as stranger:
            answers = [
                await ann.post("/api/answers", json={"question": "q"}),
                await ann.post(
                    "/api/answers", json={"question": "q"}, headers={"Accept": "text/event-stream"}
                ),
                await ann.post("/api/answers", json={"question": "q", "key": key}),
                await ann.post("/api/answers", content=key, headers={"Content-Type": "text/plain"}),
                await ann.get("/api/conversations/unknown"),
                await ann.get("/api/conversations", params={"limit": "none"}),
                await ann.get("/api/health"),
                await ann.get("/documents/unknown"),
                await session.get("/"),
                await session.get("/api/nothing"),
                await session.post("/api/answers", json={}, headers={"Origin": "null"}),
                await stranger.post("/login", data={"name": "ann", "password": PASSWORD + "x"}),
                await stranger.post("/login", content=PASSWORD),
                await stranger.get(
                    "/api/conversations", headers={"Authorization": f"Bearer {key}x"}
                ),
                await stranger.get("/api/conversations", headers={"Host": "evil.example"}),
            ]
            doors.service.accounts = FailingAccounts()  # type: ignore[assignment]
            answers.append(await ann.get("/api/conversations"))
    assert answers[-1].status_code == 500
    told = log.getvalue() + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert "Traceback" in log.getvalue()
    for secret in [*secrets_of(SETTINGS), key, key[4:], token, PASSWORD]:
        assert secret not in told
