"""A Linear on loopback: its real schema, its authentication, its errors and limits, and faults on demand.

    with LinearServer() as server:
        ...                                   # server.url, server.api_key
        server.fail_next("drop_after", on="CreateIssue")
        assert len(server.issues) == 1

`python -m tests.support.linear_server` runs one in a process of its own: it prints its URL and serves until its input closes. There
`GET /created` answers what was created, and `POST /faults` with `{"fault": ..., "times": ..., "on": ...}` scripts faults.
"""

import json
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from types import TracebackType
from typing import Any, Literal, Self, get_args

from graphql import OperationDefinitionNode, parse
from graphql.error import GraphQLSyntaxError

from tests.support.linear_workspace import Row, Workspace, schema

Fault = Literal["drop_before", "drop_after", "error_500", "error_500_after", "unavailable", "rate_limited", "lock_timeout", "hang_before", "hang_after"]  # fmt: skip
"""What goes wrong, and whether the request was executed first (`_after`)."""

API_KEY = "lin_api_test"
OAUTH_TOKEN = "lin_oauth_test"


@dataclass
class _Script:
    fault: Fault
    times: int
    on: str | None
    retry_after_s: float | None


class LinearServer:
    """Serves in a thread of its own, on a free port of 127.0.0.1."""

    def __init__(self) -> None:
        self.api_key = API_KEY
        self.oauth_token = OAUTH_TOKEN
        self.workspace = Workspace()
        self.requests: list[Row] = []
        """Bodies of all requests that were let in, in order."""
        self._scripts: list[_Script] = []
        self._stopping = Event()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    @property
    def url(self) -> str:
        """The GraphQL endpoint."""
        return f"http://127.0.0.1:{self._http.server_address[1]}/graphql"

    @property
    def issues(self) -> list[Row]:
        """Issues as created, oldest first: plain values, `labels` by name, `team` by key, `state` by name."""
        with self.workspace.lock:
            return [_plain(issue) for issue in self.workspace.issues]

    @property
    def comments(self) -> list[Row]:
        """Comments: id, body, issue (its identifier)."""
        with self.workspace.lock:
            return [
                {"id": c["id"], "body": c["body"], "issue": c["issue"]["identifier"]} for c in self.workspace.comments
            ]

    @property
    def attachments(self) -> list[Row]:
        """Attachments: id, title, url, issue (its identifier)."""
        with self.workspace.lock:
            return [
                {"id": a["id"], "title": a["title"], "url": a["url"], "issue": a["issue"]["identifier"]}
                for a in self.workspace.attachments
            ]

    def fail_next(
        self, fault: Fault, *, times: int = 1, on: str | None = None, retry_after_s: float | None = None
    ) -> None:
        """The next `times` requests fail so; with `on`, requests whose operation has this name (`CreateIssue`) alone."""
        if fault not in get_args(Fault):
            raise ValueError(f"no fault {fault!r}; there are {get_args(Fault)}")
        self._scripts.append(_Script(fault, times, on, retry_after_s))

    def fault_for(self, operation: str) -> _Script | None:
        """Take the fault scripted for this operation, if any."""
        with self.workspace.lock:
            for script in self._scripts:
                if script.on in (None, operation):
                    script.times -= 1
                    if script.times <= 0:
                        self._scripts.remove(script)
                    return script
        return None

    def hang(self) -> None:
        """Give no answer until the server stops (a client gives up before)."""
        self._stopping.wait(60)

    def start(self) -> None:
        """Begin to serve; the schema is parsed before the first request comes."""
        schema()
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and let go of the port; once more does nothing."""
        if self._stopping.is_set():
            return
        self._stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.stop()


def _plain(issue: Row) -> Row:
    plain = {name: issue[name] for name in ("id", "identifier", "title", "description", "url")}
    return plain | {
        "priority": int(issue["priority"]),
        "team": issue["team"]["key"],
        "state": issue["state"]["name"],
        "labels": [label["name"] for label in issue["label_rows"]],
        "assignee": issue["assignee"]["email"] if issue["assignee"] else None,
        "project": issue["project"]["name"] if issue["project"] else None,
    }


def _handler(server: LinearServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 30

        def do_GET(self) -> None:
            """What was created, for another process."""
            self._answer(200, {"issues": server.issues, "comments": server.comments, "attachments": server.attachments})

        def do_POST(self) -> None:
            """A GraphQL request, or faults scripted by another process."""
            content = self.rfile.read(int(self.headers.get("content-length", "0")))
            if self.path == "/faults":
                server.fail_next(**json.loads(content))
                self._answer(200, {})
            elif self.headers.get("authorization") not in (server.api_key, f"Bearer {server.oauth_token}"):
                self._fail(
                    401, "authentication error", "AUTHENTICATION_ERROR", "Authentication required, not authenticated"
                )
            else:
                self._graphql(content)

        def _graphql(self, content: bytes) -> None:
            try:
                asked = json.loads(content)
                document = parse(asked["query"])
            except (ValueError, KeyError, GraphQLSyntaxError) as error:
                self._fail(400, "graphql error", "GRAPHQL_PARSE_FAILED", str(error))
                return
            names = [
                node.name.value
                for node in document.definitions
                if isinstance(node, OperationDefinitionNode) and node.name
            ]
            script = server.fault_for(names[0] if names else "")
            server.requests.append(asked)
            if script is not None and self._before(script):
                return
            result = server.workspace.execute(asked["query"], asked.get("variables"))
            if script is not None and self._after(script):
                return
            status = 400 if result.data is None and result.errors and not any(e.path for e in result.errors) else 200
            self._answer(status, dict(result.formatted))

        def _before(self, script: _Script) -> bool:
            match script.fault:
                case "drop_before":
                    self.close_connection = True
                case "hang_before":
                    server.hang()
                    self.close_connection = True
                case "error_500":
                    self._fail(500, "internal error", "INTERNAL_SERVER_ERROR", "Something went wrong")
                case "unavailable":
                    self._answer(503, {"error": "unavailable"}, {"retry-after": str(script.retry_after_s or 7)})
                case "lock_timeout":
                    self._fail(200, "lock timeout", "LOCK_TIMEOUT", "Could not get the lock")
                case "rate_limited":
                    limits = {"x-ratelimit-requests-limit": "5000", "x-ratelimit-requests-remaining": "0"}
                    if script.retry_after_s is None:
                        limits["x-ratelimit-requests-reset"] = str((time.time() + 90) * 1000)  # noqa: TID251
                    else:
                        limits["retry-after"] = str(script.retry_after_s)
                    self._fail(400, "ratelimited", "RATELIMITED", "Rate limit exceeded", limits)
                case _:
                    return False
            return True

        def _after(self, script: _Script) -> bool:
            match script.fault:
                case "drop_after":
                    self.close_connection = True
                case "hang_after":
                    server.hang()
                    self.close_connection = True
                case "error_500_after":
                    self._fail(500, "internal error", "INTERNAL_SERVER_ERROR", "Something went wrong")
                case _:
                    return False
            return True

        def _fail(self, status: int, kind: str, code: str, message: str, headers: dict[str, str] | None = None) -> None:
            extensions = {"type": kind, "code": code, "userError": False, "userPresentableMessage": message}
            self._answer(status, {"errors": [{"message": message, "extensions": extensions}]}, headers)

        def _answer(self, status: int, answer: Any, headers: dict[str, str] | None = None) -> None:
            content = json.dumps(answer).encode()
            self.send_response(status)
            for name, value in {
                "content-type": "application/json",
                "content-length": str(len(content)),
                **(headers or {}),
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing."""

    return Handler


def main() -> None:
    """Serve until standard input closes."""
    with LinearServer() as server:
        print(server.url, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
