"""What the stock sentry-sdk really sends today is understood: its requests are caught on loopback, then received."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
import sentry_sdk
from sentry_sdk.client import Client
from sentry_sdk.scope import Scope, use_isolation_scope, use_scope

from connectors.ports.source import Request
from connectors.sentry.settings import Project, SentrySettings
from connectors.sentry.source import SentrySource
from tests.connectors.sentry.conftest import KEY
from tests.support.requests import RECEIVED_AT, decompress


@contextmanager
def recorder() -> Iterator[tuple[int, list[Request]]]:
    """A server on loopback that answers 200 and keeps the requests."""
    caught: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            path, _, query = self.path.partition("?")
            body = decompress(raw, headers.get("content-encoding", ""))
            caught.append(Request("POST", path, query, headers, body, raw, RECEIVED_AT))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], caught
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def fail(order: int) -> None:
    raise ValueError(f"order {order} over limit")


def test_an_exception_a_message_and_a_check_in_of_the_stock_sdk_are_heard() -> None:
    with recorder() as (port, caught):
        client = Client(
            dsn=f"http://{KEY}@127.0.0.1:{port}/42",
            release="checkout@9.9.9",
            environment="staging",
            default_integrations=False,
        )
        scope = Scope()
        scope.set_client(client)
        with use_isolation_scope(scope), use_scope(scope):
            sentry_sdk.set_tag("service", "checkout")
            try:
                fail(77)
            except ValueError as error:
                raised = sentry_sdk.capture_exception(error)
            sentry_sdk.capture_message("deploy finished", level="info")
            sentry_sdk.crons.capture_checkin(monitor_slug="backup", status="error")
        client.close(timeout=10)
    source = SentrySource(SentrySettings(projects={42: Project(keys=(KEY,))}), "default")
    signals = [signal for request in caught for signal in source.receive(request).signals]
    by_title = {signal.title: signal for signal in signals}
    assert set(by_title) == {"ValueError: order 77 over limit", "deploy finished", "Check-in of backup: error"}
    error_signal = by_title["ValueError: order 77 over limit"]
    assert error_signal.occurrence_id == raised
    assert (error_signal.service, error_signal.environment, error_signal.severity) == ("checkout", "staging", "error")
    assert "in fail (" in error_signal.body
    assert by_title["deploy finished"].severity == "info"


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
def test_a_compressed_body_is_told_by_its_encoding(encoding: str) -> None:
    packed = zlib.compressobj(wbits=31 if encoding == "gzip" else 15)
    assert decompress(packed.compress(b"{}") + packed.flush(), encoding) == b"{}"
