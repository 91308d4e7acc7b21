"""What is answered when, over a real server: routes, signatures, sizes, encodings, overload."""

import asyncio
import gzip
import json
import re
import sys
import zlib
from collections.abc import Iterator

import brotli
import pytest

from connectors.ports.journal import INPUTS, Busy
from connectors.ports.source import Route
from schemas import Signal
from tests.support.hmac_source import HmacSource, signed
from tocsin.door import Limits

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

NOW = 1_795_248_000_000_000
SECRET = b"a secret of the test"
BODY = json.dumps({"items": [{"id": 1, "title": "it broke"}]}).encode()


def _raw_deflate(content: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(content) + stream.flush()


def test_a_signed_request_is_accepted_and_a_changed_byte_or_a_replay_is_not(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:
            headers = signed(BODY, SECRET, NOW)
            assert (await line.http.post("/in/hmac", content=BODY, headers=headers)).status_code == 202
            for index in range(0, len(BODY), 7):
                changed = BODY[:index] + bytes([BODY[index] ^ 1]) + BODY[index + 1 :]
                assert (await line.http.post("/in/hmac", content=changed, headers=headers)).status_code == 401
            forged = {**headers, "x-signature": headers["x-signature"][:-1] + "x"}
            refused = await line.http.post("/in/hmac", content=BODY, headers=forged)
            assert (refused.status_code, refused.headers["x-form"]) == (401, "hmac")
            line.clock.advance(seconds=301)
            replayed = await line.http.post("/in/hmac", content=BODY, headers=headers)
            assert (replayed.status_code, replayed.text.split(":")[0]) == (401, "expired")
            assert len(line.journal.streams[INPUTS]) == 1

    asyncio.run(scenario())


def _with_a_large_window(content: bytes) -> bytes:
    """A frame that asks its reader to keep 128 MB."""
    frame = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    return frame.compress(content) + frame.flush()


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("X-GZIP", gzip.compress),
        ("gzip", lambda content: gzip.compress(content[:9]) + gzip.compress(content[9:]) + b"\0" * 8),
        ("deflate", zlib.compress),
        ("deflate", _raw_deflate),
        ("br", brotli.compress),
        ("zstd", zstd.compress),
        ("zstd", lambda content: zstd.compress(content[:9]) + zstd.compress(content[9:])),
        ("identity", bytes),
        ("identity, gzip", gzip.compress),
    ],
)
def test_each_encoding_is_undone_after_the_signature_was_taken_over_the_raw_bytes(opened, coding, encode) -> None:
    async def scenario() -> None:
        async with opened() as line:
            raw = encode(BODY)
            headers = {**signed(raw, SECRET, NOW), "content-encoding": coding}
            reply = await line.http.post("/in/hmac", content=raw, headers=headers)
            assert reply.status_code == 202, reply.text
            (entry,) = line.journal.streams[INPUTS]
            assert Signal.from_json(entry.payload).title == "it broke"

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("coding", "raw", "status", "word"),
    [
        ("compress", BODY, 415, "unsupported_encoding"),
        ("gzip, br", BODY, 415, "unsupported_encoding"),
        ("gzip", gzip.compress(BODY)[:-9], 401, "bad_encoding"),
        ("gzip", gzip.compress(BODY)[:5], 401, "bad_encoding"),
        ("gzip", gzip.compress(BODY) + b"more", 401, "bad_encoding"),
        ("gzip", b"", 401, "bad_encoding"),
        ("gzip", BODY, 401, "bad_encoding"),
        ("deflate", zlib.compress(BODY)[:-5], 401, "bad_encoding"),
        ("deflate", BODY, 401, "bad_encoding"),
        ("br", brotli.compress(BODY)[:-5], 401, "bad_encoding"),
        ("br", BODY, 401, "bad_encoding"),
        ("zstd", zstd.compress(BODY)[:-5], 401, "bad_encoding"),
        ("zstd", zstd.compress(BODY)[:3], 401, "bad_encoding"),
        ("zstd", zstd.compress(BODY) + b"more", 401, "bad_encoding"),
        ("zstd", b"", 401, "bad_encoding"),
        ("zstd", BODY, 401, "bad_encoding"),
        ("zstd", _with_a_large_window(BODY), 401, "bad_encoding"),
    ],
)
def test_a_broken_encoding_is_refused_in_the_sources_own_form(opened, coding, raw, status, word) -> None:
    async def scenario() -> None:
        async with opened() as line:
            headers = {**signed(raw, SECRET, NOW), "content-encoding": coding}
            reply = await line.http.post("/in/hmac", content=raw, headers=headers)
            assert (reply.status_code, reply.text.split(":")[0]) == (status, word)
            assert reply.headers["x-form"] == "hmac"
            assert not line.journal.streams[INPUTS]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("coding", "encode"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("br", lambda it: brotli.compress(it, quality=5)),
        ("zstd", zstd.compress),
    ],
)
def test_a_bomb_is_stopped_at_the_cap(opened, coding, encode) -> None:
    raw = encode(b"0" * 50_000_000)

    async def scenario() -> None:
        async with opened() as line:
            reply = await line.http.post(
                "/in/hmac", content=raw, headers={**signed(raw, SECRET, NOW), "content-encoding": coding}
            )
            assert (reply.status_code, reply.text.split(":")[0]) == (413, "too_large")
            assert "1000000 bytes decompressed" in reply.text
            assert not line.sources[0].seen

    asyncio.run(scenario())


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [2001, 5_000_000, 30_000_000])
def test_a_body_over_the_wire_cap_is_refused_whether_its_length_is_told_or_not(opened, chunked, size) -> None:
    def pieces() -> Iterator[bytes]:
        for at in range(0, size, 65_536):
            yield b"x" * min(65_536, size - at)

    async def sent(line) -> tuple[int, bytes]:
        reader, writer = await asyncio.open_connection(line.address.host, line.address.port)
        length = b"transfer-encoding: chunked" if chunked else b"content-length: %d" % size
        writer.write(b"POST /in/open HTTP/1.1\r\nhost: localhost\r\n" + length + b"\r\n\r\n")
        answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
        try:
            for piece in pieces():
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
                await writer.drain()
            if chunked:
                writer.write(b"0\r\n\r\n")
        except ConnectionError:
            assert size > 8_000_000
        head = await answer
        writer.close()
        return int(head.split()[1]), head

    async def scenario() -> None:
        async with opened() as line:
            if size > 8_000_000:  # refused in the middle of it: the connection is closed
                try:
                    status, head = await sent(line)
                except (ConnectionError, asyncio.IncompleteReadError):
                    status, head = 413, b"connection: close"
                assert b"connection: close" in head.lower()
            else:
                status, _ = await sent(line)
            assert status == 413
            assert not line.sources[1].seen
            assert not line.journal.streams[INPUTS]

    asyncio.run(scenario())


def test_a_chunked_body_without_a_length_is_read(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:

            async def pieces():
                for at in range(0, len(BODY), 5):
                    yield BODY[at : at + 5]

            reply = await line.http.post("/in/hmac", content=pieces(), headers=signed(BODY, SECRET, NOW))
            assert reply.status_code == 202

    asyncio.run(scenario())


def test_a_client_that_expects_a_go_ahead_gets_it_or_the_refusal_without_sending(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:
            fields = b"".join(b"%b: %b\r\n" % (k.encode(), v.encode()) for k, v in signed(BODY, SECRET, NOW).items())
            head = b"POST /in/hmac HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n" + fields
            reader, writer = await asyncio.open_connection(line.address.host, line.address.port)
            writer.write(head + b"content-length: %d\r\n\r\n" % len(BODY))
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
            writer.write(BODY)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 202")
            writer.close()
            refused = await line.raw(head + b"content-length: 99999999\r\n\r\n", until_close=True)
            assert refused.startswith(b"HTTP/1.1 413")
            assert b"100 Continue" not in refused

    asyncio.run(scenario())


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_and_its_room_is_given_back(opened) -> None:
    async def scenario() -> None:
        async with opened(limits=Limits(requests=1)) as line:
            for _ in range(3):
                _, writer = await asyncio.open_connection(line.address.host, line.address.port)
                writer.write(b"POST /in/open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf")
                await writer.drain()
                writer.close()
                await writer.wait_closed()
            async with asyncio.timeout(5):
                while (await line.http.post("/in/open", json={"items": [{"id": 1}]})).status_code != 202:
                    await asyncio.sleep(0)
            assert len(line.journal.streams[INPUTS]) == 1

    asyncio.run(scenario())


def test_a_body_that_never_ends_is_given_up(opened) -> None:
    async def scenario() -> None:
        async with opened(limits=Limits(body_timeout_s=0.2)) as line:
            sent = b"POST /in/open HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nhalf"
            answer = await line.raw(sent, until_close=True)
            assert answer.startswith(b"HTTP/1.1 408")
            assert b"not complete after 0.2 s" in answer

    asyncio.run(scenario())


def test_when_too_many_requests_or_bytes_are_in_flight_the_next_is_asked_to_come_again(opened) -> None:
    async def scenario() -> None:
        async with opened(limits=Limits(requests=2, bytes=3000)) as line:
            line.journal.gate = asyncio.Event()
            held = [
                asyncio.create_task(line.http.post("/in/open", json={"items": [{"id": each}], "pad": "x" * 1200}))
                for each in (1,)
            ]
            async with asyncio.timeout(5):
                while (crowded := await line.http.post("/in/open", content=b"x" * 1900)).status_code == 400:
                    await asyncio.sleep(0)  # until the first one holds its bytes
            assert (crowded.status_code, crowded.headers["retry-after"]) == (503, "1")
            held.append(asyncio.create_task(line.http.post("/in/open", json={"items": [{"id": 2}]})))
            async with asyncio.timeout(5):
                while (full := await line.http.post("/in/open", content=b"{}")).status_code == 202:
                    await asyncio.sleep(0)
            assert full.status_code == 503
            line.journal.gate.set()
            assert [reply.status_code for reply in await asyncio.gather(*held)] == [202, 202]
            assert (await line.http.post("/in/open", json={"items": [{"id": 3}]})).status_code == 202

    asyncio.run(scenario())


def test_a_busy_journal_is_answered_as_the_sender_understands_and_its_retry_is_accepted(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:
            headers = signed(BODY, SECRET, NOW)
            line.journal.refusal = Busy("full", retry_after_s=3)
            reply = await line.http.post("/in/hmac", content=BODY, headers=headers)
            assert (reply.status_code, reply.headers["retry-after"]) == (503, "3")
            assert not line.journal.streams[INPUTS]
            line.journal.refusal = None
            assert (await line.http.post("/in/hmac", content=BODY, headers=headers)).status_code == 202
            assert len(line.journal.streams[INPUTS]) == 1

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("path", "near"),
    [
        ("/in/hmca", "/in/hmac"),
        ("/in/hmac/shop", "/in/hmac/default"),
        ("/in/", None),
        ("/api/7/envelop/", "/api/{project}/envelope"),
        ("/helthz", None),
    ],
)
def test_an_unknown_path_is_answered_with_what_exists(opened, path, near) -> None:
    async def scenario() -> None:
        async with opened() as line:
            reply = await line.http.post(path, content=BODY)
            assert reply.status_code == 404
            fault = reply.json()
            assert "/in/hmac" in fault["paths"]
            assert near is None or near in fault["error"]

    asyncio.run(scenario())


def test_a_method_that_is_not_for_a_path_is_told_which_are(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:
            reply = await line.http.get("/in/hmac")
            assert (reply.status_code, reply.headers["allow"]) == (405, "POST, PUT")
            assert (await line.http.put("/api/1/envelope/", content=BODY)).headers["allow"] == "POST"
            assert (await line.http.post("/healthz")).status_code == 405
            assert (await line.http.get("/healthz")).text == "well"

    asyncio.run(scenario())


def test_a_declared_path_gives_its_parts_and_an_unknown_project_is_refused_by_its_instance(opened) -> None:
    async def scenario() -> None:
        route = [Route(["POST"], "/api/{project}/envelope/")]
        shop = HmacSource([SECRET], instance="shop", routes=route, projects=["1", "a b"])
        blog = HmacSource([SECRET], instance="blog", routes=route, projects=["2"])
        async with opened(shop, blog, prefixes=["/tocsin/"]) as line:
            headers = signed(BODY, SECRET, NOW)
            for path in ("/api/1/envelope/", "/api/a%20b/envelope", "/api/2/envelope/", "/tocsin/api/2/envelope/"):
                assert (await line.http.post(path, content=BODY, headers=headers)).status_code == 202, path
            stored = [Signal.from_json(entry.payload).instance for entry in line.journal.streams[INPUTS]]
            assert stored == ["shop", "shop", "blog", "blog"]
            refused = await line.http.post("/api/3/envelope/", content=BODY, headers=headers)
            assert (refused.status_code, refused.text.split(":")[0]) == (403, "unknown_project")
            assert (await line.http.post("/in/hmac/blog", content=BODY, headers=headers)).status_code == 403
            assert (await line.http.post("/in/hmac", content=BODY, headers=headers)).status_code == 404

    asyncio.run(scenario())


def test_requests_on_one_connection_are_answered_in_order_and_their_bytes_may_be_of_any_kind(opened) -> None:
    async def scenario() -> None:
        async with opened() as line:
            reader, writer = await asyncio.open_connection(line.address.host, line.address.port)
            for each in range(5):
                body = json.dumps({"items": [{"id": each}]}).encode()
                head = f"POST /in/open HTTP/1.1\r\nhost: localhost\r\nx-odd: caf\xe9\r\ncontent-length: {len(body)}\r\n\r\n"
                writer.write(head.encode("latin-1") + body)
            answers = b""
            while len(re.findall(rb"HTTP/1.1 202", answers)) < 5:
                answers += await reader.read(65_536)
            writer.close()
            ids = [Signal.from_json(entry.payload).occurrence_id for entry in line.journal.streams[INPUTS]]
            assert ids == ["0", "1", "2", "3", "4"]

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "loopback", "status"),
    [
        ({}, True, 202),
        ({}, False, 401),
        ({"x-forwarded-for": "10.0.0.1"}, True, 401),
        ({"forwarded": "for=10.0.0.1"}, True, 401),
        ({"via": "1.1 proxy"}, True, 401),
        ({"origin": "https://evil.example"}, True, 401),
        ({"host": "rebound.example"}, True, 401),
        ({"host": "localhost:8710"}, True, 202),
    ],
)
def test_only_a_request_from_this_machine_to_a_door_on_loopback_may_go_unsigned(
    opened, headers, loopback, status
) -> None:
    async def scenario() -> None:
        async with opened(loopback=loopback) as line:
            reply = await line.http.post("/in/open", json={"items": [{"id": 1}]}, headers=headers)
            assert reply.status_code == status

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("headers", "loopback", "status"), [({}, True, 202), ({"via": "1.1 proxy"}, True, 401), ({}, False, 401)]
)
def test_a_rehearsal_is_taken_from_this_machine_alone_and_from_elsewhere_is_not_taken_for_real(
    opened, headers, loopback, status
) -> None:
    async def scenario() -> None:
        async with opened(loopback=loopback) as line:
            sent = {**signed(BODY, SECRET, NOW), "tocsin-rehearsal": "1", **headers}
            reply = await line.http.post("/in/hmac", content=BODY, headers=sent)
            assert reply.status_code == status, reply.text
            kept = [Signal.from_json(entry.payload).rehearsal for entry in line.journal.streams[INPUTS]]
            assert kept == ([True] if status == 202 else [])

    asyncio.run(scenario())
