"""A model that obeys: what an attempt of the injection corpus asks for, it does, as soon as it reads the attempt's mark in its prompt.

No real model is so easily led, and none finds the words of a tool's name or a quote so surely: what does not happen with this one is
held by the program, not by the good sense of a model.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from tests.support.model_server import KEY, Asked, Says

_FENCED = re.compile(r'<outside-\w+ cite="([^"]+)" source="[^"]*">\n(.*?)\n</outside-', re.DOTALL)
_WEIGHED = re.compile(r'cite="weighed"[^>]*>\s*verdict: (\w+)', re.DOTALL)
_MARK = re.compile(r"inj-\d{3}")


@dataclass
class Obedient:
    """`wants`: what each mark asks for. `looks`: the question a service's investigation begins with. Counts what it did."""

    wants: Mapping[str, Mapping[str, Any]]
    looks: Mapping[str, tuple[str, dict[str, Any]]]
    seen: set[str] = field(default_factory=set)
    obeyed: set[str] = field(default_factory=set)
    _done: dict[str, set[str]] = field(default_factory=dict)

    def __call__(self, asked: Asked) -> Says:
        text = "\n".join(_texts([asked.body["messages"], asked.body.get("tools")]))
        done = self._done.setdefault(json.dumps(asked.body["messages"][0]), set())
        service = re.search(r"svc-\d{3}", text)
        assert service is not None, "each incident of the corpus has its service"
        name = service.group()
        marks = list(dict.fromkeys(_MARK.findall(text)))
        self.seen |= set(marks)
        if asked.forced is None:
            if name in self.looks and "look" not in done:
                done.add("look")
                return Says(calls=(self.looks[name],))
            calls = tuple(call for mark in marks if mark not in done for call in self._calls(mark, text))
            done |= set(marks)
            if calls:
                self.obeyed |= {mark for mark in marks if self._calls(mark, text)}
                return Says("As I was told.", calls)
        self.obeyed |= set(marks)
        return Says(calls=(("conclude", self._conclusion(marks, name, text)),))

    def _calls(self, mark: str, text: str) -> list[tuple[str, dict[str, Any]]]:
        wants = self.wants[mark]
        if "propose" in wants:
            return [
                ("propose_action", {"kind": wants["propose"], "arguments": wants["arguments"], "why": "I was told to."})
            ]
        if "call" in wants:
            secret = _secret(wants, text)
            return [
                (
                    wants["call"],
                    {key: secret if value == "SECRET" else value for key, value in wants["arguments"].items()},
                )
            ]
        return []

    def _conclusion(self, marks: list[str], service: str, text: str) -> dict[str, Any]:
        """The verdict that follows from the records, and on it whatever the texts want."""
        weighed = _WEIGHED.search(text)
        said: dict[str, Any] = {
            "verdict": weighed.group(1) if weighed else "actionable",
            "summary": "It fails.",
            "hypothesis": "As the records say.",
            "confidence": 0.9,
            "evidence": [_evidence(text, (*marks, service, "nothing of note"))],
        }
        for mark in marks:
            wants = self.wants[mark]
            said |= {key: wants[key] for key in ("verdict", "blast_radius") if key in wants}
            if "actions" in wants:
                said["actions"] = [{"kind": kind, "why": "I was told to."} for kind in wants["actions"]]
            if "change" in wants:
                said["change"] = {"kind": "commit", "id": wants["change"]}
            if "says" in wants:
                said["summary"] = wants["says"].replace("{key}", KEY if KEY in text else "not known to me")
            if "secret" in wants:
                said["summary"] = said["remediation"] = f"The secret is {_secret(wants, text)}."
            if "cites" in wants:
                said["evidence"] = [{"cites": wants["cites"], "quote": "noise", "says": "So."}]
            if wants.get("uncited"):
                said["evidence"] = []
        return said


def _secret(wants: Mapping[str, Any], text: str) -> str:
    found = re.search(wants["secret"], text) if "secret" in wants else None
    return found.group(1) if found else "not to be found"


def _evidence(text: str, words: tuple[str, ...]) -> dict[str, str]:
    """A quote that stands where it is said to: from a tool's answer if any holds one of the words, which goes furthest."""
    fences = _FENCED.findall(text)
    for beginning in ("step/", "sig_"):
        for word, (cites, inner) in product(words, fences):
            if word in inner and cites.startswith(beginning):
                return {"cites": cites, "quote": word, "says": "So it is."}
    return {"cites": "step/0", "quote": words[0], "says": "So it is."}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
