"""A real Vendure for tests: npm packages of a lock file, both APIs, its database in memory, our hint plugin in it.

The packages are kept in pytest's cache under the digest of the lock, so that only the first run asks the registry for
them. The server starts in a few seconds and is seeded through its own API; each test gets a channel of its own, which
is a shop with its own goods, buyers, orders and stock.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
import itertools
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from selaras.connectors.contract import Webhook
from tests.needs import missing
from tests.peers.node import Node
from tests.peers.tryton import alone
from tests.peers.vendure_desk import Api, Channel, Row, minor
from tests.ports import free_port

APP = Path(__file__).with_suffix("")
PLUGIN = Path(__file__).parents[2] / "plugins" / "vendure-selaras-hints"
ADMIN = ("superadmin", "admin-password-1")
SECRET = "rahasia-hints-0123"
SHIPPING = 18_000
PERMISSIONS = [
    "ReadOrder", "UpdateOrder", "ReadCatalog", "UpdateCatalog", "ReadStockLocation", "ReadCustomer", "ReadChannel",
    "ReadSettings", "CreateApiKey",
]  # fmt: skip
_START = 240.0
_numbers = itertools.count(1)


class Mailbox:
    """Takes the plugin's deliveries, keeps them, and hands each on as often as is wished."""

    def __init__(self) -> None:
        self.taken: list[Webhook] = []
        self.onward = ""
        self.times = 1
        box = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                box.taken.append(Webhook(headers, body, dt.datetime.now(dt.UTC)))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()
                box.hand_on(headers, body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks/toko"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def hand_on(self, headers: dict[str, str], body: bytes) -> None:
        """Deliver it to `onward`, `times` times; who does not answer has lost it."""
        kept = {name: headers[name] for name in headers if name.startswith("x-selaras-") or name == "content-type"}
        for _ in range(self.times if self.onward else 0):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(urllib.request.Request(self.onward, body, kept), timeout=10).close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Home:
    """The installed packages."""

    def __init__(self, folder: Path, node: Node) -> None:
        self.folder = folder.resolve()
        self.node = node

    def build(self) -> None:
        """Install what is missing, and our own files as they are now."""
        self.node.install(APP, self.folder)
        inside = self.folder / "node_modules" / PLUGIN.name
        files = {inside / name: PLUGIN / name for name in ("package.json", "index.js")}
        with alone(self.folder / "lock"):
            inside.mkdir(exist_ok=True)
            for there, ours in {**files, self.folder / "index.js": APP / "index.js"}.items():
                # Another worker's server may just be reading it.
                if not there.exists() or there.read_bytes() != ours.read_bytes():
                    shutil.copyfile(ours, there)


class Server:
    """A running Vendure on a free port of the loopback address."""

    def __init__(self, home: Home, folder: Path) -> None:
        self.home = home
        self.log = folder / "vendure.txt"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.mail = Mailbox()
        self.facts: Row = {}
        self.admin = Api(f"{self.url}/admin-api")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, wait until it answers, and seed it."""
        environment = {
            **self.home.node.environment(), "PORT": str(self.port), "VENDURE_DISABLE_TELEMETRY": "true",
            "DO_NOT_TRACK": "1", "SELARAS_URL": self.mail.url, "SELARAS_SECRET": SECRET, "TZ": "UTC",
        }  # fmt: skip
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                [self.home.node.node, "index.js"], cwd=self.home.folder, env=environment, stdout=log, stderr=log
            )
        until = time.monotonic() + _START
        while time.monotonic() < until and self._process.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/health", timeout=5):
                break
            time.sleep(0.2)
        else:
            raise RuntimeError(f"Vendure does not start: {self.words()}")
        self._seed()  # once: what is made twice is there twice

    def words(self) -> str:
        """The last that it said."""
        return self.log.read_text(encoding="utf-8", errors="replace")[-1500:]

    def stop(self) -> None:
        """Stop it."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.mail.close()

    def _seed(self) -> None:
        ask = self.admin
        ask("mutation($n: String!, $p: String!) { login(username: $n, password: $p) { __typename } }",
            n=ADMIN[0], p=ADMIN[1])  # fmt: skip
        found = ask("{ activeChannel { id } stockLocations { items { id } } roles { items { id code } } }")
        words = [{"languageCode": "en", "name": "Indonesia"}]
        country = ask.one(
            "mutation($i: CreateCountryInput!) { createCountry(input: $i) { id } }",
            i={"code": "ID", "enabled": True, "translations": words},
        )["id"]
        zone = ask.one(
            "mutation($i: CreateZoneInput!) { createZone(input: $i) { id } }",
            i={"name": "Indonesia", "memberIds": [country]},
        )["id"]
        tax = ask.one(
            "mutation($i: CreateTaxCategoryInput!) { createTaxCategory(input: $i) { id } }",
            i={"name": "PPN", "isDefault": True},
        )["id"]
        ask(
            "mutation($i: CreateTaxRateInput!) { createTaxRate(input: $i) { id } }",
            i={"name": "PPN 11%", "enabled": True, "value": 11, "categoryId": tax, "zoneId": zone},
        )
        self._shape(found["activeChannel"]["id"], zone)
        calculator = [
            {"name": "rate", "value": str(minor(SHIPPING))}, {"name": "includesTax", "value": "include"},
            {"name": "taxRate", "value": "11"},
        ]  # fmt: skip
        checker = {
            "code": "default-shipping-eligibility-checker", "arguments": [{"name": "orderMinimum", "value": "0"}]
        }  # fmt: skip
        shipping = ask.one(
            "mutation($i: CreateShippingMethodInput!) { createShippingMethod(input: $i) { id } }",
            i={
                "code": "jne", "fulfillmentHandler": "manual-fulfillment", "checker": checker,
                "calculator": {"code": "default-shipping-calculator", "arguments": calculator},
                "translations": [{"languageCode": "en", "name": "JNE REG", "description": ""}],
            },
        )["id"]  # fmt: skip
        automatic = {
            "code": "dummy-payment-handler", "arguments": [{"name": "automaticSettle", "value": "true"}]
        }  # fmt: skip
        methods = [
            ask.one(
                "mutation($i: CreatePaymentMethodInput!) { createPaymentMethod(input: $i) { id } }",
                i={"code": code, "enabled": True, "handler": handler,
                   "translations": [{"languageCode": "en", "name": code, "description": ""}]},
            )["id"]
            for code, handler in (("qris", automatic), ("transfer", {"code": "bank-transfer", "arguments": []}))
        ]  # fmt: skip
        ask("mutation($i: UpdateGlobalSettingsInput!) { updateGlobalSettings(input: $i) { __typename } }",
            i={"trackInventory": True, "outOfStockThreshold": 0})  # fmt: skip
        self.facts = {
            "zone": zone, "tax": tax, "shipping": shipping, "methods": methods,
            "location": found["stockLocations"]["items"][0]["id"],
        }  # fmt: skip

    def _shape(self, id: str, zone: str) -> None:
        self.admin(
            "mutation($i: UpdateChannelInput!) { updateChannel(input: $i) { __typename } }",
            i={"id": id, "defaultCurrencyCode": "IDR", "availableCurrencyCodes": ["IDR"], "pricesIncludeTax": True,
               "defaultTaxZoneId": zone, "defaultShippingZoneId": zone},
        )  # fmt: skip

    def channel(self, *, tax_included: bool = True, currency: str = "IDR") -> Channel:
        """A new shop: shipping, ways of paying and the stock location of the server are its own too."""
        name = f"toko-{next(_numbers)}"
        facts = self.facts
        id = self.admin.one(
            """mutation($i: CreateChannelInput!) { createChannel(input: $i) {
              __typename ... on Channel { id } ... on ErrorResult { errorCode message } } }""",
            i={"code": name, "token": name, "defaultLanguageCode": "en", "availableLanguageCodes": ["en"],
               "pricesIncludeTax": tax_included, "defaultCurrencyCode": currency, "availableCurrencyCodes": [currency],
               "defaultTaxZoneId": facts["zone"], "defaultShippingZoneId": facts["zone"]},
        )["id"]  # fmt: skip
        self.admin(
            """mutation($s: AssignShippingMethodsToChannelInput!, $p: AssignPaymentMethodsToChannelInput!,
                $l: AssignStockLocationsToChannelInput!) {
              s: assignShippingMethodsToChannel(input: $s) { id } p: assignPaymentMethodsToChannel(input: $p) { id }
              l: assignStockLocationsToChannel(input: $l) { id } }""",
            s={"shippingMethodIds": [facts["shipping"]], "channelId": id},
            p={"paymentMethodIds": facts["methods"], "channelId": id},
            l={"stockLocationIds": [facts["location"]], "channelId": id},
        )
        return Channel(self.url, name, id, self.admin.token, facts)

    def hub(self, channel: Channel, permissions: Sequence[str] = PERMISSIONS) -> tuple[str, str]:
        """Name and password of an administrator who may do on this channel what the manual asks for, and no more."""
        role = channel.admin.one(
            "mutation($i: CreateRoleInput!) { createRole(input: $i) { id } }",
            i={"code": f"hub-{channel.token}-{len(permissions)}", "description": "Selaras",
               "permissions": list(permissions), "channelIds": [channel.id]},
        )["id"]  # fmt: skip
        name, password = f"hub{len(permissions)}@{channel.token}.test", "hub-password-1"
        channel.admin(
            "mutation($i: CreateAdministratorInput!) { createAdministrator(input: $i) { id } }",
            i={"firstName": "Hub", "lastName": channel.token, "emailAddress": name, "password": password,
               "roleIds": [role]},
        )  # fmt: skip
        return name, password

    def key(self, channel: Channel, who: tuple[str, str]) -> str:
        """An API key of this administrator, made on this channel."""
        api = Api(f"{self.url}/admin-api", channel.token)
        api("mutation($n: String!, $p: String!) { login(username: $n, password: $p) { __typename } }",
            n=who[0], p=who[1])  # fmt: skip
        role = api.one("{ activeAdministrator { user { roles { id } } } }")["user"]["roles"][0]["id"]
        made = api.one(
            "mutation($i: CreateApiKeyInput!) { createApiKey(input: $i) { apiKey } }",
            i={"roleIds": [role], "translations": [{"languageCode": "en", "name": "Selaras"}]},
        )
        return str(made["apiKey"])


@pytest.fixture(scope="session")
def vendure_home(request: pytest.FixtureRequest, node: Node) -> Home:
    """Vendure's packages, installed where the cache has none."""
    cache = request.config.cache
    if cache is None:
        missing("no Vendure: pytest runs without its cache")
    mark = hashlib.sha256(b"".join((APP / name).read_bytes() for name in ("package.json", "package-lock.json")))
    home = Home(Path(cache.mkdir(f"vendure-{mark.hexdigest()[:16]}")), node)
    try:
        home.build()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        missing(f"no Vendure: {error}")
    return home


@pytest.fixture(scope="session")
def vendure_server(vendure_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running Vendure."""
    server = Server(vendure_home, tmp_path_factory.mktemp("vendure"))
    try:
        server.start()
    except (OSError, RuntimeError) as error:
        server.stop()
        missing(f"no Vendure: {error}")
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def vendure(vendure_server: Server, request: pytest.FixtureRequest) -> Iterator[Channel]:
    """A shop for one test. What Vendure said last is shown with a failure."""
    begin = vendure_server.log.stat().st_size
    yield vendure_server.channel()
    with open(vendure_server.log, "rb") as log:
        log.seek(begin)
        print(log.read()[-3000:].decode(errors="replace"))
