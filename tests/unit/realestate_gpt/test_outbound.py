"""The way out to a model leads to one host, and to no address inside unless that is allowed."""

import asyncio
import ssl

import httpx2
import pytest
from benchmarks.harness.obeying_model import ObeyingModel
from pydantic import ValidationError

from estate.core.settings import Settings
from estate.realestate_gpt.generators.outbound import OneHost, RefusedAddress, refuse_address

PUBLIC = ("8.8.8.8", "2606:4700::1111")
PRIVATE = (
    "127.0.0.1",
    "10.0.0.7",
    "172.16.3.4",
    "192.168.1.1",
    "100.64.0.1",
    "0.1.2.3",
    "::1",
    "fd12:3456::1",
    "::ffff:10.0.0.7",
    "::ffff:7f00:1",
    "64:ff9b::a00:7",
    "2002:a00:7::1",
)
NEVER = (
    "169.254.169.254",
    "169.254.1.1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    "100.100.100.200",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "224.0.0.1",
    "ff02::1",
    "0.0.0.0",  # noqa: S104
    "::",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_may_be_called(address: str) -> None:
    refuse_address(address, private=False)


@pytest.mark.parametrize("address", PRIVATE + NEVER)
def test_an_address_inside_is_refused(address: str) -> None:
    with pytest.raises(RefusedAddress):
        refuse_address(address, private=False)


@pytest.mark.parametrize("address", PRIVATE)
def test_it_may_be_called_where_that_is_allowed(address: str) -> None:
    refuse_address(address, private=True)


@pytest.mark.parametrize("address", NEVER)
def test_metadata_services_may_never_be_called(address: str) -> None:
    with pytest.raises(RefusedAddress):
        refuse_address(address, private=True)


def called(url: str, host: str, *, private: bool) -> int:
    """Send a request through the transport and return the status of the answer."""

    async def call() -> int:
        transport = OneHost(host, private=private, tls=ssl.create_default_context())
        async with httpx2.AsyncClient(transport=transport, follow_redirects=True) as http:
            return (await http.get(url)).status_code

    return asyncio.run(call())


def test_a_name_that_leads_inside_is_refused_before_anything_is_sent() -> None:
    with ObeyingModel() as server:
        url = server.url.replace("127.0.0.1", "localhost") + "/x"
        with pytest.raises(RefusedAddress):
            called(url, "localhost", private=False)
        assert server.paths == []
        assert called(url, "localhost", private=True) == 404
        assert server.paths == ["/v1/x"]


def test_another_host_is_refused_whoever_asks() -> None:
    with ObeyingModel() as server:
        with pytest.raises(RefusedAddress):
            called(server.url, "models.example.com", private=True)
        assert server.paths == []


def test_a_name_without_an_address_is_an_error_of_the_connection() -> None:
    with pytest.raises(httpx2.ConnectError):
        called("http://nowhere.invalid/v1", "nowhere.invalid", private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example.com/v1",
        "ftp://models.example.com",
        "https://user:secret@models.example.com/v1",
        "https://models.example.com/v1?key=secret",
        "https://models.example.com/v1#x",
        "https:///v1",
        "models.example.com",
        "",
    ],
)
def test_a_base_url_that_is_not_encrypted_or_holds_a_secret_is_refused(url: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Settings(llm_base_url=url, llm_model="m")
    assert "secret" not in str(refused.value)


def test_url_and_model_are_set_together() -> None:
    with pytest.raises(ValidationError):
        Settings(llm_model="m")
    with pytest.raises(ValidationError):
        Settings(llm_base_url="https://models.example.com/v1")
    assert Settings(llm_base_url="https://models.example.com:8443/v1", llm_model="m").llm_model == "m"
    Settings(llm_base_url="http://127.0.0.1:8000/v1", llm_model="m", llm_allow_private_addresses=True)
