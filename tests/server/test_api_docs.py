"""`/docs` says what is so: its commands work, and it shows every route, event and error."""

import json
import re
import shlex
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from server.doors import Doors, serve_users
from server.fake_service import FakeService, search_script, serve

from websearch_agent.config import Settings
from websearch_agent.server.api_docs import with_code
from websearch_agent.server.app import create_app
from websearch_agent.server.error_codes import ERROR_KINDS

pytestmark = pytest.mark.anyio

WEB = Path(__file__).parents[2] / "web"


class Reading(HTMLParser):
    """The ids, the links, the commands and the words of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.commands: list[str] = []
        self.text = ""
        self.opened: list[str] = []
        self._in_command = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.opened.append(tag)
        self.ids += [named["id"] or ""] if "id" in named else []
        self.links += [named["href"] or ""] if tag == "a" else []
        if tag == "pre" and "is-command" in (named.get("class") or ""):
            self._in_command = True
            self.commands.append("")

    def handle_endtag(self, tag: str) -> None:
        self._in_command = self._in_command and tag != "pre"

    def handle_data(self, data: str) -> None:
        self.text += data
        if self._in_command:
            self.commands[-1] += data


async def read_docs(address: str, **headers: str) -> Reading:
    async with httpx.AsyncClient(base_url=address, headers=headers) as client:
        response = await client.get("/docs")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    return Reading(response.text)


async def run_curl(command: str, client: httpx.AsyncClient) -> httpx.Response:
    """As much of curl as the page uses; any other option is an error."""
    words = iter(shlex.split(command.replace("\\\n", "")))
    assert next(words) == "curl"
    method, address, headers, body = "GET", "", {}, None
    for word in words:
        if word == "-H":
            name, _, value = next(words).partition(": ")
            headers[name] = value
        elif word == "-d":
            method, body = "POST", next(words)
        elif word == "-X":
            method = next(words)
        elif word.startswith("http"):
            address = word
        else:
            assert word in ("-s", "-sN"), word
    return await client.request(method, address, headers=headers, content=body)


async def test_every_command_works_line_by_line() -> None:
    async with serve(FakeService(search_script)) as address, httpx.AsyncClient() as client:
        commands = (await read_docs(address)).commands
        responses = [await run_curl(command, client) for command in commands]
    assert len(commands) >= 8
    assert [response.status_code for response in responses] == [200] * len(commands)
    streams = [each for each in responses if each.text.endswith("\n\n")]
    assert len(streams) == 2
    assert all("event: answer_finished" in each.text for each in streams)
    assert not any("Bearer" in command for command in commands)


async def test_commands_send_the_key_where_a_login_is_needed() -> None:
    async with serve_users(FakeService(search_script)) as doors, httpx.AsyncClient() as client:
        made = await doors.service.accounts.create_key("ann", "docs", ["ask", "read"])
        page = await read_docs(doors.address, Authorization=f"Bearer {made.secret}")
        filled = [command.replace("$KEY", made.secret) for command in page.commands]
        responses = [await run_curl(command, client) for command in filled]
    assert [response.status_code for response in responses] == [200] * len(filled)
    assert sum("$KEY" in command for command in page.commands) == len(filled) - 1
    assert made.secret not in page.text


async def test_strangers_are_sent_to_the_login() -> None:
    async with serve_users() as doors, doors.client() as stranger:
        response = await stranger.get("/docs")
    assert response.status_code == 303
    assert response.headers["location"] == "/login?next=%2Fdocs"
    assert isinstance(doors, Doors)


async def test_every_route_field_and_parameter_of_the_description_is_shown() -> None:
    description = create_app(FakeService, Settings()).openapi()
    async with serve(FakeService()) as address:
        text = " ".join((await read_docs(address)).text.split())
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            assert f"{method.upper()} {path}" in text
            assert all(one["name"] in text for one in operation.get("parameters", ()))
    fields = description["components"]["schemas"]["AskBody"]["properties"]
    for name, field in fields.items():
        assert name in text
        assert field["description"].replace("`", "") in text, name


async def test_every_event_has_its_example_and_every_error_its_place() -> None:
    schemas = create_app(FakeService, Settings()).openapi()["components"]["schemas"]
    async with serve(FakeService()) as address:
        page = await read_docs(address)
    for name in schemas["AnswerEvent"]["discriminator"]["mapping"]:
        assert f"event-{name}" in page.ids
    for kind in ERROR_KINDS:
        assert f"error-{kind.code}" in page.ids
    assert '"event: answer_started' not in page.text
    assert "event: answer_started" in page.text
    assert "functions_called" not in page.text


async def test_problem_leads_to_its_place_on_the_page() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        problem = (await client.get("/api/conversations/unknown")).json()
        page = await read_docs(address)
    path, _, place = problem["type"].partition("#")
    assert path == "/docs"
    assert place in page.ids


async def test_page_has_no_script_no_second_id_and_no_link_that_leads_nowhere() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        page = await read_docs(address)
        paths = {link for link in page.links if link.startswith("/")}
        statuses = {path: (await client.get(path)).status_code for path in paths}
    assert "script" not in page.opened
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links if link.startswith("#")} <= set(page.ids)
    assert statuses
    assert set(statuses.values()) == {200}
    assert all(link.startswith(("#", "/")) for link in page.links)


async def test_examples_are_json_of_several_lines() -> None:
    async with serve(FakeService()) as address, httpx.AsyncClient(base_url=address) as client:
        html = (await client.get("/docs")).text
    blocks = re.findall(r'<pre class="docs-code"><code>(\{.*?)</code></pre>', html, re.DOTALL)
    assert len(blocks) > 20
    for block in blocks:
        json.loads(block.replace("&#34;", '"').replace("&#39;", "'").replace("&lt;", "<")
                   .replace("&gt;", ">").replace("&amp;", "&"))  # fmt: skip


def test_words_in_backticks_are_code_and_all_else_is_text() -> None:
    assert with_code("a `b<c` & <i>") == "a <code>b&lt;c</code> &amp; &lt;i&gt;"


def test_template_writes_nothing_unescaped() -> None:
    template = (WEB / "templates" / "api_docs.html").read_text(encoding="utf-8")
    assert "safe" not in template
    assert "style=" not in template
