"""Getting ready before the first question."""

from dataclasses import replace

import pytest
from fakes import FakeModel

from websearch_agent.config import Settings
from websearch_agent.pages.parsing_processes import ParsingProcesses
from websearch_agent.pages.reader import WebPageReader
from websearch_agent.pages.web_access import WebAccess
from websearch_agent.wiring import build_service

pytestmark = pytest.mark.anyio


async def test_model_is_prepared_although_no_parser_can_start(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Model(FakeModel):
        prepared = False

        async def prepare(self) -> None:
            self.prepared = True

    service = await build_service(Settings(model_url="http://127.0.0.1:9/v1"))
    model = Model([])
    broken = WebPageReader(WebAccess(), ParsingProcesses(worker_module="tests.no_such_module"))
    unlucky = replace(service, parts=replace(service.parts, model=model), reader=broken)
    await unlucky.prepare()
    assert model.prepared
    assert "Pages cannot be read: the parser process cannot be started" in caplog.text
    await unlucky.aclose()
    await service.reader.aclose()
