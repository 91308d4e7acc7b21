"""What we send and what we expect is in Linear's schema, and the loopback server serves another process too."""

import asyncio
import json
import subprocess
import sys
import urllib.request
from typing import Any

import pytest
from graphql import parse, validate
from pydantic import SecretStr, ValidationError

from connectors.linear import documents
from connectors.linear.arguments import CommentArguments, IssueArguments
from connectors.linear.client import LinearClient
from connectors.linear.comment import Comment
from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from connectors.ports.action import Rejected
from schemas import Incident
from tests.support.linear_server import LinearServer
from tests.support.linear_workspace import schema

NAMES = [name for name in vars(documents) if name.isupper() and name != "ISSUE_FIELDS"]


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_valid_against_the_real_schema(name: str) -> None:
    assert validate(schema(), parse(getattr(documents, name))) == []


def test_recorded_arguments_are_read_back_as_they_were(incident: Incident, with_issue: Incident) -> None:
    settings = LinearSettings()
    issue = CreateIssue(settings).complete({"description": "x", "labels": ["a"]}, incident)
    assert issue.body == "x"
    assert IssueArguments.model_validate(json.loads(issue.model_dump_json())) == issue
    comment = Comment(settings).complete({"body": "x"}, with_issue)
    assert CommentArguments.model_validate(json.loads(comment.model_dump_json())) == comment


def test_the_loopback_server_serves_another_process_until_its_input_closes() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.support.linear_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url.replace("/graphql", "/created"), timeout=30) as answer:
            assert json.loads(answer.read()) == {"issues": [], "comments": [], "attachments": []}
        process.stdin.close()
        assert process.wait(timeout=30) == 0


def test_the_viewer_is_whom_the_credential_belongs_to(server: LinearServer, settings: LinearSettings) -> None:
    viewer = asyncio.run(LinearClient(settings).viewer())
    assert viewer == {"id": server.workspace.viewer["id"], "name": "Tocsin", "email": "tocsin@example.com"}


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"api_key": "a", "oauth_token": "b"}, "remove one"),
        ({"webhook_secrets": [""]}, "empty"),
        ({"url": "linear.app"}, "no address"),
        ({"priorities": {"critical": 7}}, "priorities"),
        ({"tema": "OPS"}, "tema"),
    ],
)
def test_faults_of_the_configuration_are_found_at_load(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        LinearSettings.model_validate(wrong)


def test_a_secret_is_never_shown(settings: LinearSettings) -> None:
    assert "lin_api_test" not in repr(settings)
    assert LinearSettings.model_validate({"api_key": ""}).credential() is None


@pytest.mark.parametrize("key", ["line\nbreak", "schlüssel"])
def test_a_key_that_is_no_header_is_rejected_without_showing_it(
    server: LinearServer, settings: LinearSettings, key: str
) -> None:
    broken = settings.model_copy(update={"api_key": SecretStr(key)})
    with pytest.raises(Rejected, match="check url and api_key") as caught:
        asyncio.run(LinearClient(broken).viewer())
    assert key not in str(caught.value)
    from_a_file = settings.model_copy(update={"api_key": SecretStr(server.api_key + "\n")})
    assert asyncio.run(LinearClient(from_a_file).viewer())["name"] == "Tocsin"
