"""What we send and what we expect is in Linear's schema, and the loopback server serves another process too."""

import json
import subprocess
import sys
import urllib.request

import pytest
from graphql import parse, validate

from connectors.linear import documents
from connectors.linear.arguments import CommentArguments, IssueArguments
from connectors.linear.comment import Comment
from connectors.linear.create import CreateIssue
from connectors.linear.settings import LinearSettings
from schemas import Incident
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
