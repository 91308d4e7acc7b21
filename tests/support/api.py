"""A remote interface on loopback that answers as a test says, and keeps what it was asked."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass(frozen=True)
class Asked:
    """One request. `form` is the body when it is a form, `body` when it is JSON."""

    method: str
    path: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    form: Mapping[str, list[str]] = field(default_factory=dict)
    body: Any = None

    def one(self, name: str, default: str = "") -> str:
        """The single value of a parameter of query or form."""
        return (self.query.get(name) or self.form.get(name) or [default])[0]


@dataclass(frozen=True)
class Replied:
    """An answer; `content` is text, or anything JSON can carry. Status 0 closes without an answer, -1 gives none until the end."""

    content: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Api:
    """Where it is and what it was asked."""

    url: str
    asked: list[Asked] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)


@contextmanager
def serving(answer: Callable[[Asked], Replied]) -> Iterator[Api]:
    """Serves on a free port until the block is left. What `answer` raises is answered as 500 with its words."""
    api = Api("")

    class Handler(BaseHTTPRequestHandler):
        timeout = 30

        def do_GET(self) -> None:
            """Answer."""
            self._answer()

        def do_POST(self) -> None:
            """Answer."""
            self._answer()

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            content = self.rfile.read(int(self.headers.get("content-length", "0")))
            kind = self.headers.get("content-type", "")
            asked = Asked(
                self.command,
                unquote(parts.path),
                parse_qs(parts.query, keep_blank_values=True),
                {name.lower(): value for name, value in self.headers.items()},
                parse_qs(content.decode()) if "form-urlencoded" in kind else {},
                json.loads(content) if "json" in kind and content else None,
            )
            api.asked.append(asked)
            try:
                replied = answer(asked)
            except Exception as error:  # noqa: BLE001 - shown to the client, so that the test sees it
                replied = Replied(f"{type(error).__name__}: {error}", 500)
            if replied.status == -1:
                api.stopping.wait(60)
            if replied.status <= 0:
                self.close_connection = True
                return
            text = replied.content if isinstance(replied.content, str) else json.dumps(replied.content)
            body = text.encode()
            self.send_response(replied.status)
            headers = {"content-type": "application/json", "content-length": str(len(body)), **replied.headers}
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        api.stopping.set()
        server.shutdown()
        thread.join()
        server.server_close()
