"""When a login is needed, and that nobody is let in by mistake."""

import pytest
from server.fake_accounts import FakeAccounts
from server.fake_service import FakeService

from websearch_agent.config import Settings
from websearch_agent.errors import ConfigError
from websearch_agent.server.app import create_app
from websearch_agent.server.login_policy import check_listening_address, decide_login
from websearch_agent.server.run import run_server

pytestmark = pytest.mark.anyio


async def accounts_with(*names: str) -> FakeAccounts:
    accounts = FakeAccounts()
    for name in names:
        await accounts.add_user(name, "a long password")
    return accounts


@pytest.mark.parametrize(
    ("auth", "names", "needed"),
    [
        ("auto", (), False),
        ("auto", ("ann",), True),
        ("required", ("ann",), True),
        ("off", (), False),
        ("off", ("ann",), False),
    ],
)
async def test_login_is_needed_as_set(auth: str, names: tuple[str, ...], needed: bool) -> None:
    assert await decide_login(Settings(auth=auth), await accounts_with(*names)) is needed  # type: ignore[arg-type]


async def test_required_login_without_a_user_names_the_command() -> None:
    with pytest.raises(ConfigError, match="websearch-agent user add NAME"):
        await decide_login(Settings(auth="required"), await accounts_with())


@pytest.mark.parametrize(
    ("variable", "value"),
    [("public_url", "https://ask.example"), ("trusted_proxies", "10.0.0.0/8")],
)
async def test_proxy_without_a_login_is_refused_and_named(variable: str, value: str) -> None:
    settings = Settings(**{variable: value})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=rf"WEBSEARCH_{variable.upper()} .*user add"):
        await decide_login(settings, await accounts_with())
    assert await decide_login(settings, await accounts_with("ann")) is True
    off = Settings(**{variable: value}, auth="off")  # type: ignore[arg-type]
    assert await decide_login(off, await accounts_with()) is False


async def test_public_address_on_this_machine_needs_no_login() -> None:
    settings = Settings(public_url="http://localhost:9000")
    assert await decide_login(settings, await accounts_with()) is False


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "box.example"])
async def test_open_address_without_a_login_is_refused_and_says_what_to_do(host: str) -> None:
    with pytest.raises(ConfigError, match=r"user add NAME.*WEBSEARCH_AUTH=off"):
        check_listening_address(host, login_needed=False, settings=Settings())
    check_listening_address(host, login_needed=True, settings=Settings())
    check_listening_address(host, login_needed=False, settings=Settings(auth="off"))


def test_server_on_an_open_address_does_not_start_without_a_user() -> None:
    service = FakeService()
    with pytest.raises(ConfigError, match=r"--host 0\.0\.0\.0 can be reached"):
        run_server(Settings(), "0.0.0.0", 0, service_factory=lambda: service)
    assert service.closed
    assert not service.prepared


async def test_app_without_its_user_does_not_start_either() -> None:
    service = FakeService()
    app = create_app(lambda: service, Settings(auth="required"))
    with pytest.raises(ConfigError, match="user add"):
        async with app.router.lifespan_context(app):
            raise AssertionError("started")
    assert service.closed


async def test_app_lets_nobody_in_before_it_has_asked_the_accounts() -> None:
    app = create_app(FakeService, Settings())
    assert app.state.login_needed is True
