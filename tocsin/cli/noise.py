"""`tocsin rules noise`: how much of what each rule tells turned out to be noise."""

import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from connectors.ports.clock import SystemClock
from rules.noise import noise_of
from schemas import Incident
from schemas.spans import parse_span
from tocsin.cli.look import reading
from tocsin.cli.output import USAGE, Config, Json, configured, emit, explained, fail, show


def noise(
    span: Annotated[str, typer.Option("--for", help="Incidents opened so lately: 7d, 30d")] = "30d",
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Say how much of what each rule tells turned out to be noise, the noisiest first."""
    try:
        since = SystemClock().now() - parse_span(span)
    except ValueError as error:
        fail(USAGE, str(error))

    async def look() -> Sequence[Incident]:
        async with reading(configured(config)) as (_, archive):
            return await archive.incidents(since=since, limit=1_000_000)

    with explained():
        found = noise_of(asyncio.run(look()))
    for record in found:
        emit(asdict(record)) if as_json else show(f"{record.rule}: {record.sentence()}")
    if not found and not as_json:
        show(f"No incident in the last {span}.")
