"""The check of connections: what each system says of itself, and what only the hub can see beside it.

A connector tells rights, settings and taxes of its own system. What is the same for all is judged here: the clocks, the
zone and currency of the two sides of a pair, what the mapping still lacks, whether the store's webhooks can reach us,
and whether a document of ours is found again by its reference, on which looking before repeating rests.

Nothing is written at the other side, but for the store's subscription when `renew` asks for it.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors import registry
from selaras.connectors.contract import Check, Connector, ConnectorError, Finding
from selaras.connectors.http import Http, check_base_url
from selaras.i18n import N_
from selaras.ledger import Desk, Ledger
from selaras.ledger.connections import Connection
from selaras.ledger.values import MICROSECOND
from selaras.rules.explain import Sentence
from selaras.sync import mappings
from selaras.sync.hub import Pair
from selaras.sync.installation import pairs_of

PUBLIC_URL: Final = "public_url"
"""Setting of the installation: the address under which `serve` last said that stores reach us; "" = none."""

MOST_SKEW: Final = 120.0
"""Seconds by which two clocks may differ: signed calls and webhooks are commonly refused from five minutes on."""

_PROVEN_BY: Final = 5
HEALTH: Final = "/healthz"


class CheckAnswer(msgspec.Struct, frozen=True):
    """The check of one connection; `error` instead of a check where the other side could not be asked."""

    name: str
    ok: bool
    check: Check | None
    error: str
    cure: str


# What a finding is about, in the words of `connections check`.
CLOCK: Final = Sentence(N_("Clock"))
ZONE: Final = Sentence(N_("Time zone"))
CURRENCY: Final = Sentence(N_("Currency"))
ZONES: Final = Sentence(N_("Time zone of the pair"))
CURRENCIES: Final = Sentence(N_("Currency of the pair"))
MAPPING: Final = Sentence(N_("Accounts and taxes"))
LAG: Final = Sentence(N_("Search lag"))
WEBHOOKS: Final = Sentence(N_("Webhooks"))
ADDRESS: Final = Sentence(N_("Public address"))

_AHEAD: Final = Sentence(N_("the clock of %(name)s is %(seconds)s s ahead of this machine's"))
_BEHIND: Final = Sentence(N_("the clock of %(name)s is %(seconds)s s behind this machine's"))
_SET_CLOCKS: Final = Sentence(
    N_("Set both clocks by NTP; until then signed calls, tokens and the age of a webhook can be judged wrongly.")
)
_OTHER_ZONE: Final = Sentence(N_("%(name)s lives by %(theirs)s, this connection by %(ours)s"))
_SET_ZONE: Final = Sentence(
    N_("Run `selaras connect %(type)s --name %(name)s --zone %(zone)s`, or days are cut at different hours.")
)
_NO_CURRENCY: Final = Sentence(N_("%(name)s does not say its currency"))
_MAY_SEE: Final = Sentence(
    N_("Let the credential of the connection see the settings of the company, then check again.")
)
_ZONES_DIFFER: Final = Sentence(
    N_("the day of %(store)s is that of %(store_zone)s, that of %(books)s %(books_zone)s, that of documents %(zone)s")
)
_DATE_AS_BOOKS: Final = Sentence(
    N_("Date documents by the day of the books: `selaras pair %(store)s %(books)s --set zone=%(zone)s`.")
)
_CURRENCIES_DIFFER: Final = Sentence(
    N_("%(store)s sells in %(store_currency)s, %(books)s is kept in %(books_currency)s")
)
_TAKEN_ALREADY: Final = Sentence(
    N_("%(store)s sells in %(store_currency)s, %(books)s is kept in %(books_currency)s and takes it")
)
_SWITCH_ON: Final = Sentence(
    N_("Switch %(currency)s on in the books with its exchange rates; orders in a currency they refuse are blocked.")
)
_UNMAPPED: Final = Sentence(N_("the mapping of %(store)s to %(books)s lacks %(words)s"))
_MAP: Final = Sentence(N_("See what fits with `selaras mapping propose %(store)s %(books)s`, then set or accept it."))
_LAG_SAID: Final = Sentence(N_("a new document is found within %(seconds)s s; none of ours is there yet to prove it"))
_LAG_PROVEN: Final = Sentence(N_("a new document is found within %(seconds)s s; %(reference)s of ours was found"))
_NOT_FOUND: Final = Sentence(N_("%(reference)s was written into %(name)s, and is not found there by its reference"))
_LOOK: Final = Sentence(
    N_("Look for it in the books: if it is there, raise visibility_lag of the connection, or it may be written twice.")
)
_NO_SECRET: Final = Sentence(
    N_(
        "no secret for webhooks is set, so changes are found by polling; put one into %(variable)s and run "
        "`selaras connect %(type)s --name %(name)s` to have them told at once"
    )
)
_SET_SECRET: Final = Sentence(
    N_("Put the secret for webhooks into %(variable)s and run `selaras connect %(type)s --name %(name)s`.")
)
_NO_ADDRESS: Final = Sentence(
    N_("no public address is set, so changes are found by polling; `selaras serve --public-url` has them told at once")
)
_ONLY_HERE: Final = Sentence(N_("%(url)s is reached from this machine or network only, and the store is elsewhere"))
_BE_PUBLIC: Final = Sentence(N_("Give `selaras serve --public-url` the address by which the internet reaches us."))
_PLAIN: Final = Sentence(N_("%(url)s is not encrypted"))
_USE_TLS: Final = Sentence(N_("Put TLS before it and give `selaras serve --public-url` the https address."))
_BAD_ADDRESS: Final = Sentence(N_("%(url)s is not a web address"))
_TOLD: Final = Sentence(N_("changes are told to %(url)s"))
_ON: Final = Sentence(N_("the subscription of %(url)s is on"))
_RESTORED: Final = Sentence(N_("the subscription of %(url)s was off or lost; it is on again"))
_NONE: Final = Sentence(N_("the store makes no subscription with these settings"))
_LATER: Final = Sentence(N_("Check the connection again later."))
_PASS_ON: Final = Sentence(
    N_("See that `selaras serve` runs, that the name leads here, and that the proxy passes requests on.")
)


# -- one connection ----------------------------------------------------------------------------------------------------


def own_findings(connection: Connection, check: Check) -> list[Finding]:
    """What a connector found, with clock, zone and currency judged alike for all of them."""
    found = list(check.findings)
    told = {finding.what.casefold() for finding in found}
    wrong = {finding.what.casefold() for finding in found if not finding.ok}
    skew = check.clock_skew
    if abs(skew) > MOST_SKEW and "clock" not in wrong:
        found = [finding for finding in found if finding.what.casefold() != "clock"]
        ahead = _AHEAD if skew > 0 else _BEHIND
        found.append(Finding(CLOCK(), False, ahead(name=connection.name, seconds=f"{abs(skew):.0f}"), _SET_CLOCKS()))
    if check.zone and check.zone != connection.zone and "time zone" not in told:
        detail = _OTHER_ZONE(name=connection.name, theirs=check.zone, ours=connection.zone)
        cure = _SET_ZONE(type=connection.type, name=connection.name, zone=check.zone)
        found.append(Finding(ZONE(), False, detail, cure))
    if not check.currency and not wrong and "currency" not in told and connection.role in ("store", "books"):
        found.append(Finding(CURRENCY(), False, _NO_CURRENCY(name=connection.name), _MAY_SEE()))
    return found


async def lag_finding(desk: Desk, connection: Connection, connector: Connector, now: int) -> Finding:
    """How late these books show what was written, by their word, and whether a document of ours is found again.

    Asked of the newest orders that we created ourselves and that nobody has changed since; one that is found is proof.
    """
    lag = connector.capabilities.visibility_lag
    written = await desk(_written, desk.ledger, connection.name, now - int((lag + 1) * MICROSECOND))
    if not written:
        return Finding(LAG(), True, _LAG_SAID(seconds=f"{lag:g}"))
    try:
        found = await connector.find("sales_order", written[: max(1, connector.capabilities.read_batch)])
    except ConnectorError as error:
        return Finding(LAG(), False, error.message, error.cure or _LATER())
    for reference in written:
        if reference in found:
            return Finding(LAG(), True, _LAG_PROVEN(seconds=f"{lag:g}", reference=reference))
    return Finding(LAG(), False, _NOT_FOUND(reference=written[0], name=connection.name), _LOOK())


def _written(ledger: Ledger, target: str, before: int) -> list[str]:
    rows = ledger.db.rows(
        """SELECT l.reference FROM link l JOIN posting p ON p.id = l.posting
        JOIN attempt a ON a.posting = p.id AND a.act = 'create' AND a.outcome = 'done'
        WHERE l.target = ? AND l.kind = 'sales_order' AND p.op = 'create' AND l.linked_at < ?
        ORDER BY l.linked_at DESC LIMIT ?""",
        (target, before, _PROVEN_BY),
    )
    return [str(row[0]) for row in rows]


# -- webhooks ----------------------------------------------------------------------------------------------------------


def webhook_finding(connection: Connection, public_url: str) -> Finding:
    """Whether the store's webhooks can reach us, as far as settings tell."""
    lacking = _webhook_secret(connection)
    if lacking:
        variable = f"SELARAS_SECRET_{lacking.upper()}"
        return Finding(WEBHOOKS(), True, _NO_SECRET(variable=variable, type=connection.type, name=connection.name))
    if not public_url:
        return Finding(WEBHOOKS(), True, _NO_ADDRESS())
    try:
        host = check_base_url(public_url, allow_plain=True)
    except ValueError:
        return Finding(WEBHOOKS(), False, _BAD_ADDRESS(url=public_url), _BE_PUBLIC())
    # A store on this machine or in this network may well reach an address that the internet does not.
    near = _is_near(urlsplit(connection.settings.get("base_url", "")).hostname or "")
    if _is_near(host) and not near:
        return Finding(WEBHOOKS(), False, _ONLY_HERE(url=public_url), _BE_PUBLIC())
    if public_url.startswith("http:") and not _is_near(host):
        return Finding(WEBHOOKS(), False, _PLAIN(url=public_url), _USE_TLS())
    return Finding(WEBHOOKS(), True, _TOLD(url=hook_url(public_url, connection.name)))


def hook_url(public_url: str, name: str) -> str:
    """The address to which a store sends its webhooks."""
    return f"{public_url.rstrip('/')}/webhooks/{name}"


def _webhook_secret(connection: Connection) -> str:
    """The name of the type's secret for webhooks where none is stored; "" when there is one, or none is needed."""
    kind = registry.types().get(connection.type)
    names = [s.name for s in kind.settings if s.secret and "webhook" in s.name] if kind is not None else []
    return next((name for name in names if not connection.secrets.get(name)), "")


def _is_near(host: str) -> bool:
    """An address of this machine or of a private network; a bare name without a dot is one as well."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or host.endswith((".localhost", ".local", ".internal", ".lan")))
    return address.is_loopback or address.is_private or address.is_link_local


async def renewed(connection: Connection, connector: Connector, public_url: str) -> list[Finding]:
    """Ask for our own public address from here, and see that the store's subscription to it is on."""
    url = hook_url(public_url, connection.name)
    found = [await _answers(public_url)]
    try:
        answer = await connector.subscribe(url)
    except ConnectorError as error:
        return [*found, Finding(WEBHOOKS(), False, error.message, error.cure or _LATER())]
    if answer == "none":
        variable = f"SELARAS_SECRET_{(_webhook_secret(connection) or 'webhook_secret').upper()}"
        cure = _SET_SECRET(variable=variable, type=connection.type, name=connection.name)
        return [*found, Finding(WEBHOOKS(), False, _NONE(), cure)]
    return [*found, Finding(WEBHOOKS(), True, (_RESTORED if answer == "restored" else _ON)(url=url))]


async def _answers(public_url: str) -> Finding:
    http = Http(public_url, timeout=10.0, allow_plain=True)
    try:
        await http.request("GET", HEALTH, effect=False, answers=(503,))
    except ConnectorError as error:
        return Finding(ADDRESS(), False, error.message, _PASS_ON())
    finally:
        await http.close()
    return Finding(ADDRESS(), True, public_url)


# -- both sides of a pair ----------------------------------------------------------------------------------------------


def pair_findings(ledger: Ledger, pair: Pair, store: Check, books: Check, now: float) -> list[Finding]:
    """Zone and currency of the two sides beside each other, and what the mapping lacks."""
    return [
        finding
        for finding in (_zones(pair, store, books, now), _currencies(ledger, pair, store, books), _mapped(ledger, pair))
        if finding is not None
    ]


def _zones(pair: Pair, store: Check, books: Check, now: float) -> Finding | None:
    """Days cut alike need no word. Else documents must be dated by the books' day: theirs is the ledger."""
    if not store.zone or not books.zone:
        return None
    ours, theirs, own = (_offset(zone, now) for zone in (pair.policy.zone, books.zone, store.zone))
    if ours == theirs == own:
        return Finding(ZONES(), True, pair.policy.zone)
    detail = _ZONES_DIFFER(
        store=pair.store, store_zone=store.zone, books=pair.books, books_zone=books.zone, zone=pair.policy.zone
    )
    cure = _DATE_AS_BOOKS(store=pair.store, books=pair.books, zone=books.zone)
    return Finding(ZONES(), ours == theirs, detail, cure)


def _offset(zone: str, now: float) -> dt.timedelta | str | None:
    """Offset from UTC now; a zone that this machine does not know stands for itself."""
    try:
        return dt.datetime.fromtimestamp(now, ZoneInfo(zone)).utcoffset()
    except (ValueError, OSError, LookupError):
        return zone


def _currencies(ledger: Ledger, pair: Pair, store: Check, books: Check) -> Finding | None:
    if not store.currency or not books.currency:
        return None
    if store.currency == books.currency:
        return Finding(CURRENCIES(), True, store.currency)
    names = {
        "store": pair.store,
        "store_currency": store.currency,
        "books": pair.books,
        "books_currency": books.currency,
    }
    taken = ledger.db.rows(
        "SELECT 1 FROM link WHERE target = ? AND currency = ? AND stream LIKE ? LIMIT 1",
        (pair.books, store.currency, f"{pair.store}:%"),
    )
    if taken:
        return Finding(CURRENCIES(), True, _TAKEN_ALREADY(**names))
    return Finding(CURRENCIES(), False, _CURRENCIES_DIFFER(**names), _SWITCH_ON(currency=store.currency))


def _mapped(ledger: Ledger, pair: Pair) -> Finding | None:
    """Accounts and taxes that these books cannot choose themselves, and those that the mapping names wrongly."""
    view = mappings.show(ledger, pair.store, pair.books)
    lacking = [*view.missing, *(entry.word for entry in view.entries if entry.trouble)]
    if lacking:
        detail = _UNMAPPED(store=pair.store, books=pair.books, words=", ".join(lacking))
        return Finding(MAPPING(), False, detail, _MAP(store=pair.store, books=pair.books))
    return Finding(MAPPING(), True) if view.needed else None


# -- all of it ---------------------------------------------------------------------------------------------------------

Opened = Callable[[Connection], AbstractAsyncContextManager[Connector]]


async def check_connections(
    desk: Desk,
    opened: Opened,
    names: Collection[str],
    now: float,
    *,
    public_url: str | None = None,
    renew: bool = False,
) -> list[CheckAnswer]:
    """Check these connections, in the order of their names. `opened` gives the connector of a connection.

    The other side of a pair is asked too, for it is compared. `public_url` None = as `serve` was last told; `renew`
    also asks for our public address and renews the store's subscription, which writes into the store. Raises
    `LedgerError` for an unknown name.
    """
    connections = {one.name: one for one in await desk(desk.ledger.connections.all)}
    for name in names:
        if name not in connections:
            await desk(desk.ledger.connections.get, name)
    if public_url is None:
        public_url = await desk(desk.ledger.connections.setting, PUBLIC_URL)
    pairs = [one for one in await desk(pairs_of, desk.ledger) if {one.store, one.books} & set(names)]
    asked = sorted({*names, *(side for one in pairs for side in (one.store, one.books) if side in connections)})
    found: dict[str, CheckAnswer] = {}
    for name in asked:
        one = connections[name]
        async with opened(one) as connector:
            # The partner of a pair is only looked at: its own findings are not asked for.
            whole = name in names
            found[name] = await _ask(desk, one, connector, now, public_url, whole=whole, renew=whole and renew)
    for pair in pairs:
        store, books = (found.get(side) for side in (pair.store, pair.books))
        if store and books and store.check and books.check:
            more = await desk(pair_findings, desk.ledger, pair, store.check, books.check, now)
            for side in {pair.store, pair.books} & set(names):
                # What two connections share is said once: with the books, unless only the store was asked for.
                if side == pair.books or pair.books not in names:
                    found[side] = _with(found[side], more)
    return [found[name] for name in asked if name in names]


async def _ask(
    desk: Desk, one: Connection, connector: Connector, now: float, public_url: str, *, whole: bool, renew: bool
) -> CheckAnswer:
    try:
        check = await connector.check()
    except ConnectorError as error:
        return CheckAnswer(one.name, False, None, error.message, error.cure)
    answer = _with(CheckAnswer(one.name, True, check, "", ""), [])
    if not whole:
        return answer
    findings = own_findings(one, check)
    more: Sequence[Finding] = ()
    if check.ok and one.role == "books":
        more = [await lag_finding(desk, one, connector, int(now * MICROSECOND))]
    elif one.role == "store" and connector.capabilities.webhooks:
        by_settings = webhook_finding(one, public_url)
        more = await renewed(one, connector, public_url) if renew and public_url and by_settings.ok else [by_settings]
    return _with(CheckAnswer(one.name, True, msgspec.structs.replace(check, findings=findings), "", ""), more)


def _with(answer: CheckAnswer, more: Sequence[Finding]) -> CheckAnswer:
    if answer.check is None:
        return answer
    check = msgspec.structs.replace(answer.check, findings=(*answer.check.findings, *more))
    return msgspec.structs.replace(answer, check=check, ok=check.ok)
