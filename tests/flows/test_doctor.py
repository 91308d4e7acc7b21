"""`tocsin doctor` asks the models and remotes that are configured whether they answer, and says what to do where one does not."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import Api, Asked, Replied, serving
from tests.support.kubernetes_api import TOKEN
from tests.support.kubernetes_api import answer as cluster
from tests.support.linear_server import LinearServer
from tests.support.model_server import KEY, ModelServer, model_server_in_thread
from tests.support.program import cli, configure, lines_of, to_linear

pytestmark = pytest.mark.ground("embedded")
ROOT = Path(__file__).parents[2]


def examined(folder: Path, config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Findings, by what they are about."""
    ran = cli("doctor", "--json", config=configure(folder, config))
    found = {each["about"]: each for each in lines_of(ran)}
    assert ran.exit_code == int(any(each["grade"] == "fault" for each in found.values())), ran.output
    return found


@contextmanager
def models(kind: str, **provider: Any) -> Iterator[tuple[ModelServer, dict[str, Any]]]:
    with model_server_in_thread([]) as server:
        where = server.url if kind == "anthropic" else f"{server.url}/v1"
        given = {"kind": kind, "key": KEY, "base_url": where, **provider}
        yield server, {"models": {"providers": {"p": given}, "roles": {"default": ["p/m", "none"], "deep": ["p/m"]}}}


both = pytest.mark.parametrize("kind", ["anthropic", "openai-compatible"])


@both
def test_a_model_that_answers_is_well_and_nothing_is_billed(tmp_path: Path, kind: str) -> None:
    with models(kind) as (server, config):
        found = examined(tmp_path, config)["models p"]
        assert found["grade"] == "ok" and "m is among its 1 models" in found["found"]
        assert server.calls == 0, "no question was asked of a model"


@both
def test_a_wrong_key_is_a_fault_that_says_where_to_look(tmp_path: Path, kind: str) -> None:
    with models(kind, key="wrong-key-7") as (_, config):
        found = examined(tmp_path, config)["models p"]
        assert (
            found["grade"] == "fault"
            and "401" in found["found"]
            and "check the configured credential" in found["found"]
        )
        assert "models.providers.p" in found["fix"] and "wrong-key-7" not in str(found)


@both
def test_a_model_that_is_not_there_is_named_with_those_near(tmp_path: Path, kind: str) -> None:
    with models(kind) as (server, config):
        server.models = ("mm-1", "n")
        config["models"]["roles"] = {"default": ["p/mm-2"]}
        found = examined(tmp_path, config)["models p"]
        assert found["grade"] == "note" and "'mm-2'" in found["found"] and "mm-1" in found["found"]
        server.models = ("mm-2-20261121", "n:7b")
        assert examined(tmp_path, config)["models p"]["grade"] == "ok", "a dated name is the same model"


def test_a_gateway_without_a_list_of_models_is_doubtful_and_nobody_there_is_a_fault(tmp_path: Path) -> None:
    with serving(lambda _: Replied({"error": "no such page"}, 404)) as api:
        provider = {"kind": "openai-compatible", "base_url": f"{api.url}/v1"}
        config = {"models": {"providers": {"p": provider}, "roles": {"default": ["p/m"]}}}
        found = examined(tmp_path, config)["models p"]
        assert found["grade"] == "note" and "no list of models" in found["found"]
    found = examined(tmp_path, config)["models p"]
    assert found["grade"] == "fault" and "ConnectError" in found["found"]


def remote(asked: Asked) -> Replied:
    """Prometheus, Loki, Elasticsearch, GitHub, Sentry, PagerDuty and Opsgenie in one."""
    if "authorization" not in asked.headers:
        return Replied({"message": "who are you?"}, 401)
    match asked.path:
        case "/api/v1/query":
            return Replied({"status": "success", "data": {"resultType": "scalar", "result": [1, "1"]}})
        case "/loki/api/v1/labels":
            return Replied({"status": "success", "data": ["app", "pod"]})
        case "/logs-*/_search":
            return Replied({"_shards": {"total": 3}, "hits": {"hits": []}})
        case "/absent-*/_search":
            return Replied({"_shards": {"total": 0}, "hits": {"hits": []}})
        case "/repos/shop/cart":
            return Replied({"full_name": "shop/cart"})
        case "/rate_limit":
            return Replied({"resources": {"core": {"limit": 5000, "remaining": 4990}}})
        case "/api/0/organizations/shop/issues/":
            return Replied([])
        case "/oncalls":
            return Replied({"oncalls": [{"user": {"name": "Ada"}, "escalation_level": 1}]})
        case "/v2/schedules/first/on-calls":
            return Replied({"data": {"onCallRecipients": ["ada@example.com"]}})
        case _:
            return Replied({"message": "there is no such page"}, 404)


def remotes(api: Api, kubernetes: Api, folder: Path, **more: Any) -> dict[str, Any]:
    token = more.pop("token", "t")
    (folder / "notes").mkdir(exist_ok=True)
    (folder / "notes" / "a.md").write_text("# A\n")
    subprocess.run(["git", "init", "-q", str(folder / "clone")], check=True)
    commit = ["-c", "user.name=a", "-c", "user.email=a@x", "commit", "-q", "--allow-empty", "-m", "x"]
    subprocess.run(["git", "-C", str(folder / "clone"), *commit], check=True)
    given = {"command": [sys.executable, "-m", "tests.support.mcp_server", str(folder)], "folder": str(ROOT)}
    return {
        "prometheus": {"url": api.url, "token": token},
        "loki": {"url": api.url, "token": token},
        "elasticsearch": {"url": api.url, "token": token, "index": more.pop("index", "logs-*")},
        "github": {"url": api.url, "token": token, "repositories": {"cart": "shop/cart"}},
        "sentry": {"api_url": api.url, "auth_token": token, "organization": "shop"},
        "kubernetes": {"url": kubernetes.url, "token": more.pop("account", TOKEN), "namespace": "shop"},
        "oncall": {
            "pagerduty": {"url": api.url, "token": "t"},
            "opsgenie": {"url": api.url, "api_key": "k", "services": {"*": [more.pop("schedule", "first")]}},
        },
        "git": {"repositories": {"cart": str(folder / more.pop("clone", "clone"))}},
        "runbooks": {"folders": [str(folder / more.pop("notes", "notes"))]},
        "sql": {"databases": {"shop": {"file": str(folder / more.pop("file", "shop.db"))}}},
        "custom": {
            "tools": {
                "uptime": {
                    "description": "How long it runs.",
                    "command": {"run": [more.pop("program", sys.executable)]},
                }
            }
        },
        "mcp": {"servers": {"wiki": {**given, "allow": [more.pop("allowed", "say")]}}},
        **more,
    }


def test_every_remote_that_answers_is_well(tmp_path: Path) -> None:
    (tmp_path / "shop.db").write_bytes(b"")
    with serving(remote) as api, serving(cluster) as kubernetes, LinearServer() as linear:
        found = examined(tmp_path, {"connectors": remotes(api, kubernetes, tmp_path, linear=to_linear(linear))})
    wanted = (
        "prometheus",
        "loki",
        "elasticsearch",
        "github",
        "sentry",
        "kubernetes",
        "pagerduty",
        "opsgenie",
        "linear",
    )
    wanted = (*wanted, "git cart", "runbooks", "sql shop", "custom.uptime", "mcp.wiki")
    assert {name: found[name]["grade"] for name in wanted} == dict.fromkeys(wanted, "ok"), found
    assert "4990 of 5000" in found["github"]["found"] and "2 labels" in found["loki"]["found"]
    assert all(asked.method == "GET" or "search" in asked.path or "query" in asked.path for asked in api.asked)


def test_each_that_does_not_is_a_fault_with_what_to_look_at(tmp_path: Path) -> None:
    with serving(remote) as api, serving(cluster) as kubernetes, LinearServer() as linear:
        wrong = remotes(
            api, kubernetes, tmp_path, account="wrong", schedule="none", clone="absent", notes="absent", file="absent.db",
            program="/no/such/program", allowed="nothing_*", index="absent-*", linear=to_linear(linear) | {"api_key": "no"},
        )  # fmt: skip
        for name in ("prometheus", "loki", "github"):
            wrong[name]["url"] = "http://127.0.0.1:9"
        wrong["sentry"]["organization"] = "shoe"
        found = examined(tmp_path, {"connectors": wrong})
    faulty = (
        "prometheus",
        "loki",
        "github",
        "sentry",
        "kubernetes",
        "opsgenie",
        "linear",
        "git cart",
        "runbooks",
        "sql shop",
    )
    faulty = (*faulty, "custom.uptime")
    assert {name: found[name]["grade"] for name in faulty} == dict.fromkeys(faulty, "fault"), found
    assert all(found[name]["fix"] for name in faulty)
    for name in ("elasticsearch", "mcp.wiki"):
        assert found[name]["grade"] == "note" and found[name]["fix"], found[name]
    assert "wrong" not in str(found["kubernetes"])


def test_a_remote_that_hangs_costs_seconds_and_holds_up_none_of_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tocsin.checkups.PATIENCE_S", 0.5)
    with serving(lambda asked: Replied(status=-1) if asked.path == "/api/v1/query" else remote(asked)) as api:
        config = {"prometheus": {"url": api.url, "token": "t"}, "loki": {"url": api.url, "token": "t"}}
        found = examined(tmp_path, {"connectors": config})
        api.stopping.set()
    assert found["prometheus"]["grade"] == "fault" and "no answer within 0.5 s" in found["prometheus"]["found"]
    assert found["loki"]["grade"] == "ok"
