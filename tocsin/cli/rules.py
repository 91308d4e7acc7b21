"""`tocsin rules` and `tocsin playbooks`: are they right, and what would they do."""

import sys
from pathlib import Path
from typing import Annotated, NoReturn

import orjson
import typer

from connectors.ports.clock import SystemClock
from rules.explain import explain as explained_by
from rules.load import load
from rules.signals import BadInput
from schemas.document import DocumentInvalid, near
from schemas.printed import FileFault, PlaybooksChecked, RulesChecked
from tocsin.cli.commands import post
from tocsin.cli.output import NO, UNREACHABLE, USAGE, Config, Json, complain, configured, emit, explained, fail, show
from tocsin.compose import connect, load_playbooks, load_rules
from tocsin.folder import DataFolder
from tocsin.story import counted, plain

rules = typer.Typer(help="The rules.", no_args_is_help=True)
playbooks = typer.Typer(help="The playbooks.", no_args_is_help=True)


@rules.command("check")
def check_rules(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Files or folders; those of the configuration otherwise")
    ] = None,
    config: Config = None,
    as_json: Json = False,
) -> None:
    """Find every fault; exit 1 if there is one."""
    loaded = configured(config)
    try:
        library = load_playbooks(loaded, connect(loaded.instances))
        found = load(files, playbooks={each.name for each in library}) if files else load_rules(loaded, library)
    except DocumentInvalid as error:
        faults(error, as_json=as_json)
    except OSError as error:
        fail(UNREACHABLE, str(error))
    else:
        if as_json:
            emit(RulesChecked(rules=len(found.rules), version=found.version))
        else:
            show(f"{counted(len(found.rules), 'rule')}, version {found.version}: no fault")


@rules.command()
def explain(
    signal: Annotated[
        Path,
        typer.Option(
            "--signal", "-s", help="A file with a Signal as `tocsin parse --json` prints it; - reads standard input"
        ),
    ],
    rule: Annotated[str | None, typer.Argument(help="One rule; all otherwise")] = None,
    config: Config = None,
) -> None:
    """Say what each rule makes of a signal, and why not."""
    loaded = configured(config)
    with explained():
        found = load_rules(loaded, load_playbooks(loaded, connect(loaded.instances)))
        text = sys.stdin.buffer.read() if str(signal) == "-" else signal.read_bytes()
    try:
        told = explained_by(found, orjson.loads(text), None, SystemClock().now())
    except (BadInput, orjson.JSONDecodeError) as error:
        fail(UNREACHABLE, f"{signal}: not a Signal: {error}")
    if rule is None:
        show(plain(told.render()))
        return
    verdicts = {verdict.rule: verdict for verdict in told.rules}
    if rule not in verdicts:
        fail(USAGE, f"no rule {rule!r}{near(rule, list(verdicts))}")
    show(plain(verdicts[rule].render()))


@rules.command("activate")
def activate(config: Config = None) -> None:
    """Have the running program read its rules again: all of them, or none when there is a fault."""
    told = post(DataFolder(configured(config).data), "/api/v1/rules/activate")
    show(f"asked for rules {told['version']}; `tocsin tail --kind rules` shows when they are in force")


@playbooks.command("check")
def check_playbooks(config: Config = None, as_json: Json = False) -> None:
    """Find every fault; exit 1 if there is one."""
    loaded = configured(config)
    try:
        library = load_playbooks(loaded, connect(loaded.instances))
    except DocumentInvalid as error:
        faults(error, as_json=as_json)
    else:
        names = sorted(each.name for each in library)
        if as_json:
            emit(PlaybooksChecked(playbooks=tuple(names)))
        else:
            show(f"{counted(len(names), 'playbook')} ({', '.join(names)}): no fault")


def faults(error: DocumentInvalid, *, as_json: bool) -> NoReturn:
    """Every fault at its place, and the end."""
    for fault in error.faults:
        if as_json:
            emit(FileFault(file=fault.file, line=fault.line, column=fault.column, message=fault.message))
        else:
            complain(str(fault))
    raise typer.Exit(NO)
