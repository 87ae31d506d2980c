"""Settings of the person who runs the tests must not reach them."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from chromium import MISSING

from websearch_agent.accounts import LOCAL_OWNER
from websearch_agent.protocols import ConversationStore
from websearch_agent.store.sqlite import SqliteStore


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[ConversationStore]:
    database = SqliteStore(tmp_path / "conversations.db")
    await database.open()
    yield database.for_owner(LOCAL_OWNER)
    await database.close()


@pytest.fixture(autouse=True)
def _own_settings(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No variable and no settings file of this machine; a data folder of the test's own."""
    for name in [name for name in os.environ if name.startswith("WEBSEARCH_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    if request.node.get_closest_marker("model") is None:
        monkeypatch.setenv("WEBSEARCH_DATA_DIR", str(tmp_path / "data"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say it where everybody looks, if the page was not tested."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(MISSING in str(report.longrepr) for report in skipped)
    if count:
        terminalreporter.write_line(f"{count} browser tests were skipped: {MISSING}.", yellow=True)
