"""`doctor`: tries each part for real and says what to do about those that fail."""

import asyncio
import datetime as dt
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from websearch_agent.cli.engine_probe import (
    PROBE_QUERY,
    probe_engine,
    ready_engines,
    report_unused,
    what_to_do,
)
from websearch_agent.cli.terminal import printable_json, printable_line
from websearch_agent.config import Settings
from websearch_agent.errors import AgentError, ConfigError
from websearch_agent.models.client import OpenAICompatibleModel
from websearch_agent.models.weights import find_weights
from websearch_agent.models.weights_file import check_model_path
from websearch_agent.pages.page_cache import CACHE_FILE_NAME, PageCache
from websearch_agent.protocols import SearchEngine
from websearch_agent.settings_in_force import SettingsInForce
from websearch_agent.store.sqlite import SqliteStore
from websearch_agent.types import SearchQuery
from websearch_agent.wiring import Engines, make_model, make_reranker

# Parts, joined file and converted model together, while the weights are being made.
MIN_FREE_BYTES = 4_000_000_000
RANKING_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `warning` is worth knowing and nothing to fail for."""

    ok: bool
    name: str
    detail: str
    warning: bool = False

    @property
    def state(self) -> str:
        return "ok" if self.ok else ("note" if self.warning else "FAIL")


class Report:
    """Prints each finding as soon as it is there; as JSON all of them at the end."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._findings: list[Finding] = []

    def add(self, finding: Finding) -> None:
        self._findings.append(finding)
        self.say(f"{finding.state:<4}  {finding.name}: {finding.detail}")

    def say(self, line: str) -> None:
        if not self._as_json:
            print(printable_line(line), flush=True)

    def end(self) -> bool:
        """True if all that is needed works."""
        works = all(finding.ok or finding.warning for finding in self._findings)
        if self._as_json:
            findings = [
                {"name": finding.name, "state": finding.state.lower(), "detail": finding.detail}
                for finding in self._findings
            ]
            print(printable_json({"works": works, "findings": findings}), flush=True)
        return works


def report_wrong_settings(error: AgentError) -> None:
    """As JSON: without settings there is nothing else to check."""
    report = Report(as_json=True)
    report.add(Finding(False, "settings", error.message))
    report.end()


async def run_doctor(settings: Settings, found: SettingsInForce, *, as_json: bool) -> bool:
    """Try each part and report it; True if all that is needed works."""
    report = Report(as_json=as_json)
    report.say(f"data folder: {settings.data_dir}")
    for finding in _check_settings(found):
        report.add(finding)
    checks: list[Callable[[], Awaitable[Finding]]] = [
        lambda: _check_disk(settings),
        lambda: _check_database(settings),
        lambda: _check_page_cache(settings),
        lambda: _check_model(settings),
    ]
    if settings.ranking != "bm25":
        checks.append(lambda: _check_ranking(settings))
    for check in checks:
        report.add(await check())
    await _check_engines(settings, report)
    return report.end()


def _check_settings(found: SettingsInForce) -> list[Finding]:
    """Where they come from, and what looks like one and is none."""
    place = f"settings file {found.config_file}" if found.config_file else "no settings file"
    detail = f"{place}; `websearch-agent config` shows what is in force"
    misspelt = [Finding(False, "settings", words, warning=True) for words in found.warnings]
    return [Finding(True, "settings", detail), *misspelt]


async def _check_engines(settings: Settings, report: Report) -> None:
    # One without its key would end the program: it is reported, and the others are asked.
    ready = ready_engines(settings)
    for unused in report_unused(settings):
        if unused.engine in settings.engines:
            report.add(Finding(False, f"engine {unused.engine}", what_to_do(unused)))
    try:
        engines = Engines(settings.model_copy(update={"engines": ready}))
    except ConfigError as error:
        report.add(Finding(False, "engines", error.message))
        return
    try:
        answering = await asyncio.gather(
            *(
                _check_engine(engine, engines, settings.search_deadline_s)
                for engine in engines.configured()
            )
        )
        for finding in (*answering, _check_builtin(engines)):
            report.add(finding)
    finally:
        await engines.aclose()
    if not any(finding.ok for finding in answering):
        report.say(
            "No engine can be searched; the chat works, and what the built-in collection holds is "
            "answered. Go online, set WEBSEARCH_SEARXNG_URL, or run `websearch-agent index PATH`."
        )


async def _check_disk(settings: Settings) -> Finding:
    try:
        settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = settings.data_dir / ".doctor"
        probe.write_text("ok")
        probe.unlink()
        free = shutil.disk_usage(settings.data_dir).free
    except OSError as error:
        return Finding(False, "disk", f"{error}. Set WEBSEARCH_DATA_DIR to a folder of yours.")
    if free < MIN_FREE_BYTES:
        needed = MIN_FREE_BYTES / 1e9
        detail = f"{free / 1e9:.1f} GB free; the embedded model's first start needs {needed:.0f}"
        return Finding(False, "disk", detail, warning=True)
    return Finding(True, "disk", f"{free / 1e9:.0f} GB free")


async def _check_database(settings: Settings) -> Finding:
    store = SqliteStore(settings.database_path)
    try:
        await store.open()
        count = await store.count_conversations()
        users = len(await store.accounts.list_users())
    except AgentError as error:
        return Finding(False, "database", error.message)
    finally:
        await store.close()
    with_users = f", {users} users" if users else ""
    return Finding(True, "database", f"{count} conversations{with_users}")


async def _check_page_cache(settings: Settings) -> Finding:
    if settings.page_cache_mb == 0:
        return Finding(True, "page cache", "off (WEBSEARCH_PAGE_CACHE_MB=0)")
    max_bytes = settings.page_cache_mb * 1_000_000
    cache = PageCache(settings.data_dir / CACHE_FILE_NAME, max_bytes=max_bytes)
    size = await cache.size()
    await cache.aclose()
    if size is None:
        detail = f"{CACHE_FILE_NAME} cannot be used: every page is fetched anew. Delete that file."
        return Finding(False, "page cache", detail, warning=True)
    used_mb = size.used_bytes / 1e6
    detail = f"{size.page_count} pages, {used_mb:.1f} of {settings.page_cache_mb} MB"
    return Finding(True, "page cache", detail)


async def _check_ranking(settings: Settings) -> Finding:
    """Without its server passages are ranked by their words alone: a warning."""
    try:
        ranking = make_reranker(settings)
        if ranking is None:
            return Finding(True, "ranking", "bm25")
        try:
            async with asyncio.timeout(RANKING_TIMEOUT_S):
                await ranking.scores("red bridge", ["The red bridge.", "A white tower."])
        finally:
            await ranking.close()
    except AgentError as error:
        return Finding(False, "ranking", error.message, warning=True)
    except TimeoutError:
        detail = f"no answer from {settings.ranking_url} in {RANKING_TIMEOUT_S:g} s"
        return Finding(False, "ranking", detail, warning=True)
    return Finding(True, "ranking", f"{settings.ranking} at {settings.ranking_url}")


async def _check_model(settings: Settings) -> Finding:
    if settings.model_url is None:
        try:
            weights = find_weights(settings)
            if settings.model_path is not None:
                check_model_path(settings.model_path)
        except ConfigError as error:
            return Finding(False, "model", error.message)
        if weights is None:
            detail = "embedded; not downloaded yet, the first start does it (1.1 GB)"
            return Finding(False, "model", detail, warning=True)
        return Finding(True, "model", f"embedded, {weights.name}")
    model = make_model(settings)
    try:
        await model.prepare()
        limits = await model.limits()
    except AgentError as error:
        return Finding(False, "model", error.message)
    finally:
        await model.close()
    detail = f"{model.name}, window {limits.context_window} tokens"
    if isinstance(model, OpenAICompatibleModel):
        detail += f", {_describe_server(model)}"
    return Finding(True, "model", detail)


def _describe_server(model: OpenAICompatibleModel) -> str:
    """The profile in force, and what the server was seen to do."""
    found = model.capabilities
    abilities = {
        "tools": found.tools,
        "JSON schema": found.json_schema,
        "log probabilities": found.logprobs,
        "counts tokens": found.tokenize is not None,
    }
    able = ", ".join(name for name, present in abilities.items() if present) or "nothing"
    missing = ", ".join(name for name, present in abilities.items() if not present)
    seen = f"profile {model.profile.name}; it does: {able}" + (f"; not: {missing}" * bool(missing))
    return f"{seen} ({_when_found_out(model)})"


def _when_found_out(model: OpenAICompatibleModel) -> str:
    if model.remembered_since_s is None:
        return "found out just now" if model.all_found_out else "in part assumed, it was too busy"
    since = dt.datetime.fromtimestamp(model.remembered_since_s).astimezone()
    return f"remembered since {since:%Y-%m-%d %H:%M}"


async def _check_engine(engine: SearchEngine, engines: Engines, deadline_s: float) -> Finding:
    query = SearchQuery(PROBE_QUERY, max_results=3)
    report = await probe_engine(engine, engines, query, deadline_s=deadline_s)
    name = f"engine {engine.name}"
    if not report.answered:
        advice = what_to_do(report)
        detail = report.reason + (f": {advice}" if report.state == "empty index" else "")
        return Finding(False, name, detail, warning=True)
    if engine is engines.local_engine:
        return Finding(True, name, f"{engines.local_engine.document_count()} documents")
    return Finding(True, name, f"{report.result_count} results for a test query")


def _check_builtin(engines: Engines) -> Finding:
    if engines.builtin_engine.is_empty():
        detail = "missing: `websearch-agent index --builtin` makes it"
        return Finding(False, "built-in collection", detail, warning=True)
    count = engines.builtin_engine.document_count()
    return Finding(True, "built-in collection", f"{count} documents")
