"""How much hangs on the weights of correlation: each of them varied, and all of them chosen anew with each storm left out in turn.

    python -m tests.bench.storm_weights CASES.jsonl.gz TRUTH.jsonl

For each variant the mean pairwise F1 over all storms; then the mean F1 when the variant is chosen by the other storms and scored on the one left out, once among
these and once among weights drawn from a wide range. Scoring is that of the suite `itbench-storm`; nothing of the program reads the reference answers.
"""

import gzip
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any, TypeVar

from rules.correlation.graph import Graph
from rules.correlation.placing import Correlator
from rules.correlation.second_look import Hearing, second_look
from rules.correlation.values import Alert, Weights
from schemas.time import SECOND

Storm = tuple[list[Alert], Graph, list[str | None]]
Variant = tuple[Weights, Hearing | None]
FACTORS = (0.5, 0.75, 1.25, 1.5, 2.0)
UNUSED = ("label", "change", "change_s")
"""The storms have neither labels nor changes."""
DRAWN = 300
Some = TypeVar("Some", Weights, Hearing)


def storms(cases: Path, truth: Path) -> Iterator[Storm]:
    """Alerts in the order of their times, the graph, and for each alert by number its incident."""
    known = {row["id"]: row["truth"]["incident"] for row in _rows(truth)}
    for row in _rows(cases):
        said = row["input"]
        alerts = [
            Alert(str(one["i"]), round(one["t"] * SECOND), one["alert"], one.get("service") or "")
            for one in said["alerts"]
        ]
        graph = Graph([(cause, sufferer) for cause, sufferer in said["topology"]])
        yield sorted(alerts, key=lambda alert: alert.at), graph, known[row["id"]]


def f1(storm: Storm, variant: Variant) -> float:
    """Pairs of alerts put into one incident, as the suite scores them."""
    alerts, graph, true = storm
    weights, hearing = variant
    correlator = Correlator(graph, weights)
    placed = {alert.id: correlator.place(alert).incident for alert in alerts}
    if hearing is not None:
        for moved in second_look(alerts, {name: into for name, into in placed.items() if into}, graph, hearing):
            placed[moved.alert] = moved.now
    own = [placed.get(str(number)) for number in range(len(true))]
    both = extra = lost = 0
    for one in range(len(true)):
        for other in range(one):
            same = true[one] is not None and true[one] == true[other]
            joined = own[one] is not None and own[one] == own[other]
            both, extra, lost = both + (same and joined), extra + (joined and not same), lost + (same and not joined)
    return 2 * both / (2 * both + extra + lost) if both else 0.0


def variants() -> dict[str, Variant]:
    """The weights as they are, without the second look, with each of them made smaller and larger, and many drawn from a wide range."""
    usual, hearing = Weights(), Hearing()
    found: dict[str, Variant] = {"as they are": (usual, hearing), "without the second look": (usual, None)}
    for field, factor in product(fields(Weights), FACTORS):
        if field.name not in UNUSED:
            weights = _times(usual, {field.name: factor})
            found[f"{field.name} {getattr(weights, field.name):g}"] = (weights, hearing)
    for field, factor in product(fields(Hearing), FACTORS):
        heard = _times(hearing, {field.name: factor})
        found[f"second look: {field.name} {getattr(heard, field.name):g}"] = (usual, heard)
    return found


def drawn(number: int) -> dict[str, Variant]:
    """Each weight between a third and three times what it is, all at once; the same ones each time."""
    draw = random.Random(7)
    found: dict[str, Variant] = {}
    for place in range(number):
        factors = {name: 3 ** draw.uniform(-1, 1) for name in _names(Weights)}
        heard = {name: 3 ** draw.uniform(-1, 1) for name in _names(Hearing)}
        found[f"drawn {place}"] = (_times(Weights(), factors), _times(Hearing(), heard))
    return found


def _names(kind: type[Weights | Hearing]) -> list[str]:
    return [field.name for field in fields(kind)]


def _times(value: Some, factors: Mapping[str, float]) -> Some:
    """With fields multiplied; whole numbers stay whole."""
    known = {name: getattr(value, name) for name in factors}
    changes = {name: type(now)(now * factors[name]) for name, now in known.items()}
    return replace(value, **changes)


def left_out(scores: Mapping[str, Sequence[float]]) -> float:
    """The mean F1 of storms, each scored by the variant that is best on all the others."""
    number = len(next(iter(scores.values())))
    found = []
    for left in range(number):
        chosen = max(scores, key=lambda name: sum(scores[name]) - scores[name][left])
        found.append(scores[chosen][left])
    return fmean(found)


def main() -> None:
    """Print the variants, the best first, and the figures with each storm left out."""
    known = list(storms(Path(sys.argv[1]), Path(sys.argv[2])))

    def scored(those: Mapping[str, Variant]) -> dict[str, list[float]]:
        return {name: [f1(storm, variant) for storm in known] for name, variant in those.items()}

    near, wide = scored(variants()), scored(drawn(DRAWN))
    for name in sorted(near, key=lambda name: -fmean(near[name])):
        print(f"{fmean(near[name]):.3f}  {name}")
    print(
        f"{left_out(near):.3f}  chosen among these by the other storms, scored on the one left out ({len(known)} storms)"
    )
    best = max(fmean(scores) for scores in wide.values())
    print(f"{best:.3f}  the best of {DRAWN} drawn from a wide range, none of which is ours")
    print(f"{left_out(wide):.3f}  chosen among those by the other storms, scored on the one left out")


def _rows(file: Path) -> Iterator[dict[str, Any]]:
    text = gzip.decompress(file.read_bytes()).decode() if file.suffix == ".gz" else file.read_text()
    for line in text.splitlines():
        yield json.loads(line)


if __name__ == "__main__":
    main()
