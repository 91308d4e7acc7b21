"""A probe says whether and how an address answers, and goes nowhere else on the way."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from connectors.http_probe import connector
from connectors.http_probe.settings import HttpProbeSettings
from connectors.ports.clock import SystemClock
from connectors.ports.tool import Tool, ToolContext, ToolFailed
from schemas.time import SECOND
from tests.support.api import Api, Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import NOW, ListArchive, checkout_incident
from tests.support.servers import free_port

LOOPBACK = ["127.0.0.0/8"]


def shop(asked: Asked) -> Replied:
    match asked.path:
        case "/health":
            return Replied(
                "all well", headers={"content-type": "text/plain", "server": "shop", "set-cookie": "secret=1"}
            )
        case "/moved":
            return Replied("", 302, {"location": "/health"})
        case "/away":
            return Replied("", 302, {"location": "http://169.254.169.254/latest/meta-data/"})
        case "/round":
            return Replied("", 302, {"location": "/round"})
        case "/large":
            return Replied("x" * 500_000)
        case "/silent":
            return Replied(status=-1)
        case "/dropped":
            return Replied(status=0)
        case _:
            return Replied("gone", 503, {"retry-after": "7"})


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(shop) as served:
        yield served


def probe(api: Api, **settings: Any) -> Tool:
    given = {"targets": {"checkout": f"{api.url}/health"}, "private_networks": LOOPBACK, **settings}
    return tools_of(connector, **given)["http.probe"]


def test_the_service_s_address_is_probed(api: Api) -> None:
    found = ask(probe(api), contains="well")
    assert (found.ok, found.status, found.address, found.body, found.contains) == (
        True,
        200,
        "127.0.0.1",
        "all well",
        True,
    )
    assert found.headers["server"].endswith("shop") and "set-cookie" not in found.headers
    assert found.elapsed_ms > 0 and found.certificate is None
    assert api.asked[0].headers["host"] == api.url.removeprefix("http://")
    assert not ask(probe(api), contains="sick").ok


def test_an_answer_that_says_no_is_an_answer(api: Api) -> None:
    found = ask(probe(api), url=f"{api.url}/x")
    assert (found.ok, found.failure, found.status, found.headers["retry-after"]) == (False, "status", 503, "7")


def test_redirects_are_followed_and_each_is_looked_at(api: Api) -> None:
    found = ask(probe(api), url=f"{api.url}/moved")
    assert found.ok and [hop.status for hop in found.redirects] == [302] and found.url.endswith("/health")
    away = ask(probe(api), url=f"{api.url}/away")
    assert not away.ok and away.failure == "redirect"
    assert "host '169.254.169.254' may not be probed" in away.error
    listed = ask(probe(api, hosts=["*"]), url=f"{api.url}/away")
    assert "169.254.169.254, which is not public" in listed.error
    assert ask(probe(api), url=f"{api.url}/round").error == "more than 5 redirects"
    assert len(api.asked) == 2 + 1 + 1 + 6


def test_silence_and_a_dropped_connection_are_told_apart(api: Api) -> None:
    silent = ask(probe(api, deadline_s=0.3), url=f"{api.url}/silent")
    assert silent.failure == "timeout" and silent.elapsed_ms >= 300
    assert ask(probe(api), url=f"{api.url}/dropped").failure == "protocol"
    nobody = ask(probe(api), url=f"http://127.0.0.1:{free_port()}/")
    assert nobody.failure == "refused" and nobody.address == "127.0.0.1"
    unknown = ask(probe(api, hosts=["no-such-host.invalid"]), url="http://no-such-host.invalid/")
    assert unknown.failure == "name"


def test_a_large_body_is_read_in_part(api: Api) -> None:
    found = ask(probe(api, max_body=1000), url=f"{api.url}/large")
    assert found.ok and not found.body_complete and found.body_bytes == 1000


def test_what_may_not_be_probed_is_refused_in_words(api: Api) -> None:
    with pytest.raises(ToolFailed, match="not public"):
        ask(probe(api, private_networks=[]))
    with pytest.raises(ToolFailed, match="no address is configured for service 'web' \\(there is checkout\\)"):
        ask(probe(api), incident=checkout_incident(service="web"))
    assert api.asked == []
    assert connector.tools(HttpProbeSettings(), "default") == ()


class OnceOnly(asyncio.SelectorEventLoop):
    """Names mean this machine the first time they are asked, and the metadata service of a cloud from then on."""

    asked: list[str]

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> Any:
        self.asked.append(host)
        address = "127.0.0.1" if len(self.asked) == 1 else "169.254.169.254"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def test_a_name_is_resolved_once_and_the_connection_goes_to_that_address(api: Api) -> None:
    port = api.url.rpartition(":")[2]
    tool = probe(api, hosts=["rebinding.example"])
    loop = OnceOnly()
    loop.asked = []
    context = ToolContext(checkout_incident(), [], ListArchive(), NOW)
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        found: Any = runner.run(tool.call(tool.arguments(url=f"http://rebinding.example:{port}/health"), context))
    assert found.ok and found.address == "127.0.0.1"
    assert loop.asked == ["rebinding.example"]
    assert api.asked[0].headers["host"] == f"rebinding.example:{port}"


# ------------------------------------------------------------------------------------------------------------- certificates


def made(folder: Path, *, days: float, name: str = "localhost") -> tuple[Path, Path]:
    """(certificate, key), self-signed, expiring so many days from now."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.fromtimestamp(SystemClock().now() / SECOND, UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=100))
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "certificate.pem", folder / "key.pem"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    files[1].write_bytes(key.private_bytes(*pem))
    return files


@contextmanager
def secured(certificate: Path, key: Path) -> Iterator[int]:
    """A TLS server on loopback that answers 200; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """A client that does not trust us goes away."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_trusted_certificate_is_told_with_the_days_it_has_left(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, days=12)
    with secured(certificate, key) as port:
        url = f"https://localhost:{port}/"
        tool = tools_of(
            connector, targets={"checkout": url}, private_networks=[*LOOPBACK, "::1/128"], ca=str(certificate)
        )
        found = ask(tool["http.probe"])
    assert found.ok and found.status == 200, found.error
    assert found.certificate.trusted and found.certificate.names == ("localhost",)
    assert 11.9 < found.certificate.days_left <= 12


def test_an_expired_certificate_is_named_as_the_reason_and_shown(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, days=-3)
    with secured(certificate, key) as port:
        url = f"https://localhost:{port}/"
        tool = tools_of(
            connector, targets={"checkout": url}, private_networks=[*LOOPBACK, "::1/128"], ca=str(certificate)
        )
        found = ask(tool["http.probe"])
    assert (found.ok, found.failure) == (False, "certificate")
    assert "expired" in found.error
    assert not found.certificate.trusted and -3.1 < found.certificate.days_left < -2.9


def test_a_certificate_for_another_name_is_not_trusted(tmp_path: Path) -> None:
    certificate, key = made(tmp_path, days=30, name="other.example")
    with secured(certificate, key) as port:
        url = f"https://localhost:{port}/"
        tool = tools_of(
            connector, targets={"checkout": url}, private_networks=[*LOOPBACK, "::1/128"], ca=str(certificate)
        )
        found = ask(tool["http.probe"])
    assert found.failure == "certificate" and found.certificate.names == ("other.example",)
