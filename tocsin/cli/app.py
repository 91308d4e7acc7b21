"""Every command, under one name."""

from typing import Annotated

import typer

from tocsin.cli import (
    commands,
    doctor,
    evals,
    following,
    initialise,
    investigations,
    ledger,
    look,
    noise,
    once,
    rule_tools,
    rules,
    silences,
    start,
    topology,
)
from tocsin.cli.output import show
from tocsin.compose import VERSION

app = typer.Typer(
    name="tocsin",
    help="Hears what production says, decides what it means, does something about it, and can always say why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _version(asked: bool) -> None:
    if asked:
        show(f"tocsin {VERSION}")
        raise typer.Exit


@app.callback()
def program(
    _asked: Annotated[
        bool, typer.Option("--version", help="Print the version and end", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Hears what production says, decides what it means, does something about it, and can always say why."""


for module in (initialise, start, once, look, following, commands, investigations, evals, doctor):
    module.add_to(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(silences.app, name="silence")
app.add_typer(commands.quarantine, name="quarantine")
rule_tools.app.command("noise")(noise.noise)
rule_tools.app.command("topology")(topology.topology)
app.add_typer(rule_tools.app, name="rules")
app.add_typer(rules.playbooks, name="playbooks")
