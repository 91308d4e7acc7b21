"""Programs that are killed, those who send to them all the while, and the books that must balance afterwards.

life = start(folder, config)                       # `tocsin up`, or with `dying=ORDERS` the one of tests/support/dying.py
life.kill()
...
books = settle(folder, within_s=60)                # once nothing is left to do
balance(books, sent, linear)
"""

import asyncio
import json
import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

import rules
from connectors.journal.kafka.wire import REPEAT
from connectors.ledger import Verification, verify
from connectors.ports.clock import SystemClock
from connectors.ports.journal import DECISIONS, INPUTS, Entry
from connectors.ports.ledger import Head
from playbooks.library import load_library
from processors.record import HEAD_KEY, LEDGER_SPACE
from processors.triage.fold import replay
from rules.engine import Engine
from rules.load import load
from schemas import Action, Decision, Incident, Investigation
from tests.support.ground import NotNow, standing, waiting
from tests.support.hasty import HASTE
from tests.support.linear_server import LinearServer
from tests.support.nursery import ROOT, born
from tests.support.program import DEADLINE_S, Child, configure, until
from tocsin.compose import VERSION
from tocsin.config import JournalSettings
from tocsin.folder import DataFolder
from tocsin.store import viewed

HASTE_S = 2.0
STARTING_S = 90.0
"""What a start may take while many processes share a machine."""
_INCIDENT = re.compile(r"tocsin:incident=(inc_[0-9a-f]+)")


def start(
    folder: Path,
    config: Mapping[str, Any],
    *roles: str,
    dying: Path | None = None,
    module: str = "tests.support.hasty",
    haste_s: float | None = HASTE_S,
    wait: bool = True,
    environment: Mapping[str, str] | None = None,
) -> Child:
    """A program of its own over the data in `folder`: `tocsin up`, or `tocsin run ROLES`. With `wait` it is up when this returns, or
    gone; its `url` is empty then. What a lease or a retry makes one wait for takes `haste_s` (`tests/support/hasty.py`), without one it
    is as shipped."""
    file = configure(folder, config)
    out, err = folder / "stdout.txt", folder / "stderr.txt"
    program = [module] if dying is None else ["tests.support.dying", str(dying)]
    hurry = {} if haste_s is None else {HASTE: str(haste_s)}
    command = ["run", *roles] if roles else ["up"]
    process = born(
        program[0],
        [*program[1:], *command, "--config", str(file)],
        folder=folder,
        out=out,
        err=err,
        environment={**os.environ, "PYTHONPATH": str(ROOT), **hurry, **(environment or {})},
    )
    life = Child(process, file, DataFolder(folder / "data"), out, err)
    if wait:
        try:
            until(lambda: process.poll() is not None or is_up(life), "a start", within_s=STARTING_S)
        except TimeoutError as error:
            life.kill()
            raise TimeoutError(f"{error}; it logged {err.read_text()[-3000:]}") from None
    return life


def is_up(life: Child) -> bool:
    """Whether its door is open; then `url` says where."""
    try:
        found = orjson.loads(life.folder.address.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return False
    if found["pid"] == life.process.pid:
        life.url = str(found["url"])
    return bool(life.url)


@dataclass
class Books:
    """Everything a data folder says."""

    inputs: Sequence[Entry]
    taken: int
    """How many of the inputs triage has decided about."""
    decided: Sequence[Entry]
    decisions: Sequence[Decision]
    incidents: Mapping[str, Incident]
    investigations: Sequence[Investigation]
    actions: Sequence[Action]
    verification: Verification
    recorded: Sequence[tuple[str, int, bytes]]
    """The ledger's records: stream, offset, payload."""
    signals: Mapping[str, list[str]] = field(default_factory=dict)
    """By the token a sender gave it, the ids under which a signal was accepted."""
    firing: Collection[str] = ()
    """The ids of the signals that say that something goes on."""

    def of(self, kind: str) -> list[Decision]:
        """The decisions of one kind, in order."""
        return [each for each in self.decisions if each.kind == kind]


def settle(folder: Path, *, within_s: float = DEADLINE_S, wholly: bool = True) -> None:
    """Wait until a running program has nothing left to do; not `wholly`: nothing but what it put off. Raises TimeoutError."""
    found: list[str] = []

    def done() -> bool:
        try:
            at_once, later = waiting(folder)
        except NotNow as error:
            found[:] = [str(error)]
            return False
        found[:] = at_once + (later if wholly else [])
        return not found

    try:
        until(done, "the end", within_s=within_s)
    except TimeoutError as error:
        raise TimeoutError(f"{error}; there is still {found[:10]}") from None


def settings_of(folder: Path) -> JournalSettings:
    """Where the journal of the program in `folder` is."""
    return JournalSettings.model_validate(json.loads((folder / "tocsin.yaml").read_text()).get("journal") or {})


def entries(folder: Path) -> list[Entry]:
    """All that stands in the streams of the program in `folder`, running or not."""

    async def read() -> list[Entry]:
        async with viewed(settings_of(folder), DataFolder(folder / "data"), clock=SystemClock()) as (reader, _):
            return [each for name in (INPUTS, DECISIONS) for each in await reader.read(name, after=0, limit=1_000_000)]

    return asyncio.run(read())


def read_books(folder: Path) -> Books:
    """Of a settled program, running or not."""
    data = DataFolder(folder / "data")

    async def read() -> tuple[dict[str, list[tuple[str, bytes]]], bytes | None]:
        async with viewed(settings_of(folder), data, clock=SystemClock()) as (reader, _):
            spaces = {name: list(await reader.scan(name)) for name in ("incidents", "investigations", "actions")}
            return spaces, await reader.get(LEDGER_SPACE, HEAD_KEY)

    streams = entries(folder)
    inputs, decided = ([each for each in streams if each.stream == name] for name in (INPUTS, DECISIONS))
    spaces, head = asyncio.run(read())
    assert head is not None, "the journal does not know the ledger's end"
    signals: dict[str, list[str]] = {}
    firing: set[str] = set()
    for entry in inputs:
        if entry.kind == "signal":
            item = orjson.loads(entry.payload)
            signals.setdefault(token_of(item), []).append(item["id"])
            if item.get("status", "firing") == "firing":
                firing.add(item["id"])
    return Books(
        inputs=inputs,
        taken=standing(folder).positions["triage", INPUTS],
        decided=decided,
        # An owner that woke late may say an earlier decision again: its place is kept, and says nothing.
        decisions=[Decision.from_json(entry.payload) for entry in decided if entry.kind != REPEAT],
        incidents={name: Incident.from_json(row) for name, row in spaces["incidents"]},
        investigations=[Investigation.from_json(row) for _, row in spaces["investigations"]],
        actions=[Action.from_json(row) for _, row in spaces["actions"]],
        verification=verify(data.ledger, head=Head(**orjson.loads(head))),
        recorded=_recorded(data.ledger),
        signals=signals,
        firing=firing,
    )


def token_of(signal: Mapping[str, Any]) -> str:
    """What the sender called it."""
    return str(signal.get("labels", {}).get("parcel", signal["occurrence_id"]))


def _recorded(ledger: Path) -> list[tuple[str, int, bytes]]:
    found = []
    for segment in sorted((ledger / "segments").glob("*.jsonl")):
        for line in segment.read_bytes().splitlines()[1:]:
            row = orjson.loads(line)
            found.append((row["stream"], row["offset"], orjson.dumps(row["payload"])))
    return found


def balance(books: Books, acked: Sequence[str], linear: LinearServer, paged: Sequence[str] = ()) -> None:
    """Everything that must hold after any number of kills, once nothing is left to do. `acked`: tokens of signals whose sender was
    told that they arrived; `paged`: the ids of the messages a pager got."""
    _nothing_is_lost_or_recorded_twice(books)
    _a_replay_says_the_same(books)
    _each_signal_counts_once(books, acked)
    _every_end_is_reached(books)
    _effects_stand_once(books, linear)
    pages = [each for each in books.actions if each.kind == "page" and each.state == "succeeded"]
    # At least once on the wire, once by the id a receiver tells repeats by.
    assert len(set(paged)) == len(pages) == len({each.incident_id for each in pages})


def _nothing_is_lost_or_recorded_twice(books: Books) -> None:
    assert books.verification.holds, [str(each) for each in books.verification.findings]
    assert _repeated(each.id for each in books.decisions) == {}
    by_stream: dict[str, list[tuple[int, bytes]]] = {INPUTS: [], DECISIONS: []}
    for stream, offset, payload in books.recorded:
        by_stream[stream].append((offset, payload))
    journal = {
        stream: [(each.offset, orjson.dumps(orjson.loads(each.payload))) for each in entries]
        for stream, entries in ((INPUTS, books.inputs), (DECISIONS, books.decided))
    }
    for stream, entries in journal.items():
        assert [offset for offset, _ in entries] == list(range(1, len(entries) + 1)), stream
        assert [offset for offset, _ in by_stream[stream]] == [offset for offset, _ in entries], stream
        assert by_stream[stream] == entries, stream


def _a_replay_says_the_same(books: Books) -> None:
    library = load_library(None, tools=None, actions=None)
    ruleset = load([Path(rules.__file__).parent / "packs"], playbooks={each.name for each in library})
    taken, left = books.inputs[: books.taken], books.inputs[books.taken :]
    # Time may have been told while the program was being ended; the next one decides about it.
    assert {each.kind for each in left} <= {"tick"}
    again = replay(taken, Engine(ruleset, code_version=VERSION))
    known = {each.id for each in again}
    recorded = [each for each in books.decisions if each.id in known]
    assert [each.to_json() for each in recorded] == [each.to_json() for each in again]
    strangers = [each.kind for each in books.decisions if each.id not in known]
    assert not [kind for kind in strangers if kind.startswith(("incident.", "playbook.", "signal."))]


def _each_signal_counts_once(books: Books, acked: Sequence[str]) -> None:
    assert _repeated(acked) == {}
    lost = [token for token in acked if token not in books.signals]
    assert not lost, f"{len(lost)} of {len(acked)} acknowledged signals are not there: {lost[:5]}"
    # A sender that got no answer sends again: the same id, accepted again and recognised.
    assert all(len(set(ids)) == 1 for ids in books.signals.values())
    opened = Counter(each.incident_id for each in books.of("incident.opened"))
    assert set(opened) == set(books.incidents) and set(opened.values()) == {1}
    assert len({(each.group_id, each.episode) for each in books.incidents.values()}) == len(books.incidents)
    # What ends an incident is not counted into it.
    assert sum(each.signals for each in books.incidents.values()) == len(books.firing)
    repeats = sum(len(ids) - 1 for ids in books.signals.values())
    assert sum(each.duplicates for each in books.incidents.values()) <= repeats


def _every_end_is_reached(books: Books) -> None:
    assert [each.id for each in books.investigations if each.status != "concluded"] == []
    concluded = Counter(each.investigation_id for each in books.of("investigation.concluded"))
    assert set(concluded) == {each.id for each in books.investigations} and set(concluded.values()) == {1}
    selected = books.of("playbook.selected")
    assert len(selected) == len(books.investigations)
    steps: dict[str, list[int]] = {}
    for each in books.of("investigation.step"):
        steps.setdefault(each.investigation_id or "", []).append(each.data["step"]["index"])
    for investigation in books.investigations:
        # One whose workers died again and again before the first step is concluded without one.
        assert steps.get(investigation.id, []) == list(range(investigation.steps)), investigation.id
    assert [(each.kind, each.state, each.error) for each in books.actions if each.state != "succeeded"] == []
    succeeded = Counter(each.action_id for each in books.of("action.succeeded"))
    assert set(succeeded) == {each.id for each in books.actions} and set(succeeded.values()) == {1}


def _effects_stand_once(books: Books, linear: LinearServer) -> None:
    issues = [_INCIDENT.search(each["description"]) for each in linear.issues]
    about = [found[1] for found in issues if found]
    creations = {each.incident_id for each in books.actions if each.kind == "linear.create_issue"}
    assert len(about) == len(issues) and _repeated(about) == {} and set(about) == creations
    known = {each.id: {ref.id for ref in each.external if ref.kind == "issue"} for each in books.incidents.values()}
    assert {found: {each["id"]} for each, found in zip(linear.issues, about, strict=True)} == {
        incident: refs for incident, refs in known.items() if incident in creations
    }
    comments = [each for each in books.actions if each.kind == "linear.comment"]
    assert {each.result["id"] for each in comments if each.result} == {each["id"] for each in linear.comments}
    assert len(linear.comments) == len(comments)
    assert _repeated((each["issue"], each["body"]) for each in linear.comments) == {}
    assert _repeated((each["issue"], each["url"]) for each in linear.attachments) == {}


def _repeated(values: Any) -> dict[Any, int]:
    return {value: number for value, number in Counter(values).items() if number > 1}
