"""Reading rule files: every fault at once, each with its file, line and column."""

import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import orjson

from rules.cel import CelError, compile  # noqa: A004 (the language's own word for it)
from rules.cel.reach import never
from rules.compiling import Compiler
from rules.correlation import topology
from rules.correlation.compiled import STORM, compile_ways, rule_of
from rules.correlation.said import StormOfAll
from rules.definitions import (
    FOLDER_FILES,
    TABLE,
    TOPOLOGY,
    Definitions,
    RuleText,
    beside,
    definitions_of,
    lateness_of,
    storm_of,
)
from rules.delivery.compiled import Delivery, compile_delivery, dedup_of_sources, named_times
from rules.fields import SCHEMA
from rules.match.compiled import compile_matching, condition_text
from rules.reading import Read, parse_all, read_all
from rules.relations import faults_between
from rules.ruleset import CompiledRule, RuleSet
from rules.times import Times
from schemas.document import DocumentInvalid, Fault, near, parse_yaml
from schemas.document import Path as At

PACKS = Path(__file__).parent / "packs"
"""The rules that ship: `default.yaml`, and packs for one field each."""

_MENTIONS = re.compile(r"^\s*-?\s*\{?\s*include\s*:|\bfrom\s*:", re.M)
"""Whether a file may name others: what does not is not read twice."""


class RulesInvalid(DocumentInvalid):
    """The rules cannot be loaded; `faults` are all of them, in the order of files and lines, and its text lists them."""


def load(paths: Iterable[Path], *, playbooks: Collection[str] | None = None) -> RuleSet:
    """The rules of files and of folders' `*.yaml` and `*.yml` files, in order of name, with the files and tables these name, and the
    `_defaults.yaml` and `topology.yaml` beside them. Raises RulesInvalid and OSError."""
    sources: dict[str, str] = {}
    for path in paths:
        for file in files_of(path):
            for common in FOLDER_FILES:
                if (beside_it := file.parent / common).is_file():
                    _take(str(beside_it), sources)
            _take(str(file), sources)
        folder = path if path.is_dir() else path.parent
        for name in topology.NAMES:
            if (said := folder / name).is_file():
                sources[f"{TOPOLOGY}{said}"] = said.read_bytes().decode("utf-8", "replace")
    return load_texts(sources, playbooks=playbooks)


def packs(names: Iterable[str] | None = None) -> list[Path]:
    """The files of the default rules and of the packs so named, in the order in which a folder has them; of all of them without names."""
    chosen = pack_names() if names is None else names
    return [PACKS / f"{name}.yaml" for name in sorted({"default", *chosen})]


def pack_names() -> tuple[str, ...]:
    """The packs that ship, in order of name."""
    return tuple(file.stem for file in files_of(PACKS) if not file.stem.startswith("_"))


def files_of(path: Path) -> list[Path]:
    """The rule files of a folder, in order of name; those of tests (`*.test.yaml`) and `topology.yaml` are not rules. A file is itself."""
    if not path.is_dir():
        return [] if path.name in topology.NAMES else [path]
    return sorted(
        file
        for file in path.iterdir()
        if file.suffix in (".yaml", ".yml") and not file.stem.endswith(".test") and file.name not in topology.NAMES
    )


def unpack(packed: bytes) -> RuleSet:
    """The rule set that `RuleSet.packed` wrote. Raises RulesInvalid when this version no longer reads it."""
    return load_texts(orjson.loads(packed), reached=False)


def load_texts(
    sources: Mapping[str, str], *, playbooks: Collection[str] | None = None, reached: bool = True
) -> RuleSet:
    """The rules of texts by file name; tables stand under `table:` and their name, what services need under `topology:`. With `playbooks`, a rule naming another one is at
    fault; without `reached`, children that no signal reaches are not (what other programs write has some). Raises RulesInvalid."""
    faults: list[Fault] = []
    compiled: dict[tuple[str, At], CompiledRule] = {}
    files = parse_all(sources, faults)
    definitions = definitions_of(files, sources, faults)
    times = named_times([(file.document, file.text) for file in files], faults)
    said = {name.removeprefix(TOPOLOGY): text for name, text in sources.items() if name.startswith(TOPOLOGY)}
    services = topology.topology_of(said, faults)
    reads = list(read_all(files, definitions, faults))
    for read in reads:  # parents before their children, in whichever files they stand
        parent = compiled.get(read.parent.place) if read.parent is not None else None
        known = definitions[read.file.name]
        if (ready := _compile(read, parent, known, times, faults, has_topology=bool(said))) is not None:
            compiled[read.place] = ready
    standing = {file.name: number for number, file in enumerate(files)}
    reads.sort(key=lambda read: (standing[read.place[0]], read.at))
    compiled = {read.place: compiled[read.place] for read in reads if read.place in compiled}
    faults += _names(reads, playbooks)
    faults += faults_between(reads, compiled, reached=reached)
    lateness = lateness_of(files, faults)
    dedup = dedup_of_sources([(file.document, file.text) for file in files], faults)
    storm = storm_of(files, faults)
    if storm is not None:
        faults += _storm(files, reads, storm, playbooks)
    if faults:
        raise RulesInvalid(list(dict.fromkeys(faults)))
    enabled = [rule for rule in compiled.values() if rule.enabled]
    enabled.sort(key=lambda rule: -rule.rule.priority)
    return RuleSet(
        rules=tuple(enabled),
        sources=dict(sources),
        lateness=lateness,
        dedup=dedup,
        topology=services,
        storm=_storm_rule(storm) if storm is not None else None,
    )


def _take(name: str, sources: dict[str, str]) -> None:
    """A rule file, after the files it includes, and the tables it looks things up in. What is not there is found at fault later."""
    if name in sources:
        return
    text = Path(name).read_bytes().decode("utf-8", "replace")
    sources[name] = text
    if not _MENTIONS.search(text):
        return
    try:
        content = parse_yaml(text, name).content
    except DocumentInvalid:
        return
    if not isinstance(content, dict):
        return
    said = content.get("include")
    for other in [said] if isinstance(said, str) else said if isinstance(said, list) else []:
        if isinstance(other, str) and Path(beside(name, other)).is_file():
            _take(beside(name, other), sources)
    for table in _tables_named(content):
        path = beside(name, table)
        if Path(path).is_file():
            sources[TABLE + path] = Path(path).read_bytes().decode("utf-8", "replace")
    if name in sources and sources[name] is text:
        # Included rules come before those that include them.
        sources[name] = sources.pop(name)


def _tables_named(node: object) -> Iterable[str]:
    """Every `from` of an `enrich` within."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "enrich" and isinstance(value, dict):
                yield from (
                    one["from"] for one in value.values() if isinstance(one, dict) and isinstance(one.get("from"), str)
                )
            else:
                yield from _tables_named(value)
    elif isinstance(node, list):
        for value in node:
            yield from _tables_named(value)


def _storm(
    files: Iterable[RuleText], reads: Iterable[Read], said: StormOfAll, playbooks: Collection[str] | None
) -> Iterable[Fault]:
    """What is wrong between a storm of all rules and what else there is."""
    for read in reads:
        if read.rule.name == STORM:
            yield read.fault(
                ("name",), f"{STORM!r} is the name of what decides about storms of all rules; take another"
            )
    if playbooks is not None and said.playbook is not None and said.playbook not in playbooks:
        message = f"there is no playbook {said.playbook!r}{near(said.playbook, sorted(playbooks))}"
        yield from (file.document.fault(("storm", "playbook"), message) for file in files if file.said("storm"))


def _storm_rule(said: StormOfAll) -> CompiledRule:
    rule = rule_of(said)
    condition = compile(rule.when, schema=SCHEMA)
    return CompiledRule(rule=rule, condition=condition, keys=(), delivery=Delivery(storm=said))


def _names(reads: Iterable[Read], playbooks: Collection[str] | None) -> Iterable[Fault]:
    """Names that are taken, and playbooks that are not there."""
    taken: dict[str, str] = {}
    for read in reads:
        rule = read.rule
        if rule.name in taken:
            yield read.fault(("name",), f"the name {rule.name!r} is taken by the rule at {taken[rule.name]}")
        taken.setdefault(rule.name, f"{read.document.file}:{read.document.at((*read.at, 'name'))[0]}")
        if playbooks is not None and rule.playbook is not None and rule.playbook not in playbooks:
            hint = near(rule.playbook, sorted(playbooks))
            yield read.fault(("playbook",), f"there is no playbook {rule.playbook!r}{hint}")


def _compile(
    read: Read,
    parent: CompiledRule | None,
    known: Definitions,
    times: Mapping[str, Times],
    faults: list[Fault],
    *,
    has_topology: bool,
) -> CompiledRule | None:
    """The rule compiled, or None with its faults added, each where it stands in the file."""
    before, rule = len(faults), read.rule

    def wrong(at: At, error: CelError | ValueError) -> None:
        if isinstance(error, CelError):
            faults.extend(read.faults(at, error))
        else:
            faults.append(read.fault(at, f"{at[0]}: {error}"))

    said = {**known.defaults, **read.written}
    compiler = Compiler(said, wrong, known.macros, known.tables)
    if rule.when.strip():
        condition = compiler.condition(rule.when, "when")
        if condition is not None and never(condition.ast):
            wrong(("when",), ValueError("this can never hold: no signal meets all of it"))
    # What is inherited was found at fault where it is written.
    if read.parent is not None and "group_by" not in read.written:
        keys = parent.keys if parent is not None else ()
    else:
        keys = compiler.values(rule.group_by, "group_by") or ()
    matching = compile_matching(rule, compiler)
    delivery = compile_delivery(rule, compiler, times)
    if read.parent is not None and "correlate" not in read.written:
        ways = parent.ways if parent is not None else ()
    else:
        ways = compile_ways(rule, compiler, has_topology=has_topology) if rule.correlate else ()
    if len(faults) > before or (read.parent is not None and parent is None):
        return None
    return CompiledRule(
        rule=rule,
        condition=compile(condition_text(rule), schema=SCHEMA, constants=compiler.macros),
        keys=keys,
        file=read.document.file,
        line=read.document.at(read.at)[0],
        parent=parent,
        matching=matching,
        delivery=delivery,
        ways=ways,
    )
