from dataclasses import dataclass, field

import pytest
from dialect_fakes import TODAY, hear
from fakes import FakeModel, search_call

from websearch_agent.errors import InvalidModelOutput
from websearch_agent.model_calls import ModelCall
from websearch_agent.models.capabilities import Capabilities
from websearch_agent.models.dialects.auto import AutoDialect
from websearch_agent.models.dialects.markers import MarkersDialect
from websearch_agent.models.dialects.schema import SchemaDialect
from websearch_agent.models.dialects.tools import ToolsDialect
from websearch_agent.models.http_errors import ToolsNotSupported
from websearch_agent.models.profile import Profile, find_profile
from websearch_agent.types import Prompt

pytestmark = pytest.mark.anyio

GENERIC = find_profile("generic")
MEGREZ = find_profile("megrez-3b-instruct")


@dataclass
class Known:
    profile: Profile = GENERIC
    capabilities: Capabilities = field(default_factory=Capabilities)


def form_of(call: ModelCall) -> str:
    """Which dialect made the call, by its form."""
    if call.json_schema is not None:
        return "schema"
    return "tools" if call.tools else "markers"


async def form_used(dialect: AutoDialect) -> str:
    model = FakeModel(["no call"] * 2)
    try:
        await hear(dialect, model, Prompt(TODAY, "q", search="always"))
    except InvalidModelOutput:
        assert form_of(model.calls[0]) == "schema"
    return form_of(model.calls[0])


@pytest.mark.parametrize(
    ("known", "form"),
    [
        (None, "tools"),
        (Known(), "tools"),
        (Known(MEGREZ), "markers"),
        (Known(GENERIC, Capabilities(tools=False)), "schema"),
        (Known(MEGREZ, Capabilities(tools=False)), "markers"),
    ],
)
async def test_dialect_follows_family_and_server(known: Known | None, form: str) -> None:
    assert await form_used(AutoDialect(known)) == form


@pytest.mark.parametrize("setting", ["tools", "markers", "schema"])
async def test_setting_wins(setting: str) -> None:
    known = Known(MEGREZ, Capabilities(tools=False))
    assert await form_used(AutoDialect(known, model_dialect=setting)) == setting  # type: ignore[arg-type]


async def test_what_preparing_found_out_counts_for_the_next_call() -> None:
    known = Known()
    dialect = AutoDialect(known)
    prompt = Prompt(TODAY, "q")
    assert dialect.build_messages(prompt) == ToolsDialect().build_messages(prompt)
    known.profile = MEGREZ
    assert dialect.build_messages(prompt) == MarkersDialect(MEGREZ).build_messages(prompt)
    known.profile, known.capabilities = GENERIC, Capabilities(tools=False)
    assert dialect.offered_tools(prompt) == ()
    assert dialect.build_messages(prompt) == SchemaDialect().build_messages(prompt)


async def test_refused_tools_are_remembered() -> None:
    dialect = AutoDialect(Known())
    prompt = Prompt(TODAY, "q")
    assert dialect.offered_tools(prompt)
    model = FakeModel([ToolsNotSupported("no tools"), ToolsNotSupported("again")])
    with pytest.raises(ToolsNotSupported, match="again"):
        await hear(dialect, model, prompt)
    assert [form_of(call) for call in model.calls] == ["tools", "schema"]
    assert dialect.offered_tools(prompt) == ()


async def test_refused_tools_are_an_error_where_they_were_set() -> None:
    dialect = AutoDialect(Known(), model_dialect="tools")
    with pytest.raises(ToolsNotSupported):
        await hear(dialect, FakeModel([ToolsNotSupported("no tools")]), Prompt(TODAY, "q"))


async def test_search_goes_through() -> None:
    decisions, _, ends = await hear(
        AutoDialect(Known()), FakeModel([search_call("a")]), Prompt(TODAY, "q")
    )
    assert decisions[0].queries == ("a",)
    assert len(ends) == 1


def test_room_for_a_reply_is_enough_for_every_dialect() -> None:
    least = AutoDialect(Known()).min_reply_tokens
    for dialect in (ToolsDialect(), MarkersDialect(MEGREZ), SchemaDialect()):
        assert least >= dialect.min_reply_tokens


@pytest.mark.parametrize(
    ("known", "threshold", "warnings"),
    [(Known(), 0.5, 1), (Known(), None, 0), (Known(MEGREZ), 0.5, 0)],
)
async def test_threshold_that_does_nothing_is_told_once(
    known: Known, threshold: float | None, warnings: int, caplog: pytest.LogCaptureFixture
) -> None:
    dialect = AutoDialect(known, search_threshold=threshold)
    for _ in range(2):
        await hear(dialect, FakeModel(["Hello"]), Prompt(TODAY, "q"))
    told = [record for record in caplog.records if "THRESHOLD" in record.getMessage()]
    assert len(told) == warnings
