"""Why a server could not be talked to is told, with the setting to look at."""

import socket
import ssl

import httpx
import pytest
from model_servers import URL, Server, models

from websearch_agent.errors import ConfigError, ModelUnavailable
from websearch_agent.models.connection_errors import connection_failed

pytestmark = pytest.mark.anyio


def failed(error: httpx.HTTPError, url: str = URL, *, in_container: bool = False) -> str:
    return connection_failed(error, url, in_container=in_container).message


def caused(error: httpx.HTTPError, cause: BaseException) -> httpx.HTTPError:
    error.__cause__ = cause
    return error


class TestConnection:
    async def test_nothing_listens(self) -> None:
        message = failed(httpx.ConnectError("All connection attempts failed"))
        assert "nothing listens there" in message
        assert "WEBSEARCH_MODEL_URL" in message

    async def test_name_is_not_known(self) -> None:
        cause = socket.gaierror(-2, "Name or service not known")
        assert "'model.test' is not known" in failed(caused(httpx.ConnectError("x"), cause))
        assert "is not known" in failed(httpx.ConnectError("[Errno 11001] getaddrinfo failed"))

    @pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
    async def test_localhost_in_a_container_is_explained(self, host: str) -> None:
        error = httpx.ConnectError("refused")
        url = f"http://{host}:8080/v1"
        assert "host.docker.internal" in failed(error, url, in_container=True)
        assert "host.docker.internal" not in failed(error, url)
        assert "host.docker.internal" not in failed(error, in_container=True)

    async def test_client_knows_that_it_runs_in_a_container(self) -> None:
        server = Server(listing=httpx.ConnectError("refused"))
        client = server.client(model_url="http://localhost:1/v1", in_container=True)
        with pytest.raises(ModelUnavailable, match=r"host\.docker\.internal"):
            await client.prepare()
        assert client.status().state == "failed"

    @pytest.mark.parametrize("url", ["http://model.test:99999/v1", "http://model.test:x/v1"])
    async def test_port_that_is_none_is_a_config_error(self, url: str) -> None:
        with pytest.raises(ConfigError, match="WEBSEARCH_MODEL_URL"):
            Server().client(model_url=url)

    async def test_connection_closed_without_a_word_may_want_https(self) -> None:
        server = Server(listing=httpx.ReadError(""))
        with pytest.raises(ModelUnavailable, match="write https://"):
            await server.client().prepare()

    async def test_kept_alive_connection_that_died_is_no_failure(self) -> None:
        asked: list[httpx.Request] = []

        def answer(request: httpx.Request) -> httpx.Response:
            asked.append(request)
            if len(asked) == 1:
                raise httpx.RemoteProtocolError("Server disconnected")
            return models("m")

        client = Server(paths={"/v1/models": answer}).client()
        await client.prepare()
        assert client.name == "m"

    async def test_machine_that_does_not_answer(self) -> None:
        assert "its machine does not answer" in failed(httpx.ConnectTimeout("x"))

    async def test_server_that_falls_silent(self) -> None:
        assert "stopped answering" in failed(httpx.ReadTimeout("x"))

    async def test_untrusted_certificate(self) -> None:
        cause = ssl.SSLCertVerificationError("certificate verify failed: self-signed")
        assert "SSL_CERT_FILE" in failed(caused(httpx.ConnectError("x"), cause))

    async def test_https_to_a_plain_server(self) -> None:
        error = httpx.ConnectError("[SSL: WRONG_VERSION_NUMBER] wrong version number")
        assert "write http://" in failed(error, "https://model.test/v1")

    async def test_plain_http_to_a_tls_server(self) -> None:
        error = httpx.RemoteProtocolError("illegal status line: bytearray(b'\\x15\\x03')")
        assert "Write https://" in failed(error)
