"""The program with a model: a signal in, a conclusion by the model out; steered, asked, and doctored from the command line."""

import asyncio
import json
from pathlib import Path
from typing import Any

from tests.support.ground import Shared, present
from tests.support.model_server import KEY, Asked, Says, model_server, model_server_in_thread
from tests.support.program import cli, configure, lines_of, program

ERROR = {"title": "Checkout fails", "severity": "error", "type": "error", "service": "checkout", "id": "evt-1"}
MODEL = "p/m"


def config(url: str, monkey: Any, **more: Any) -> dict[str, Any]:
    monkey.setenv("TEST_MODEL_KEY", KEY)
    return {
        "models": {
            "providers": {"p": {"kind": "anthropic", "key": "${TEST_MODEL_KEY}", "base_url": url}},
            "roles": {"default": [MODEL, "none"]},
            "known": {"p/*": {"context": 50000, "price": {"input": 3, "output": 15}}},
        },
        "budgets": {"day_usd": 5},
        **more,
    }


def concludes(asked: Asked, **changes: Any) -> Says:
    """Quotes the incident's own signal."""
    cites = asked.text.split('cite=\\"sig_')[1].split("\\")[0]
    evidence = [{"cites": f"sig_{cites}", "quote": "Checkout fails", "says": "So."}]
    said = {
        "verdict": "actionable",
        "summary": "It fails.",
        "hypothesis": "A defect.",
        "confidence": 0.6,
        "evidence": evidence,
    }
    return Says(calls=(("conclude", {**said, **changes}),))


def test_a_model_looks_into_an_incident_and_can_be_asked_afterwards(tmp_path: Path, monkeypatch: Any) -> None:
    def model(asked: Asked) -> Says:
        return Says("It began with the first error.") if "Which error came first?" in asked.last else concludes(asked)

    async def main() -> None:
        async with model_server(model) as server, program(tmp_path, config(server.url, monkeypatch)) as here:
            await here.http.post("/in/generic", json=ERROR)
            (concluded,) = await here.until("investigation.concluded")
            assert (
                concluded.data["conclusion"]["analyst"] == MODEL
                and concluded.cost is not None
                and concluded.cost.usd > 0
            )
            assert KEY not in json.dumps([each.model_dump(mode="json") for each in await here.decisions()])
            asked = await here.command("ask", concluded.incident_id or "", "Which error came first?", "--wait", "30")
            assert asked.exit_code == 0 and "It began with the first error." in asked.stdout
            late = await here.command("steer", concluded.investigation_id or "", "look there")
            assert late.exit_code == 1 and "tocsin ask" in late.output
            assert await here.metric("tocsin_investigate_model_calls_total", model=MODEL) == 2
            assert await here.metric("tocsin_investigate_model_available", model=MODEL) == 1
            # Where processes share a journal, requests at once are counted over all of them.
            places = await here.running.program.journal.get("places", f"model/{MODEL}")
            assert places == (b"{}" if isinstance(present(), Shared) else None)
            assert server.faults == []

    asyncio.run(main())


def test_a_running_investigation_is_steered_from_the_command_line(tmp_path: Path, monkeypatch: Any) -> None:
    gate = asyncio.Event()

    def model(asked: Asked) -> Says:
        if "look at the cache" in asked.text:
            return concludes(asked, summary="It is the cache.")
        return Says(calls=(("signals.search", {}),), gate=gate)

    async def main() -> None:
        async with model_server(model) as server, program(tmp_path, config(server.url, monkeypatch)) as here:
            await here.http.post("/in/generic", json=ERROR)
            (started,) = await here.until("investigation.started")
            told = await here.command("steer", started.incident_id or "", "look at the cache")
            assert told.exit_code == 0, told.output
            # It waits to be read; or it was there before the first question, and has been.
            while not await here.running.program.journal.scan("inbox"):
                if await here.decisions("investigation.concluded"):
                    break
                await asyncio.sleep(0.01)
            gate.set()
            (concluded,) = await here.until("investigation.concluded")
            assert concluded.data["conclusion"]["summary"] == "It is the cache."

    asyncio.run(main())


def test_a_model_that_is_not_there_leaves_everything_as_it_is_without_one(tmp_path: Path, monkeypatch: Any) -> None:
    async def main() -> None:
        async with program(tmp_path, config("http://127.0.0.1:9", monkeypatch)) as here:
            await here.http.post("/in/generic", json=ERROR)
            (concluded,) = await here.until("investigation.concluded")
            assert concluded.data["conclusion"]["analyst"] == "none"
            await here.settle()

    asyncio.run(main())


def test_without_a_running_program_a_question_is_answered_all_the_same(tmp_path: Path, monkeypatch: Any) -> None:
    with model_server_in_thread(
        lambda asked: Says("Nothing more.") if "Anything else?" in asked.last else concludes(asked)
    ) as server:
        settings = config(server.url, monkeypatch)

        async def main() -> str:
            async with program(tmp_path, settings) as here:
                await here.http.post("/in/generic", json=ERROR)
                (concluded,) = await here.until("investigation.concluded")
                return str(concluded.investigation_id)

        identity = asyncio.run(main())
        asked = cli("ask", identity, "Anything else?", "--json", config=tmp_path / "tocsin.yaml")
        assert asked.exit_code == 0, asked.output
        (answer,) = lines_of(asked)
        assert answer["result"]["text"] == "Nothing more."


def test_doctor_says_which_models_there_are_and_which_have_no_price(tmp_path: Path, monkeypatch: Any) -> None:
    settings = config("http://127.0.0.1:9", monkeypatch)
    settings["models"]["known"] = {}
    file = configure(tmp_path, settings)
    found = {each["about"]: each for each in lines_of(cli("doctor", "--json", config=file))}
    assert (
        found["models"]["grade"] == "note" and MODEL in found["models"]["found"] and "price" in found["models"]["fix"]
    )


def test_a_role_that_names_no_provider_is_a_fault_of_the_configuration(tmp_path: Path, monkeypatch: Any) -> None:
    settings = config("http://127.0.0.1:9", monkeypatch)
    settings["models"]["roles"] = {"default": ["q/m"]}
    ran = cli("doctor", config=configure(tmp_path, settings))
    assert ran.exit_code != 0 and "'q/m'" in ran.output
