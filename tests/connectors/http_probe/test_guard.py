"""What may be reached is decided by the address, whatever name or form leads to it."""

import asyncio
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.http_probe.guard import Guard, reachable
from connectors.http_probe.settings import HttpProbeSettings
from connectors.ports.tool import ToolFailed

NOT_PUBLIC = [
    "127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "192.0.0.1",
    "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1",
    "::", "::1", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1",
    "::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1",
    "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "2002:a9fe:a9fe::1",
]  # fmt: skip
PUBLIC = ["93.184.216.34", "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "64:ff9b::808:808", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_what_is_not_public_is_not_reached(address: str) -> None:
    assert not reachable(ip_address(address), ())


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_reached(address: str) -> None:
    assert reachable(ip_address(address), ())


def test_a_private_network_is_reached_where_it_is_allowed_in_whatever_form() -> None:
    allowed = (ip_network("10.2.0.0/16"), ip_network("fd00:1::/32"))
    for address in ("10.2.3.4", "::ffff:10.2.3.4", "64:ff9b::a02:304", "fd00:1::7"):
        assert reachable(ip_address(address), allowed)
    for address in ("10.3.0.1", "fd00:2::1", "127.0.0.1"):
        assert not reachable(ip_address(address), allowed)


@given(st.ip_addresses(v=4))
def test_an_address_is_judged_alike_however_it_is_wrapped(address: object) -> None:
    plain = reachable(ip_address(str(address)), ())
    assert reachable(ip_address(f"::ffff:{address}"), ()) == plain


def place(settings: HttpProbeSettings, url: str) -> object:
    return asyncio.run(Guard(settings).place(url))


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80/", "http://2130706433/", "http://0x7f.1/", "http://127.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
        "http://localhost/", "http://localhost./",
    ],
)  # fmt: skip
def test_names_and_spellings_of_this_machine_are_refused_even_where_every_host_is_allowed(url: str) -> None:
    with pytest.raises(ToolFailed, match=r"which is not public; list its network in http_probe\.private_networks"):
        place(HttpProbeSettings(hosts=("*",)), url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ftp://shop.example/", "expected http:// or https://"),
        ("file:///etc/passwd", "expected http:// or https://"),
        (
            "http://evil.example/",
            "host 'evil.example' may not be probed; http_probe allows shop.example, \\*.shop.example",
        ),
        ("http://shop.example.evil.example/", "may not be probed"),
        ("http://shop.example@evil.example/", "@ and control characters are not taken"),
        ("http://evil.example\\@shop.example/", "backslashes"),
        ("http://shop.example\r\nHost: x/", "control characters"),
        ("http://shop.example:99999/", "is no address"),
        ("http:///x", "and a host"),
    ],
)
def test_what_is_not_listed_or_odd_is_refused_before_any_name_is_resolved(url: str, words: str) -> None:
    with pytest.raises(ToolFailed, match=words):
        place(HttpProbeSettings(hosts=("shop.example", "*.shop.example")), url)
