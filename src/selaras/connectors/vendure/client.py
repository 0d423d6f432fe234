"""The wire of Vendure: GraphQL over POST, signing in, the channel, and answers of 200 that are errors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import msgspec

from selaras.connectors.answers import Response
from selaras.connectors.contract import Ambiguous, ConnectorError, Expired, Rejected, Transient
from selaras.connectors.http import Http
from selaras.connectors.vendure.errors import RIGHTS, SIGN_IN, WireError, failure
from selaras.connectors.vendure.wire import Scale

T = TypeVar("T")
PATH: Final = "/admin-api"
_LOGIN: Final = """mutation($name: String!, $password: String!) {
 login(username: $name, password: $password) { __typename ... on ErrorResult { errorCode message } } }"""
_SHOP: Final = """{ activeChannel { id code defaultCurrencyCode pricesIncludeTax }
 globalSettings { trackInventory outOfStockThreshold serverConfig { moneyStrategyPrecision } } }"""


class Channel(msgspec.Struct, rename="camel"):
    """The channel that this connection speaks to."""

    id: str
    code: str
    default_currency_code: str
    prices_include_tax: bool


class _Server(msgspec.Struct, rename="camel"):
    money_strategy_precision: int = 2


class _Global(msgspec.Struct, rename="camel"):
    track_inventory: bool = True
    out_of_stock_threshold: int = 0
    server_config: _Server = msgspec.field(default_factory=_Server)


class Shop(msgspec.Struct, rename="camel"):
    """What holds for all records of the channel."""

    active_channel: Channel
    global_settings: _Global

    @property
    def scale(self) -> Scale:
        """How money is written."""
        return Scale(
            self.global_settings.server_config.money_strategy_precision, self.active_channel.prices_include_tax
        )


class _Answer(msgspec.Struct):
    data: msgspec.Raw = msgspec.Raw(b"null")
    errors: list[WireError] = []


class Client:
    """Asks the store. Every method raises `ConnectorError` kinds only.

    With `key` every call shows an API key; else `login` (name and password) is changed for a session, and once more
    when the session is over. `skew` is the store's clock minus ours in seconds, from the last answer.
    """

    def __init__(
        self, http: Http, *, clock: Callable[[], float], channel: str = "", key: str = "",
        login: tuple[str, str] = ("", ""),
    ) -> None:  # fmt: skip
        self.http = http
        self.skew: float | None = None
        self._clock = clock
        self._channel = channel
        self._key = key
        self._login = login
        self._token = ""
        self._signing_in = asyncio.Lock()
        self._shop: Shop | None = None

    async def ask(
        self, query: str, kind: type[T], variables: Mapping[str, Any] | None = None, *, effect: bool = False
    ) -> T:
        """The data of an answer. Anything in `errors` is raised, though the store says 200."""
        tries = 2
        while True:
            tries -= 1
            token = self._token or ("" if self._key else await self._sign_in(""))
            answer = await self._post(query, variables or {}, token, effect)
            found = _read(answer, effect)
            if not found.errors:
                try:
                    return msgspec.json.decode(found.data, type=kind, strict=False)
                except msgspec.MsgspecError as error:
                    raise _unreadable(effect, str(error)) from None
            if not any(error.code == "FORBIDDEN" for error in found.errors):
                raise failure(found.errors, effect=effect)
            if not self._key and tries:
                await self._sign_in(token)
                continue
            raise await self._forbidden()

    async def shop(self) -> Shop:
        """The channel and the global settings; asked for once."""
        if self._shop is None:
            self._shop = await self.ask(_SHOP, Shop)
        return self._shop

    def forget_shop(self) -> None:
        """Ask for the shop's facts anew next time."""
        self._shop = None

    async def close(self) -> None:
        """Close the HTTP session."""
        await self.http.close()

    # -- inside -----------------------------------------------------------------------------------------------------

    async def _sign_in(self, stale: str) -> str:
        """A session, made anew unless somebody else has replaced `stale` meanwhile."""
        async with self._signing_in:
            if self._token and self._token != stale:
                return self._token
            name, password = self._login
            answer = await self._post(_LOGIN, {"name": name, "password": password}, "", False)
            found = _read(answer, False)
            if found.errors:
                raise failure(found.errors, effect=False)
            result = msgspec.json.decode(found.data, type=dict[str, dict[str, str]]).get("login", {})
            token = answer.headers.get("vendure-auth-token", "")
            if result.get("errorCode"):
                raise Expired(
                    "the store does not take the name and password of this connection",
                    code=result["errorCode"], cure=SIGN_IN,
                )  # fmt: skip
            if not token:
                raise Rejected(
                    "the store signs in with cookies only",
                    code="no_bearer",
                    field="username",
                    cure="Add `bearer` to `tokenMethod` in Vendure's configuration, or use an API key.",
                )
            self._token = token
            return token

    async def _forbidden(self) -> ConnectorError:
        """Either nobody knows us any more, or we may not do this: whoever is known can ask for himself."""
        answer = await self._post("{ activeAdministrator { id } }", {}, self._token, False)
        found = _read(answer, False)
        if found.errors or b"null" in bytes(found.data):
            return Expired(
                "the store does not know the key or session of this connection", code="FORBIDDEN", cure=SIGN_IN
            )
        return Rejected("the administrator of this connection may not do this", code="no_permission", cure=RIGHTS)

    async def _post(self, query: str, variables: Mapping[str, Any], token: str, effect: bool) -> Response:
        headers = {"vendure-api-key": self._key} if self._key else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        if self._channel:
            headers["vendure-token"] = self._channel
        body = msgspec.json.encode({"query": query, "variables": variables})
        answer = await self.http.request("POST", PATH, body=body, headers=headers, effect=effect, answers=(400, 401))
        self._note(answer)
        if answer.status in (301, 302, 307, 308, 404):
            raise Rejected(
                f"there is no admin API at this address (HTTP {answer.status})",
                code="no_admin_api",
                field="base_url",
                cure="Enter the address of Vendure's server, without /admin-api and without the dashboard's path.",
                status=answer.status,
            )
        return answer

    def _note(self, answer: Response) -> None:
        if answer.served_at is not None:
            self.skew = answer.served_at - self._clock()


def _read(answer: Response, effect: bool) -> _Answer:
    try:
        found = msgspec.json.decode(answer.body, type=_Answer)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise _unreadable(effect and answer.status < 400, f"HTTP {answer.status}") from None
    if not found.errors and (bytes(found.data) == b"null" or answer.status >= 300):
        raise _unreadable(effect and answer.status < 400, f"HTTP {answer.status} without data")
    return found


def _unreadable(effect: bool, why: str) -> ConnectorError:
    kind: type[ConnectorError] = Ambiguous if effect else Transient
    return kind(
        f"the store does not answer as Vendure's admin API does ({why})",
        code="unreadable",
        cure="Check the address of the connection, and that Vendure is 3.7 or newer.",
    )
