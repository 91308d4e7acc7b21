"""Twins of scored cases: the same cases with everything that is only a name renamed (services, hosts, people, label values, ids), in their
files, their reference answers and the names of their folders, so that what is reached can be held against the originals."""

import gzip
import hashlib
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

_NAMING = re.compile(
    r"(?:^|_)(?:service|host|hostname|app|pod|node|container|deployment|workload|namespace|cluster|instance|identifier|replica|user|users|owner|author"
    r"|team|job|queue|topic|kube_\w+|db_\w+|name|caller|callee|peer|source_identifier|subject|component|image|host_ip)(?:_?(?:name|id))?$",
    re.I,
)
"""Fields whose values are names."""
_WORDED = re.compile(
    r"^(?:metric|metric_?name|label|tool_?name|stat|unit|type|reason|event_?name|alertname|severity)$", re.I
)
"""Fields whose values say what is measured or done: their words are kept wherever they stand."""
_PROPER = re.compile(r"[A-Z][A-Za-z]*(?::[A-Za-z]+)?")
"""How metrics, conditions and waits are called."""
_KEPT = frozenset(
    """
    service services server client proxy gateway database cluster node nodes instance primary replica master worker prod production staging stage
    test dev default system kube kubernetes docker registry container image latest main name none null true false ready running pending failed
    success error warning info normal critical alert alerting state status type kind value metric metrics event events message reason object
    deployment statefulset daemonset replicaset pod pods job cronjob namespace config configmap secret volume storage disk memory load queue topic
    partition consumer producer broker group lag latency duration count rate total average sum max min percent http https grpc tcp udp dns tls cert
    certificate token password user users admin root session connection connections pool thread process cpu network interface port host hostname
    address query statement select insert update delete where from order limit join index table schema column postgres postgresql mysql mariadb redis
    kafka mongo mongodb rabbitmq nginx envoy istio prometheus grafana alertmanager datadog cloudwatch sentry jaeger loki elastic elasticsearch
    python java node golang ruby rust linux ubuntu debian alpine bash sleep exit code fatal panic exception timeout refused denied invalid missing
    west east north south central compute internal local localhost amazonaws aws azure google cloud region zone availability remote lambda fargate
    cpuutilization readiops writeiops databaseconnections freestoragespace freeablememory replicalag watchdog crashloopbackoff oomkilled
    imagepullbackoff errimagepull backoff unhealthy killing scheduled pulled pulling created started failedscheduling application monitor monitors
    scheduler kubelet apiserver controller manager operator exporter agent collector argocd helm git github gitlab linear slack pagerduty
    dbinstance identifier unscheduled core extras import request resources resource reader control plane internet
    clientread wait waits heartbeat health check checks synthetic
    """.split()  # noqa: SIM905 - a list of them, one a line, is past reading
)
"""Words that say what a thing is, and not which."""
_WORD = re.compile(r"[A-Za-z]{4,}")
_HEX = re.compile(r"(?<![\w-])(?=[0-9a-f]*\d)(?=[0-9a-f]*[a-f])[0-9a-f]{7,64}(?![\w])")
_ADDRESS = re.compile(r"(?<![\d.])(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_SUFFIX = re.compile(r"(?:service|svc|server|db|api)$")


def twins(evals: Path, suite: str, place: Path, *, most: int | None = None) -> Path:
    """The file of the renamed cases of a suite, the first `most` of them, with their scorer and answers beside it under `place`."""
    source = _read(evals / "cases" / f"{suite}.jsonl")
    cases = [json.loads(row) for row in source.splitlines() if row.strip()][:most]
    truth = {row["id"]: row for row in map(json.loads, _read(evals / "truth" / f"{suite}.jsonl").splitlines())}
    made, answers = [], []
    for number, case in enumerate(cases):
        naming = _whole(case) if "services" in case["input"] else _words(case, evals / "cases")
        twin, answer = _twin(case, truth[case["id"]], naming, evals / "cases", place / "cases", number)
        made.append(twin)
        answers.append(answer)
    (place / "truth").mkdir(parents=True, exist_ok=True)
    (place / "truth" / f"{suite}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in answers))
    (place / "cases").mkdir(parents=True, exist_ok=True)
    file = place / "cases" / f"{suite}.jsonl"
    file.write_text("".join(json.dumps(each) + "\n" for each in made))
    shutil.copy(evals / "score.py", place / "score.py")
    return file


def _twin(
    case: dict[str, Any], answer: dict[str, Any], naming: "Naming", source: Path, place: Path, number: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    given = dict(case["input"])
    folder = f"twins/{number:03d}"
    if "dir" in given:
        for name in given["files"]:
            _write(place / folder / naming.file(name), naming.text(_read(source / given["dir"] / name)))
        given = {**naming.value(given), "dir": folder, "files": [naming.file(name) for name in given["files"]]}
    else:
        files, reference = given.pop("files", {}), given.pop("normal_ref", None)
        given = naming.value(given)
        if reference is not None:
            given["normal_ref"] = f"{folder}-{reference}"
            _write(place / given["normal_ref"], json.dumps(naming.value(json.loads(_read(source / reference)))))
        renamed: dict[str, dict[str, list[str]]] = {}
        for kind, windows in files.items():
            for window, names in windows.items():
                kept = renamed.setdefault(kind, {}).setdefault(window, [])
                for name in names:
                    kept.append(f"{folder}/{kind}/{Path(name).name}")
                    _write(place / kept[-1], naming.text(_read(source / name)))
        given |= {"files": renamed} if files else {}
    identity = f"twin-{number:03d}"
    told = naming.value(answer)
    return {**case, "id": identity, "input": given}, {
        **told,
        "id": identity,
        "suite": answer.get("suite", case["suite"]),
    }


class Naming:
    """Old names to new ones: whole names, or words wherever they stand as part of a name."""

    def __init__(self, whole: Mapping[str, str], words: Iterable[str]) -> None:
        self._whole = dict(whole)
        self._listed = sorted(self._whole, key=len, reverse=True)
        chosen = sorted(words, key=len, reverse=True)
        either = "|".join(chosen)
        capital = "|".join(each.capitalize() for each in chosen)
        upper = "|".join(each.upper() for each in chosen)
        self._words = (
            re.compile(
                rf"(?<![A-Za-z])(?:{either})(?=s?(?![a-z])|service|svc|server|db|api)|(?:{capital})(?=s?(?![a-z]))|(?<![A-Za-z])(?:{upper})(?![A-Za-z])"
            )
            if chosen
            else None
        )

    def text(self, text: str) -> str:
        """All of it renamed."""
        for name in self._listed:
            text = text.replace(name, self._whole[name])
        if self._words is not None:
            text = self._words.sub(lambda found: _like(found.group(), invented(found.group().lower())), text)
        if self._words is not None:
            text = _HEX.sub(lambda found: _digits(found.group()), text)
            text = _ADDRESS.sub(lambda found: _address(found.group()), text)
        return text

    def value(self, node: Any) -> Any:
        """JSON, keys too, for they hold names of services."""
        if isinstance(node, str):
            return self.text(node)
        if isinstance(node, list):
            return [self.value(each) for each in node]
        if isinstance(node, dict):
            return {self.text(key) if self._words is None else key: self.value(value) for key, value in node.items()}
        return node

    def file(self, name: str) -> str:
        """A file's name: it says which tool answered, and that is no name."""
        return name


def _whole(case: dict[str, Any]) -> Naming:
    """Of a ranking: every service gets another name."""
    return Naming({name: invented(name) for name in case["input"]["services"]}, ())


def _words(case: dict[str, Any], folder: Path) -> Naming:
    """Of an incident: every word in a value of a field that names something, but for those that say what it is."""
    texts = [
        json.dumps(case["input"]["alert"]),
        *(_read(folder / case["input"]["dir"] / name) for name in case["input"]["files"]),
    ]
    values = [value for text in texts for value in _named_in(text)]
    found: set[str] = set()
    kept = {word for text in texts for word in _worded(text)}
    for value in values:
        for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", value)):
            stem = _SUFFIX.sub("", word.lower()) or word.lower()
            if len(stem) >= 4 and stem not in _KEPT | kept and not any(stem == each + "s" for each in _KEPT):
                found.add(stem)
    return Naming({}, found)


def _named_in(text: str) -> Iterator[str]:
    for part in (text, *text.splitlines()):
        try:
            yield from _named(json.loads(part))
        except ValueError:
            continue
    head, _, rest = text.partition("\n")
    columns = head.split(",")
    for place, column in enumerate(columns):
        if len(columns) > 2 and _NAMING.search(column.strip()):
            yield from {row.split(",")[place] for row in rest.splitlines() if row.count(",") >= place}


def _named(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for each in node:
            yield from _named(each)
    elif isinstance(node, dict):
        for key, value in node.items():
            own = isinstance(value, str) and _NAMING.search(key) and len(value) <= 80 and " " not in value
            if own and not _WORDED.search(key) and not (key == "name" and _PROPER.fullmatch(value)):
                yield value
            yield from _named(value)


def _worded(text: str) -> Iterator[str]:
    """Words of what is measured and done, in lower case."""
    for found in re.finditer(r'"(\w+)": ?"([^"\s]{1,120})"', text):
        if _WORDED.search(found[1]) or (found[1] == "name" and _PROPER.fullmatch(found[2])):
            yield from (word.lower() for word in _WORD.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", found[2])))
    head, _, rest = text.partition("\n")
    columns = head.split(",")
    if len(columns) > 2 and "metric" in columns:
        place = columns.index("metric")
        for value in {row.split(",")[place] for row in rest.splitlines() if row.count(",") >= place}:
            yield from (word.lower() for word in _WORD.findall(value.replace("_", " ")))


@cache
def invented(name: str) -> str:
    """A word that means nothing, the same for the same name."""
    seed = hashlib.sha256(f"twin {name}".encode()).digest()
    return "z" + "".join("aeiou"[seed[each] % 5] + "bdfgklmnprtv"[seed[each + 8] % 12] for each in range(4)) + "o"


def _like(old: str, new: str) -> str:
    return new.upper() if old.isupper() else new.capitalize() if old[0].isupper() else new


def _digits(old: str) -> str:
    seed = hashlib.sha256(old[:7].encode()).hexdigest() + hashlib.sha256(old.encode()).hexdigest()
    return ("a1" + seed)[: len(old)]


def _address(old: str) -> str:
    seed = hashlib.sha256(old.encode()).digest()
    return ".".join((old.partition(".")[0], *(str(1 + each % 250) for each in seed[:3])))


def _read(path: Path) -> str:
    zipped = path.with_name(path.name + ".gz")
    if path.is_file():
        return path.read_text(encoding="utf-8", errors="replace")
    return gzip.decompress(zipped.read_bytes()).decode(errors="replace")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
