"""What is said about a faulty configuration never shows a secret out of the environment."""

from pathlib import Path

import pytest

from schemas.document import DocumentInvalid
from tocsin.config import load

FAULTY = """
connectors:
  linear: {api_key: "${K}", oauth_token: "${K}", replay_window_s: "${K}"}
  linear/two: {api_key: "${K}", oauth_token: "${K}"}
  generic: {webhook_secrets: ["${K}"], tokens: [""]}
  webhook: {targets: {a: {url: "ftp://x", secrets: ["${K}"], headers: {Host: "${K}"}}}}
"""


def test_faults_name_the_place_and_the_rule_but_not_the_secret(tmp_path: Path) -> None:
    file = tmp_path / "tocsin.yaml"
    file.write_text(FAULTY)
    with pytest.raises(DocumentInvalid) as caught:
        load(file, folder=tmp_path, environment={"K": "supersecret!"})
    said = str(caught.value)
    assert "supersecret" not in said
    for part in ("remove one", "whsec_", "ftp://x", "set by Tocsin", "replay_window_s"):
        assert part in said
