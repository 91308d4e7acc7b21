"""Kubernetes' own OpenAPI documents as strict JSON Schemas, and Helm, as `.ci/servers` installs both.

faults(rendered)                   # one line for each thing the API server would refuse, or silently drop
"""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy" / "helm" / "tocsin"
HELM = ROOT / ".cache" / "bin" / "helm"
DOCUMENTS = ROOT / ".cache" / "kubernetes"

Object = dict[str, Any]


def helm(*arguments: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Run Helm with nothing of the user's. Skips the test when it is not installed; in CI that is a failure."""
    if not HELM.exists():
        _absent("Helm in .cache/bin")
    places = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    return subprocess.run([HELM, *arguments], capture_output=True, text=True, timeout=120, check=False, env=places)


def rendered(*arguments: str, home: Path) -> list[Object]:
    """The objects of the chart, as `helm template` prints them for a release `tocsin`."""
    done = helm("template", "tocsin", str(CHART), "--namespace", "monitoring", *arguments, home=home)
    assert done.returncode == 0, done.stderr
    return [each for each in YAML(typ="safe").load_all(done.stdout) if each is not None]


def faults(found: Object) -> list[str]:
    """What the schema of its kind has against an object: an unknown kind or field, a missing one, a value of another type."""
    kinds = _kinds()
    kind = (found["apiVersion"], found["kind"])
    if kind not in kinds:
        return [f"{kind} is no kind of these documents"]
    name = f"{found['kind']}/{found['metadata']['name']}"
    validator = Draft202012Validator(kinds[kind])
    return [f"{name} at {each.json_path}: {each.message}" for each in validator.iter_errors(found)]


def _absent(what: str) -> NoReturn:
    reason = f"{what} not found; `.ci/servers` provides it"
    if os.environ.get("TOCSIN_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@cache
def _kinds() -> Mapping[tuple[str, str], Object]:
    """Each kind's schema, by apiVersion and kind."""
    documents = sorted(DOCUMENTS.glob("*_openapi.json"))
    if not documents:
        _absent("Kubernetes' schemas in .cache/kubernetes")
    kinds: dict[tuple[str, str], Object] = {}
    for document in documents:
        components = {"schemas": _strict(json.loads(document.read_text())["components"]["schemas"])}
        for name, schema in components["schemas"].items():
            for each in schema.get("x-kubernetes-group-version-kind", ()):
                version = f"{each['group']}/{each['version']}".lstrip("/")
                kinds.setdefault(
                    (version, each["kind"]), {"$ref": f"#/components/schemas/{name}", "components": components}
                )
    definition = YAML(typ="safe").load((DOCUMENTS / "servicemonitor.yaml").read_text())["spec"]
    for version in definition["versions"]:
        schema = _strict(version["schema"]["openAPIV3Schema"])
        schema["properties"]["metadata"] = {"type": "object"}
        kinds[f"{definition['group']}/{version['name']}", definition["names"]["kind"]] = schema
    return kinds


def _strict(schema: Any) -> Any:
    """The same with no field allowed that it does not name: the API server drops such a field without a word."""
    if isinstance(schema, list):
        return [_strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items()}
    if isinstance(made.get("properties"), dict) and made.get("type") == "object":
        made.setdefault("additionalProperties", False)
    return made


def pods(objects: list[Object]) -> Iterator[tuple[str, Object]]:
    """Role and pod template of each workload."""
    for each in objects:
        if each["kind"] in ("Deployment", "StatefulSet"):
            yield each["metadata"]["labels"]["app.kubernetes.io/component"], each["spec"]["template"]
