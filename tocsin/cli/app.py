"""Every command, under one name."""

import typer

from tocsin.cli import (
    commands,
    doctor,
    evals,
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

app = typer.Typer(
    name="tocsin",
    help="Hears what production says, decides what it means, does something about it, and can always say why.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

for module in (initialise, start, once, look, commands, investigations, evals, doctor):
    module.add_to(app)
app.add_typer(ledger.app, name="ledger")
app.add_typer(silences.app, name="silence")
app.add_typer(commands.quarantine, name="quarantine")
rule_tools.app.command("noise")(noise.noise)
rule_tools.app.command("topology")(topology.topology)
app.add_typer(rule_tools.app, name="rules")
app.add_typer(rules.playbooks, name="playbooks")
