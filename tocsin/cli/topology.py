"""`tocsin rules topology`: which service needs which, learnt from traces, as a `topology.yaml`."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer

from rules.correlation.traces import LEAST, NoTraces, calls, spans, topology_of, written
from tocsin.cli.output import UNREACHABLE, complain, fail


def topology(
    files: Annotated[list[Path], typer.Argument(help="Traces: OTLP/JSON, one request a line, or Jaeger's JSON")],
    least: Annotated[int, typer.Option("--least", min=1, help="So many calls make a neighbour")] = LEAST,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write it here; standard output otherwise")
    ] = None,
) -> None:
    """Learn from traces which service needs which, and write it as topology.yaml."""
    counted: Counter[tuple[str, str]] = Counter()
    for file in files:
        try:
            counted += calls(spans(file.read_text("utf-8")))
        except (OSError, UnicodeDecodeError, NoTraces) as error:
            fail(UNREACHABLE, f"{file}: {error}")
    found = topology_of(counted, least=least)
    text = written(found, counted)
    if output is not None:
        output.write_text(text, "utf-8")
    else:
        typer.echo(text, nl=False)
    kept = sum(len(service.depends_on) for service in found.services.values())
    told = f"{kept} ways between services of {len(counted)} seen; the others had fewer than {least} calls"
    complain(told, "default")
