"""TLS: certificates are verified, always; an authority of one's own can be trusted, none at all cannot."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from selaras.connectors.contract import Transient
from selaras.connectors.http import Http
from tests.connectors.kit_servers import calling


def certificate(folder: Path, host: str, *, days: int = 1) -> tuple[Path, Path]:
    """A certificate for `host` that is its own authority, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    alternative: x509.GeneralName
    try:
        alternative = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        alternative = x509.DNSName(host)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=3))
        .not_valid_after(now + dt.timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    cert_file, key_file = folder / "cert.pem", folder / "key.pem"
    cert_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return cert_file, key_file


@asynccontextmanager
async def secure(cert: Path, key: Path) -> AsyncIterator[str]:
    """An https server with this certificate."""

    async def handler(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{rest:.*}", handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    try:
        yield f"https://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_certificate_of_ones_own_authority(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "127.0.0.1")
    async with secure(cert, key) as url:
        async with calling(url) as http:
            for effect in (False, True):
                with pytest.raises(Transient) as caught:
                    await http.request("POST", "/x", body=b"{}", effect=effect)
                assert caught.value.code == "tls"
        trust = ssl.create_default_context(cafile=str(cert))
        async with calling(url, trust=trust) as http:
            assert (await http.request("POST", "/x", body=b"{}", effect=True)).body == b"ok"


@pytest.mark.parametrize(("host", "days"), [("127.0.0.2", 1), ("127.0.0.1", -1), ("shop.example", 1)])
async def test_a_certificate_for_another_host_or_time(tmp_path: Path, host: str, days: int) -> None:
    cert, key = certificate(tmp_path, host, days=days)
    trust = ssl.create_default_context(cafile=str(cert))
    async with secure(cert, key) as url, calling(url, trust=trust) as http:
        with pytest.raises(Transient) as caught:
            await http.request("POST", "/x", body=b"{}", effect=True)
        assert caught.value.code == "tls"


def test_a_context_that_verifies_nothing_is_refused() -> None:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    with pytest.raises(ValueError, match="verify"):
        Http("https://shop.example", trust=blind)
    blind.verify_mode = ssl.CERT_NONE
    with pytest.raises(ValueError, match="verify"):
        Http("https://shop.example", trust=blind)
