"""`tocsin eval` with a model, end to end: the stock SDKs against a scripted server, money and time told, a worse model noticed."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.support.model_server import KEY, Asked, Fault, ModelServer, Reply, Says, Script, model_server_in_thread
from tocsin.cli.app import app

_VERDICT = re.compile(r'cite=\\*"weighed[^>]*>\\*n?\s*verdict: (\w+)')
_CHANGE = re.compile(r"change: (?:commit|deploy) (\w{7,64})")
CASES = 4


def reads_and_concludes(asked: Asked) -> Reply:
    """Asks for error lines once, then takes over what the briefing says."""
    if (
        asked.forced is None
        and len(asked.body["messages"]) <= 2
        and "call_" not in asked.text
        and "toolu_" not in asked.text
    ):
        return Says("Errors first.", (("logs.lines", {"contains": "ERROR", "limit": 5}),))
    change = _CHANGE.search(asked.text)
    return concludes(asked, {"kind": "commit", "id": change.group(1)} if change else None)


def blames_nothing(asked: Asked) -> Reply:
    """A model that reads nothing and never names a change."""
    return concludes(asked, None)


def concludes(asked: Asked, change: dict[str, str] | None) -> Says:
    verdict = _VERDICT.search(asked.text)
    assert verdict is not None, "the briefing stands in the first message"
    said: dict[str, Any] = {
        "verdict": verdict.group(1),
        "summary": "It fails.",
        "hypothesis": "As the records say.",
        "confidence": 0.8,
        "category": "code_defect",
        "evidence": [_quoted(asked)],
    }
    return Says(calls=(("conclude", said | ({"change": change} if change else {})),))


def _quoted(asked: Asked) -> dict[str, str]:
    """Something short that stands in a tool's answer."""
    cites = re.search(r'cite=\\*"(step/\d+)', asked.text)
    assert cites is not None
    found = re.search(r'"checkout[\w-]*"|\w+service', asked.text[cites.end() :])
    assert found is not None
    return {"cites": cites.group(1), "quote": found.group().strip('"'), "says": "It says so."}


@contextmanager
def serving(script: Script, handed_out: Path, kind: str = "anthropic") -> Iterator[tuple[ModelServer, Path]]:
    """The server, and a configuration whose default model it is."""
    with model_server_in_thread(script) as server:
        address = server.url if kind == "anthropic" else f"{server.url}/v1"
        models = {
            "providers": {"p": {"kind": kind, "key": KEY, "base_url": address}},
            "roles": {"default": ["p/m", "none"]},
            "known": {"p/*": {"context": 400000, "price": {"input": 3, "output": 15}}},
        }
        config = handed_out.parent.parent / "tocsin.yaml"
        config.write_text(json.dumps({"data": "./data", "models": models}))
        yield server, config
        assert server.faults == []


def command(handed_out: Path, config: Path, *more: str, workers: int = 1) -> list[str]:
    return [
        "eval", "incidents", "--cases", str(handed_out), "--model", "default", "--config", str(config), "--workers", str(workers), *more,
    ]  # fmt: skip


def run(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.stdout, result.stderr


@pytest.mark.parametrize("kind", ["anthropic", "openai-compatible"])
def test_a_model_is_asked_and_its_cost_and_time_are_told(handed_out: Path, kind: str) -> None:
    with serving(reads_and_concludes, handed_out, kind) as (server, config):
        code, out, err = run(*command(handed_out, config, "--json"))
        told = json.loads(out)
        assert code == 0 and not told["faults"], err
        assert told["model"] == "default" and told["measures"]["root cause"]["value"] == 1.0
        assert told["usage"]["model_calls"] == server.calls == 2 * CASES
        assert told["usage"]["cost_usd"] == pytest.approx(2 * CASES * (100 * 3 + 20 * 15) / 1e6)
        assert told["calibration"]["cases"] == CASES and told["wall_s"] > 0
        assert all("logs.lines" in asked.tools and "conclude" in asked.tools for asked in server.asked)


def test_the_table_names_the_model_and_what_it_cost(handed_out: Path) -> None:
    with serving(reads_and_concludes, handed_out) as (server, config):
        code, out, _ = run(*command(handed_out, config))
        assert code == 0 and "model default" in out and "4/4" in out
        assert f"{server.calls} model calls, {server.calls * 120} tokens, $0.0048" in " ".join(out.split())
        assert "said 0.80, right 1.00 (4)" in out


def test_a_model_that_is_worse_than_the_baseline_is_exit_1_and_says_in_what(handed_out: Path, tmp_path: Path) -> None:
    good = tmp_path / "good.jsonl"
    with serving(reads_and_concludes, handed_out) as (_, config):
        assert run(*command(handed_out, config, "--out", str(good)))[0] == 0
        code, out, _ = run(*command(handed_out, config, "--baseline", str(good)))
        assert code == 0 and "before" in out
    with serving(blames_nothing, handed_out) as (_, config):
        code, out, err = run(*command(handed_out, config, "--baseline", str(good)))
        assert code == 1 and "worse than before: root cause went from 1.000 to 0.250" in err and "before" in out
        code, out, _ = run(*command(handed_out, config, "--baseline", str(good), "--json"))
        assert code == 1 and json.loads(out)["regressions"] == ["root cause went from 1.000 to 0.250"]
        assert run(*command(handed_out, config, "--baseline", str(good), "--tolerance", "0.8"))[0] == 0


def test_several_processes_ask_side_by_side_and_give_the_same_answers(handed_out: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.jsonl", tmp_path / "two.jsonl"
    with serving(reads_and_concludes, handed_out) as (server, config):
        assert run(*command(handed_out, config, "--out", str(one)))[0] == 0
        alone = server.calls
        line = [sys.executable, "-m", "tocsin", *command(handed_out, config, "--out", str(two), "--json", workers=2)]
        done = subprocess.run(line, check=False, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["usage"]["model_calls"] == server.calls - alone == alone
    assert one.read_bytes() == two.read_bytes()


def test_where_no_model_answers_the_model_free_analyst_does_and_nothing_is_paid(
    handed_out: Path, tmp_path: Path
) -> None:
    none, fallen = tmp_path / "none.jsonl", tmp_path / "fallen.jsonl"
    assert run("eval", "incidents", "--cases", str(handed_out), "--workers", "1", "--out", str(none))[0] == 0
    with serving(lambda _: Fault(401, "authentication_error", "no such key"), handed_out) as (_, config):
        code, out, _ = run(*command(handed_out, config, "--out", str(fallen), "--baseline", str(none), "--json"))
        told = json.loads(out)
        assert code == 0 and told["usage"]["cost_usd"] == 0 and told["regressions"] == []
    assert none.read_bytes() == fallen.read_bytes()
