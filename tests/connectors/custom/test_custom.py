"""Tools described in the configuration ask what they are told to, with values that stay values."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.custom import connector
from connectors.custom.settings import CustomSettings
from connectors.ports.tool import Tool, ToolFailed
from tests.support.api import Asked, Replied, serving
from tests.support.asking import ask, tools_of
from tests.support.checkout_story import checkout_incident

DESCRIPTION = "What the test wants to know."


def http(url: str, **more: Any) -> dict[str, Any]:
    parameters = {
        "region": {"type": "choice", "choices": ["eu", "us"], "default": "eu"},
        "service": {"default": "%{service}", "pattern": ".*"},
        "limit": {"type": "integer", "default": 5, "minimum": 1, "maximum": 9},
    }
    question = {
        "url": f"{url}/api/{{region}}/{{service}}/state",
        "query": {"limit": "{limit}", "q": "of {service}"},
        **more,
    }
    return {"description": DESCRIPTION, "parameters": parameters, "http": question}


def one(made: dict[str, Any]) -> Tool:
    return tools_of(connector, tools={"it": made})["custom.it"]


def test_an_address_is_asked_with_values_escaped_into_their_places() -> None:
    with serving(lambda asked: Replied({"path": asked.path})) as api:
        tool = one(http(api.url, headers={"X-Key": "hush"}))
        answer = ask(tool)
        assert answer.data == {"path": "/api/eu/checkout/state"} and answer.arguments == {
            "region": "eu",
            "service": "checkout",
            "limit": 5,
        }
        assert api.asked[0].headers["x-key"] == "hush" and api.asked[0].one("q") == "of checkout"
        ask(tool, service="../../admin?x=1#y&limit=99", region="us")
        assert api.asked[1].path == "/api/us/../../admin?x=1#y&limit=99/state", "one segment, escaped on the wire"
        assert api.asked[1].query == {"limit": ["5"], "q": ["of ../../admin?x=1#y&limit=99"]}
        ask(tool, service="..")
        assert api.asked[2].path == "/api/eu/../state", "dots are escaped, so that nobody takes them for a step up"


def test_a_post_sends_values_with_their_types() -> None:
    body = {
        "filter": {"service": "{service}", "text": "{service} in {region}"},
        "size": "{limit}",
        "fixed": [1, "{region}"],
    }
    with serving(lambda asked: Replied(asked.body)) as api:
        answer = ask(one(http(api.url, method="POST", query={}, json=body)), limit=3)
    assert answer.data == {"filter": {"service": "checkout", "text": "checkout in eu"}, "size": 3, "fixed": [1, "eu"]}


def test_a_refusal_is_told_with_what_was_asked_and_no_secret() -> None:
    def refuse(_: Asked) -> Replied:
        return Replied("no such region", 404, {"content-type": "text/plain"})

    expected = pytest.raises(ToolFailed, match=r"asked custom\.it for .*HTTP 404: 'no such region'")
    with serving(refuse) as api, expected as told:
        ask(one(http(api.url, headers={"authorization": "Bearer hush"})))
    assert "hush" not in str(told.value)


def test_too_much_is_refused_with_advice() -> None:
    expected = pytest.raises(ToolFailed, match="more than 500 bytes were answered; narrow the question")
    with serving(lambda _: Replied("x" * 5_000)) as api, expected:
        ask(one({**http(api.url), "max_bytes": 500}))


@pytest.mark.parametrize(
    "arguments",
    [{"region": "mars"}, {"limit": 10}, {"limit": "many"}, {"limit": 0}, {"unheard": 1}, {"service": "x" * 300}],
)
def test_arguments_are_checked_as_any_tool_s(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ask(one(http("http://127.0.0.1:9")), **arguments)


def command(*run: str, **more: Any) -> dict[str, Any]:
    parameters = {"queue": {"default": "%{service}"}, "verbose": {"type": "boolean", "default": False}}
    used = {name: each for name, each in parameters.items() if any(f"{{{name}}}" in part for part in run)}
    return {"description": DESCRIPTION, "parameters": used, "command": {"run": list(run), **more.pop("of", {})}, **more}


SHOW = "import json, os, sys; print(json.dumps([sys.argv[1:], sorted(os.environ), os.getcwd(), sys.stdin.read()]))"


def test_a_command_gets_its_arguments_as_they_are_and_a_clean_environment(tmp_path: Path) -> None:
    of = {"environment": {"TOKEN": "hush"}, "folder": str(tmp_path)}
    tool = one(command(sys.executable, "-c", SHOW, "--queue={queue}", "{queue}", "{verbose}", of=of))
    answer = ask(tool, queue="a b/c:d")
    arguments, environment, folder, stdin = answer.data
    assert arguments == ["--queue=a b/c:d", "a b/c:d", "false"] and stdin == ""
    assert set(environment) <= {"PATH", "LC_ALL", "TOKEN", "LC_CTYPE", "PWD"} and folder == str(tmp_path)


@pytest.mark.parametrize("value", ["; touch owned", "$(touch owned)", "`touch owned`", "| tee owned", "a\nb", "a'b"])
def test_what_a_shell_would_understand_is_not_taken_by_default(value: str) -> None:
    tool = one(command("/bin/echo", "{queue}"))
    with pytest.raises(ValidationError):
        ask(tool, queue=value)
    with pytest.raises(ToolFailed, match="does not take"):
        ask(tool, incident=checkout_incident(service=value))


def test_without_a_shell_nothing_in_a_value_means_anything(tmp_path: Path) -> None:
    made = command("/bin/echo", "{queue}", of={"folder": str(tmp_path)})
    made["parameters"]["queue"]["pattern"] = "(?s).*"
    assert ask(one(made), queue="$(touch owned); `touch owned`").text == "$(touch owned); `touch owned`\n"
    assert os.listdir(tmp_path) == []


def test_a_value_cannot_become_an_option() -> None:
    with pytest.raises(ToolFailed, match="'--version' begins with a dash and would be taken for an option"):
        ask(one(command("/bin/echo", "{queue}")), queue="--version")


def test_a_program_that_fails_hangs_or_talks_too_much_is_told_so() -> None:
    with pytest.raises(ToolFailed, match=r"ended with 3: 'no such queue'"):
        ask(one(command(sys.executable, "-c", "import sys; sys.stderr.write('no such queue\\n'); sys.exit(3)")))
    with pytest.raises(ToolFailed, match=r"did not end within 0\.5 s"):
        ask(one(command(sys.executable, "-c", "import time; time.sleep(60)", deadline_s=0.5)))
    with pytest.raises(ToolFailed, match="printed more than 1000 bytes: narrow it"):
        ask(one(command(sys.executable, "-c", "while True: print('x' * 1000)", max_bytes=1000)))
    with pytest.raises(ToolFailed, match="cannot be run"):
        ask(one(command("/no/such/program")))


@pytest.mark.timeout(20)
def test_a_program_is_not_waited_for_beyond_its_time_whoever_holds_its_output_open() -> None:
    got_away = (
        "import subprocess; subprocess.Popen(['/bin/sleep', '40'], start_new_session=True); print('x' * 1_000_000)"
    )
    with pytest.raises(ToolFailed, match=r"did not end within 1 s|printed more than"):
        ask(one(command(sys.executable, "-c", got_away, deadline_s=1)))


def test_a_program_that_complains_much_is_still_heard_out() -> None:
    program = "import sys; sys.stderr.write('y' * 500_000); print('done')"
    assert ask(one(command(sys.executable, "-c", program))).text == "done\n"


def test_what_a_program_started_ends_with_it(tmp_path: Path) -> None:
    program = f"import subprocess; subprocess.Popen(['/bin/sleep', '300']); open({str(tmp_path / 'group')!r}, 'w').write(str(__import__('os').getpgid(0)))"
    ask(one(command(sys.executable, "-c", program + "; print(1)")))
    with pytest.raises(ProcessLookupError):

        async def gone() -> None:
            for _ in range(500):
                os.killpg(int((tmp_path / "group").read_text()), 0)
                await asyncio.sleep(0.01)

        asyncio.run(gone())


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": DESCRIPTION},
        {"description": "short", "command": {"run": ["/bin/true"]}},
        {"description": DESCRIPTION, "command": {"run": ["ls"]}},
        {"description": DESCRIPTION, "command": {"run": ["/bin/{queue}"]}, "parameters": {"queue": {}}},
        {"description": DESCRIPTION, "command": {"run": ["/bin/echo", "{queue}"]}},
        {"description": DESCRIPTION, "command": {"run": ["/bin/echo"]}, "parameters": {"queue": {}}},
        {"description": DESCRIPTION, "http": {"url": "http://{host}/x"}, "parameters": {"host": {}}},
        {"description": DESCRIPTION, "http": {"url": "http://h/x?a={b}"}, "parameters": {"b": {}}},
        {"description": DESCRIPTION, "http": {"url": "http://h/{b}"}, "parameters": {"b": {"type": "choice"}}},
        {
            "description": DESCRIPTION,
            "http": {"url": "http://h/{b}"},
            "parameters": {"b": {"type": "integer", "default": "x"}},
        },
        {"description": DESCRIPTION, "http": {"url": "http://h/{b}"}, "parameters": {"b": {"pattern": "("}}},
        {"description": DESCRIPTION, "http": {"url": "http://h/{b}"}, "parameters": {"b": {"default": "%{nope}"}}},
        {"description": DESCRIPTION, "http": {"url": "http://h/x", "json": {}}},
    ],
)
def test_a_description_that_cannot_work_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CustomSettings.model_validate({"tools": {"it": wrong}})


def test_every_tool_can_be_asked_without_arguments_and_says_what_it_then_lacks() -> None:
    tool = one({"description": DESCRIPTION, "command": {"run": ["/bin/echo", "{queue}"]}, "parameters": {"queue": {}}})
    with pytest.raises(ToolFailed, match=r"custom\.it needs 'queue' \(text\); it has no default"):
        ask(tool)
    schema = tool.arguments.model_json_schema()
    assert schema["additionalProperties"] is False and set(schema["properties"]) == {"queue"}
    assert connector.tools(CustomSettings(), "default") == ()
