"""A cluster is read: what is wrong with a pod, what happened, what was printed, what was rolled out."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.kubernetes import connector
from connectors.kubernetes.settings import KubernetesSettings
from connectors.ports.tool import Tool, ToolFailed
from tests.support.api import Api, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import checkout_incident
from tests.support.kubernetes_api import TOKEN, answer


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(answer) as served:
        yield served


@pytest.fixture
def tools(api: Api) -> dict[str, Tool]:
    return tools_of(connector, url=api.url, token=TOKEN, namespace="shop")


def test_the_pods_of_the_service_are_described_those_in_trouble_first(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.describe"])
    assert [(pod.name, pod.status, pod.ready, pod.restarts) for pod in found.pods] == [
        ("cart-7f-x1", "CrashLoopBackOff", "0/1", 7),
        ("cart-6c-y2", "Running", "1/1", 0),
    ]
    migrate, cart = found.containers
    assert migrate.init and migrate.exit_code == 0
    assert (cart.last_reason, cart.last_exit_code, cart.limits) == ("OOMKilled", 137, {"memory": "64Mi"})
    assert cart.liveness == "http /ok on 8080 timeout=1 failures=3"
    assert [event.reason for event in found.events] == ["BackOff"] and found.events[0].count == 31
    assert "hunter2" not in found.model_dump_json(), "values of variables are never shown"


def test_what_the_incident_s_labels_name_is_described(tools: dict[str, Tool]) -> None:
    named = checkout_incident(labels={"namespace": "shop", "pod": "cart-7f-x1"})
    found = ask(tools["kubernetes.describe"], incident=named)
    assert (found.kind, found.name, found.owner, found.found) == ("pod", "cart-7f-x1", "ReplicaSet/cart-7f", True)
    assert found.conditions[0].reason == "ContainersNotReady"
    gone = ask(tools["kubernetes.describe"], incident=checkout_incident(labels={"pod": "gone"}))
    assert not gone.found


def test_a_deployment_is_described_with_its_pods(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.describe"], kind="deployment", name="cart")
    assert found.spec == {"replicas": "2"} and found.status["readyReplicas"] == "1"
    assert found.pods_total == 2 and found.containers[1].last_reason == "OOMKilled"
    assert {event.object for event in found.events} == {"Deployment/cart", "Pod/cart-7f-x1"}


def test_a_node_is_described_from_all_namespaces(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.describe"], kind="node", name="node-1")
    assert found.conditions[0].type == "MemoryPressure" and [pod.name for pod in found.pods] == ["cart-7f-x1"]
    assert found.status["allocatable"] == "cpu=2"


def test_events_around_the_start_come_in_order_with_warnings_kept_first(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.events"])
    assert [(event.reason, event.after_start_s) for event in found.events] == [
        ("ScalingReplicaSet", -541.0),
        ("BackOff", 30.0),
    ]
    assert [event.reason for event in ask(tools["kubernetes.events"], limit=1).events] == ["BackOff"]
    assert ask(tools["kubernetes.events"], object="cart-7f", warnings=True).total == 1


def test_what_was_printed_before_the_restart_is_read_too(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.logs"], pod="cart-7f-x1")
    assert [(line.severity, line.text) for line in found.lines] == [
        ("critical", "fatal error: out of memory"),
        ("info", "goroutine 1 [running]:"),
        ("info", "listening on :8080"),
        ("error", "ERROR payment 3 failed"),
    ]
    assert found.lines[0].id == "cart-7f-x1/cart" and found.lines[0].after_start_s == 10.1
    assert ask(tools["kubernetes.logs"], pod="cart-7f-x1", previous="no").total == 2
    assert not ask(tools["kubernetes.logs"], pod="cart-7f-x1", lines=2).complete
    with pytest.raises(ToolFailed, match="has no container 'web'; it has migrate, cart"):
        ask(tools["kubernetes.logs"], pod="cart-7f-x1", container="web")
    with pytest.raises(ToolFailed, match="there is no pod 'gone' in 'shop'"):
        ask(tools["kubernetes.logs"], pod="gone")


def test_rollouts_are_told_with_what_changed_and_when_from_the_start(tools: dict[str, Tool]) -> None:
    found = ask(tools["kubernetes.rollouts"])
    assert [(each.revision, each.before_start_s, each.changed, each.current) for each in found.revisions] == [
        (11, -300.0, "the template, not its images", True),
        (10, 540.0, "image shop/cart:2.4.1", False),
        (9, 86_400.0, "", False),
    ]
    assert found.revisions[1].cause == "deploy 981"
    stateful = ask(tools["kubernetes.rollouts"], kind="statefulset", name="db")
    assert stateful.revisions[0].images == ("postgres:15",)
    with pytest.raises(ToolFailed, match="no deployment 'none' in 'shop' has revisions"):
        ask(tools["kubernetes.rollouts"], name="none")


def test_objects_are_listed(tools: dict[str, Tool]) -> None:
    assert [row.status for row in ask(tools["kubernetes.list"]).objects] == ["Running", "CrashLoopBackOff"]
    assert ask(tools["kubernetes.list"], kind="deployment").objects[0].ready == "1/2"


def test_what_may_not_be_read_is_refused_by_us_or_by_the_cluster(api: Api, tools: dict[str, Tool]) -> None:
    with pytest.raises(ToolFailed, match=r"403.*cannot list in the namespace.*may not read this"):
        ask(tools["kubernetes.list"], namespace="bank")
    fenced = tools_of(connector, url=api.url, token=TOKEN, namespace="shop", namespaces=["shop"])
    before = len(api.asked)
    with pytest.raises(ToolFailed, match="namespace 'bank' may not be looked at"):
        ask(fenced["kubernetes.describe"], namespace="bank", name="x")
    assert len(api.asked) == before
    for kind in ("secret", "configmap"):
        with pytest.raises(ValidationError):
            ask(tools["kubernetes.describe"], kind=kind, name="x")


@pytest.mark.parametrize("name", ["../secrets/db", "x/../../secrets", "..", "a?watch=1", "a#b"])
def test_a_name_cannot_lead_elsewhere(name: str, api: Api, tools: dict[str, Tool]) -> None:
    assert not ask(tools["kubernetes.describe"], kind="pod", name=name).found
    assert api.asked[0].path.startswith("/api/v1/namespaces/shop/pods/")
    assert "watch" not in api.asked[0].query


def test_a_kubeconfig_is_read_and_one_that_runs_a_program_is_refused(api: Api, tmp_path: Path) -> None:
    def kubeconfig(user: dict[str, object]) -> str:
        file = tmp_path / "config"
        content = {
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
            "clusters": [{"name": "k", "cluster": {"server": api.url}}],
            "users": [{"name": "u", "user": user}],
        }
        file.write_text(json.dumps(content))
        return str(file)

    tools = tools_of(connector, kubeconfig=kubeconfig({"token": TOKEN}), namespace="shop")
    assert ask(tools["kubernetes.list"]).total == 2
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    kubeconfig({"tokenFile": "token"})
    assert ask(tools["kubernetes.list"]).total == 2
    kubeconfig({"exec": {"command": "aws"}})
    with pytest.raises(ToolFailed, match=r"runs a program to log in.*kubectl proxy"):
        ask(tools["kubernetes.list"])
    kubeconfig({"client-certificate-data": base64.b64encode(b"nonsense").decode(), "client-key-data": "bm8="})
    with pytest.raises(ToolFailed, match=r"SSLError|PEM"):
        ask(tools["kubernetes.list"])
    with pytest.raises(ToolFailed, match="has no context 'other'; there is c"):
        ask(tools_of(connector, kubeconfig=str(tmp_path / "config"), context="other")["kubernetes.list"])


def test_without_a_cluster_there_are_no_tools_and_two_ways_are_one_too_many() -> None:
    assert connector.tools(KubernetesSettings(), "default") == ()
    with pytest.raises(ValidationError, match="url and in_cluster are all set"):
        KubernetesSettings(url="http://k", in_cluster=True)
    with pytest.raises(ToolFailed, match="no service account in this pod"):
        ask(tools_of(connector, in_cluster=True)["kubernetes.list"])
