"""`tocsin silence add|preview|list|expire`: what nobody is told of for a while."""

import asyncio
from typing import Annotated, Any

import typer

from connectors.ports.clock import SystemClock
from rules.orders import Refused
from rules.silences import Preview
from rules.silencing import matcher_of
from schemas import to_rfc3339
from schemas.printed import Silence
from schemas.spans import parse_span
from schemas.time import from_rfc3339
from tocsin.cli.commands import Reason, send
from tocsin.cli.look import reading
from tocsin.cli.output import USAGE, Config, Json, configured, emit, explained, fail, show
from tocsin.config import Loaded
from tocsin.folder import DataFolder
from tocsin.silence_text import every
from tocsin.silences import as_record, listed, previewed
from tocsin.story import counted

app = typer.Typer(help="Silences: what nobody is told of for a while.", no_args_is_help=True)

Matcher = Annotated[
    str | None, typer.Argument(help='A condition, such as \'service == "checkout" && severity == "warning"\'')
]
Matchers = Annotated[
    list[str] | None,
    typer.Option(
        "--match",
        "-m",
        help="A matcher as in Alertmanager, such as 'severity=~\"info|warning\"'; several must all hold",
    ),
]
Every = Annotated[
    list[str] | None,
    typer.Option(
        "--every",
        help="Only at such times: 'sunday 02:00-04:00', 'monday:friday 22:00-24:00', '1 00:00-06:00' (day of the month)",
    ),
]
Zone = Annotated[str, typer.Option("--zone", help="The time zone of --every")]


@app.command("add")
def add(
    matcher: Matcher = None,
    reason: Annotated[str, typer.Option("--reason", "-r", help="Why; asked for, kept, shown")] = "",
    span: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d")] = "1h",
    matchers: Matchers = None,
    start: Annotated[
        str | None, typer.Option("--from", help="When it begins: a span from now or a time; now otherwise")
    ] = None,
    times: Every = None,
    zone: Zone = "UTC",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Silence the signals that match, for a while; says what it would have hidden in the last day."""
    if not reason:
        fail(USAGE, "a silence needs its reason: --reason 'the database moves tonight'")
    data = _data(matcher, matchers, times, zone)
    try:
        begins = _begin(start)
        until = begins + parse_span(span)
    except ValueError as error:
        fail(USAGE, str(error))
    loaded = configured(config)
    if not as_json and DataFolder(loaded.data).path.exists():
        show(_preview(loaded, data, parse_span("1d")).sentence("24h") + ".")
    data |= {"until": to_rfc3339(until)} | ({"starts_at": to_rfc3339(begins)} if start is not None else {})
    send(loaded, "silence", data, reason=reason, as_json=as_json)


@app.command("preview")
def preview(
    matcher: Matcher = None,
    matchers: Matchers = None,
    span: Annotated[str, typer.Option("--for", help="How far to look back: 24h, 7d")] = "24h",
    times: Every = None,
    zone: Zone = "UTC",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say what a silence would have hidden, without making it."""
    data = _data(matcher, matchers, times, zone)
    try:
        back = parse_span(span)
    except ValueError as error:
        fail(USAGE, str(error))
    found = _preview(configured(config), data, back)
    if as_json:
        emit(as_record(found))
        return
    show(found.sentence(span) + ".")
    for title, number in found.titles.items():
        show(f"  {number:6}  {title}")


@app.command("list")
def list_(
    everything: Annotated[bool, typer.Option("--all", help="Those that are over, too")] = False,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """List the silences in force."""

    async def look() -> list[Silence]:
        async with reading(configured(config)) as (reader, _):
            return await listed(reader, everything=everything)

    with explained():
        rows = asyncio.run(look())
    for row in rows:
        emit(row) if as_json else show(_line(row))
    if not rows and not as_json:
        show("No silence is in force." if not everything else "There was no silence.")


@app.command("expire")
def expire(
    silence: Annotated[str, typer.Argument(help="The id `silence list` shows")],
    reason: Reason = "",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """End a silence now."""
    send(configured(config), "expire_silence", {"silence_id": silence}, reason=reason, as_json=as_json)


def _data(matcher: str | None, matchers: list[str] | None, times: list[str] | None, zone: str) -> dict[str, Any]:
    """What the command says, checked; ends the command where it makes no silence."""
    data: dict[str, Any] = {"matcher": matcher} if matcher is not None else {}
    if matchers:
        data["matchers"] = matchers
    if not data:
        fail(USAGE, "a silence needs a condition, or matchers with --match")
    try:
        matcher_of(data)
        if times:
            data["times"] = [every(text, zone) for text in times]
    except (Refused, ValueError) as error:
        fail(USAGE, str(error))
    return data


def _begin(start: str | None) -> int:
    now = SystemClock().now()
    if start is None:
        return now
    try:
        return now + parse_span(start)
    except ValueError:
        return from_rfc3339(start)


def _preview(loaded: Loaded, data: dict[str, Any], span: int) -> Preview:
    async def look() -> Preview:
        async with reading(loaded) as (_, archive):
            now = SystemClock().now()
            return await previewed(archive, data, since=now - span, until=now)

    with explained():
        return asyncio.run(look())


def _line(silence: Silence) -> str:
    when = f"until {_short(silence.until)}" if silence.over_at is None else f"over {_short(silence.over_at)}"
    if silence.starts_at > SystemClock().now():
        when = f"from {_short(silence.starts_at)} {when}"
    times = ", at its times" if silence.times else ""
    hid = f"hid {counted(silence.used, 'signal')}"
    return f"{silence.id}  {when}{times}  {silence.matcher}  {hid}  ({silence.author}: {silence.reason})"


def _short(moment: int) -> str:
    return f"{to_rfc3339(moment)[:19]}Z"
