"""What the pack `security` makes of the names that detectors give their findings; the pages they are from stand in docs/packs/security.md."""

import pytest

from rules.load import load, packs
from tests.support.rule_world import World, signal

DAY = 86_400
SIGNS = [
    # Wazuh
    "sshd: brute force trying to get access to the system.",
    "sshd: insecure connection attempt (scan).",
    "Multiple Windows logon failures.",
    "Multiple web server 400 error codes from same source ip.",
    "SQL injection attempt.",
    "XSS (Cross Site Scripting) attempt.",
    "Shellshock attack detected",
    "First time user executed sudo.",
    "User successfully changed UID.",
    "Trojaned version of file detected.",
    # Suricata with the rules of Emerging Threats
    "ET SCAN Possible Nmap User-Agent Observed",
    "ET EXPLOIT Apache log4j RCE Attempt (http ldap) (CVE-2021-44228)",
    "ET MALWARE Cobalt Strike Beacon Observed",
    "GPL SHELLCODE x86 NOOP",
    "ET WEB_SERVER ../../ Directory Traversal Attempt",
    # Falco
    "Terminal shell in container",
    "Reverse shell: Redirect STDOUT/STDIN to network connection",
    "Read sensitive file untrusted",
    "Detect crypto miners using the Stratum protocol",
    "Adding ssh keys to authorized_keys",
    # Sigma
    "Mimikatz Use",
    "Credential Dumping Tools Service Execution",
    "Pass the Hash Activity",
]
EFFECTS = [
    "New service_stop parameter combination in Audit logs.",
    "Service was stopped: auditd",
    "New characters in DNS domain.",
    "DNS Exfiltration and Tunneling Tools Execution",
    "Security Eventlog Cleared",
    "The audit log was cleared",
    "Clear log activities",
    "Windows Defender real-time protection was disabled",
]
EVERYDAY = [
    "PAM: Login session opened.",
    "sshd: authentication success.",
    "Successful sudo to ROOT executed.",
    "ClamAV database update",
    "Web server 400 error code.",
    "Integrity checksum changed.",
    "New service_start parameter combination in Audit logs.",
    "ET INFO Session Traversal Utilities for NAT (STUN Binding Request)",
    "ET POLICY GNU/Linux APT User-Agent Outbound likely related to package management",
    "Unusual occurrence frequencies of DNS log events.",
    "Container started",
]


def rules_that_tell(title: str) -> list[str | None]:
    """The rules by which somebody hears of a detection, on the second day of a site."""
    world = World(ruleset=load(packs(["security"])))
    world.push(0, signal("x", 0, type="log", title="Login success.", labels={"detection": "login"}))
    told = world.push(2 * DAY, signal("y", 2 * DAY, type="log", title=title, labels={"detection": "found"}))
    return [decision.versions.rule and decision.actor for decision in told if decision.kind == "playbook.selected"]


@pytest.mark.parametrize("title", SIGNS)
def test_a_sign_of_an_attack_is_told_by_itself(title: str) -> None:
    assert rules_that_tell(title) == ["rule:sign-of-attack"]


@pytest.mark.parametrize("title", EFFECTS)
def test_what_an_attack_may_be_after_is_told_from_the_second_day_on(title: str) -> None:
    assert rules_that_tell(title) == ["rule:effects"]


@pytest.mark.parametrize("title", EVERYDAY)
def test_what_is_everyday_is_not_told(title: str) -> None:
    assert rules_that_tell(title) == []
