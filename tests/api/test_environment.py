"""Proxies and certificates that the environment names: they work as other tools take them, or one line names them."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import httpx
import pytest

from extend_source.api.environment import is_excepted, proxy_for
from extend_source.errors import ApiUnreachable, ExtendError, InvalidSetting
from tests.api.scripted import IMPATIENT, RUNS, Answer, client_of, serving

HOST = "https://api.extend.invalid"
PROXY = "http://127.0.0.1:9"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.startswith("SSL"):
            monkeypatch.delenv(name)


def failure_at(base_url: str) -> ExtendError:
    async def ask() -> ExtendError:
        try:
            async with client_of(base_url) as client:
                await client.get(RUNS, "dpr_1")
        except ExtendError as error:
            return error
        raise AssertionError("nothing was raised")

    return asyncio.run(ask())


@pytest.mark.case("2.6")
@pytest.mark.parametrize(
    ("host", "exceptions", "excepted"),
    [
        ("https://api.extend.ai", "localhost,fd00::/8", False),
        ("https://[fd00::1]:8443", "localhost,fd00::/8", True),
        ("https://[fe80::1]", "localhost,fd00::/8", False),
        ("https://[fe80::1]", "fe80::1", True),
        ("https://[fe80::1]", "[fe80::1]", True),
        ("https://[fe80::1]:8443", "[fe80::1]:8443", True),
        ("https://[fe80::1]:8443", "[fe80::1]:443", False),
        ("https://10.1.2.3", "10.0.0.0/8", True),
        ("https://11.1.2.3", "10.0.0.0/8", False),
        ("https://10.1.2.3", "10.1.2.3", True),
        ("https://10.1.2.30", "10.1.2.3", False),
        ("https://api.extend.ai", "extend.ai", True),
        ("https://api.extend.ai", ".extend.ai", True),
        ("https://api.extend.ai", "*.extend.ai", True),
        ("https://api.extend.ai", " API.EXTEND.AI ,x", True),
        ("https://api.myextend.ai", "extend.ai", False),
        ("https://api.extend.ai", "api.extend.ai:443", True),
        ("https://api.extend.ai", "api.extend.ai:8443", False),
        ("https://api.extend.ai", "https://api.extend.ai", True),
        ("https://api.extend.ai", "*", True),
        ("https://api.extend.ai", "", False),
        ("https://api.extend.ai", ",, ,:,::::,[,]:x,10.0.0.0/99,.,http://", False),
    ],
)
def test_no_proxy_takes_hosts_domains_addresses_and_networks(host: str, exceptions: str, *, excepted: bool) -> None:
    assert is_excepted(httpx.URL(host), exceptions) is excepted


@pytest.mark.case("2.6")
def test_a_proxy_is_used_whatever_else_no_proxy_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "localhost,fd00::/8")
    monkeypatch.setenv("HTTPS_PROXY", PROXY)

    error = failure_at(HOST)

    assert type(error) is ApiUnreachable
    assert error.what.startswith(f"No connection to {HOST} through the proxy of HTTPS_PROXY: ")


def test_requests_go_through_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> tuple[ExtendError, list[str]]:
        async with serving(Answer(b"", 502)) as proxy:
            monkeypatch.setenv("ALL_PROXY", proxy.url)
            try:
                async with client_of(HOST, retry_policy=IMPATIENT) as client:
                    await client.get(RUNS, "dpr_1")
            except ExtendError as error:
                return error, [request.target for request in proxy.requests]
            raise AssertionError("nothing was raised")

    error, targets = asyncio.run(scenario())

    assert type(error) is ApiUnreachable
    assert set(targets) == {"api.extend.invalid:443"}


@pytest.mark.case("2.6")
@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"])
@pytest.mark.parametrize(
    "value",
    ["://", "http://", "ftp://proxy:21", "http://proxy:port", "http://proxy:99999999", "a b", "http://[", "http://p/x"],
)
def test_a_proxy_that_makes_no_sense_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    error = failure_at(HOST)

    assert type(error) is InvalidSetting
    assert str(error) == (
        f"{name} in the environment is not the address of a proxy. "
        f"Set it like http://proxy.example:3128, or unset {name}."
    )


def test_a_password_of_a_proxy_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://me:secret-word@[")

    assert "secret-word" not in str(failure_at(HOST))


def test_a_socks_proxy_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    monkeypatch.setattr("extend_source.api.environment.find_spec", lambda name: None)

    assert str(failure_at(HOST)) == "ALL_PROXY in the environment names a SOCKS proxy. Run: pip install socksio."


def test_without_a_proxy_there_is_none() -> None:
    assert proxy_for(HOST) is None


@pytest.mark.case("2.6")
@pytest.mark.parametrize(("name", "what"), [("SSL_CERT_FILE", "file"), ("SSL_CERT_DIR", "folder")])
def test_certificates_that_do_not_exist_are_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, what: str
) -> None:
    monkeypatch.setenv(name, str(tmp_path / "none"))

    error = failure_at(HOST)

    assert type(error) is InvalidSetting
    assert str(error) == (
        f"{name} in the environment names no {what} that exists: '{tmp_path / 'none'}'. "
        f"Let it name a {what} of certificates, or unset {name}."
    )


@pytest.mark.case("2.6")
@pytest.mark.parametrize("content", ["", "no certificate"])
def test_a_file_without_certificates_is_named_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    file = tmp_path / "certificates.pem"
    file.write_text(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    error = failure_at(HOST)

    assert type(error) is InvalidSetting
    assert "(SSL_CERT_FILE in the environment)" in str(error)


def test_this_machine_is_asked_directly_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ALL_PROXY", "://")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "none"))

    assert type(failure_at(PROXY)) is ApiUnreachable
