"""Connections, sign-in, and which store is kept in which books under which policy."""

from __future__ import annotations

import difflib
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, get_args, get_type_hints
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from selaras.connectors import registry
from selaras.connectors.contract import Check, Connector, ConnectorType
from selaras.connectors.oauth import OAuth, SignIn
from selaras.connectors.tokens import Token
from selaras.ledger import Desk, Ledger
from selaras.ledger.connections import Connection
from selaras.ledger.errors import LedgerError
from selaras.rules.plan_types import Policy
from selaras.sync.checking import CheckAnswer, own_findings
from selaras.sync.hub import Hub, Pair
from selaras.sync.installation import (
    DEFAULT_SCHEDULES,
    SCHEDULES,
    LedgerTokens,
    build,
    pairs_of,
    schedules_of,
    set_pairs,
)

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class ConnectionInfo(msgspec.Struct, frozen=True):
    """A connection without its secrets. `signed_in` is None where no sign-in is needed; `pairs` are its partners."""

    name: str
    type: str
    role: str
    zone: str
    settings: dict[str, str]
    secrets: list[str]
    signed_in: bool | None
    pairs: list[str]


class Connected(msgspec.Struct, frozen=True):
    """A connection that was stored; `sign_in` tells whether a person has to sign in next.

    `checked` is what the check found right after it, None where there was none.
    """

    name: str
    type: str
    replaced: bool
    sign_in: bool
    checked: CheckAnswer | None = None


# -- connections -------------------------------------------------------------------------------------------------------


def connections(ledger: Ledger) -> list[ConnectionInfo]:
    """Every connection of the installation. Raises `WrongKey`."""
    pairs = pairs_of(ledger)
    found = []
    for one in ledger.connections.all():
        text = ledger.connections.token(one.name)
        token = msgspec.json.decode(text, type=Token) if text else None
        known = registry.types().get(one.type)
        signed = bool(token and token.access) if known is not None and known.grant else None
        partners = [p.books for p in pairs if p.store == one.name] + [p.store for p in pairs if p.books == one.name]
        found.append(
            ConnectionInfo(one.name, one.type, one.role, one.zone, one.settings, sorted(one.secrets), signed, partners)
        )
    return found


def connection_type(name: str) -> ConnectorType:
    """The connector type. Raises `UnknownConnector` saying which come near."""
    return registry.get(name)


async def connect(
    desk: Desk,
    type_name: str,
    name: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    zone: str,
    now: int,
) -> Connected:
    """Store a connection, replacing one of that name. Nothing is sent to the other side.

    Raises `UnknownConnector`, and `LedgerError` for a bad name or zone, an unknown, missing or wrong setting.
    """
    kind = registry.get(type_name)
    if not _NAME.fullmatch(name):
        raise LedgerError(
            f"{name!r} cannot be the name of a connection.",
            "Use up to 40 small letters, digits, - and _, beginning with a letter or digit.",
        )
    _known_zone(zone)
    plain, sealed = _sorted_settings(kind, settings, secrets)
    connection = Connection(name, type_name, kind.role, zone, plain, sealed)
    # Building it finds settings that do not make sense before anything is stored.
    try:
        connector = build(connection, LedgerTokens(desk, name, lambda: 0.0), lambda: 0.0)
    except ValueError as error:
        raise LedgerError(f"{name}: {error}.", "Correct that setting.") from None
    oauth = getattr(connector, "oauth", None)
    await connector.close()
    before = {one.name for one in await desk(desk.ledger.connections.all)}
    await desk.write(desk.ledger.connections.add, connection, now)
    needs = isinstance(oauth, OAuth) and oauth.grant == "authorization_code"
    return Connected(name, type_name, name in before, needs)


def _known_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise LedgerError(f"{zone!r} is not a time zone.", "Write it as in Asia/Jakarta or Europe/London.") from None


def _sorted_settings(
    kind: ConnectorType, settings: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    known = {setting.name: setting for setting in kind.settings}
    plain, sealed = dict(settings), dict(secrets)
    for name in plain.keys() | sealed.keys():
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"Settings: {', '.join(known)}."
            raise LedgerError(f"{kind.title} has no setting {name!r}.", hint)
        if known[name].secret and name in plain:
            raise LedgerError(f"{name!r} is a secret.", "Give it by the environment, standard input or the prompt.")
    for setting in kind.settings:
        where = sealed if setting.secret else plain
        if setting.name not in where and setting.default:
            where[setting.name] = setting.default
        if setting.required and not where.get(setting.name):
            raise LedgerError(f"The setting {setting.name!r} is missing: {setting.title}.", "Give it and try again.")
    return plain, sealed


def remove_connection(ledger: Ledger, name: str, *, with_pairs: bool = False) -> list[Pair]:
    """Forget a connection, its secrets and token; records and postings stay as the proof of what was done.

    Returns the pairs that went with it. Raises `LedgerError` when it is unknown, or takes part in a pair and
    `with_pairs` is not said.
    """
    ledger.connections.get(name)
    pairs = pairs_of(ledger)
    gone = [pair for pair in pairs if name in (pair.store, pair.books)]
    if gone and not with_pairs:
        names = ", ".join(f"{pair.store} - {pair.books}" for pair in gone)
        raise LedgerError(f"{name} takes part in the pair {names}.", "Remove the pair first: `selaras pair --remove`.")
    if gone:
        set_pairs(ledger, [pair for pair in pairs if pair not in gone])
    with ledger.transaction():
        ledger.connections.remove(name)
    return gone


async def check_connection(hub: Hub, name: str) -> Check:
    """Rights, clock, zone and currency of a connection, asked of the other side. Raises `ConnectorError`."""
    connector = hub.connectors.get(name)
    connection = await hub.desk(hub.desk.ledger.connections.get, name)
    if connector is None:
        raise LedgerError(f"{name} was connected after this process began.", "Restart `selaras serve`.")
    check = await connector.check()
    return msgspec.structs.replace(check, findings=own_findings(connection, check))


# -- sign-in -----------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def signing_in(desk: Desk, name: str, clock: Callable[[], float]) -> AsyncIterator[OAuth]:
    """The sign-in of a connection, closed at the end. Raises `LedgerError` where nobody needs to sign in."""
    connection = await desk(desk.ledger.connections.get, name)
    connector: Connector = build(connection, LedgerTokens(desk, name, clock), clock)
    try:
        yield _oauth(name, connector)
    finally:
        await connector.close()


class SignedIn(msgspec.Struct, frozen=True):
    """A connection that is signed in again; what waited for it goes on."""

    name: str


def signs_in(hub: Hub, name: str) -> OAuth:
    """The sign-in of a connection of a running hub. Raises `LedgerError` where nobody needs to sign in."""
    connector = hub.connectors.get(name)
    if connector is None:
        hub.desk.ledger.connections.get(name)
        raise LedgerError(f"{name} was connected after this process began.", "Restart `selaras serve`.")
    return _oauth(name, connector)


def _oauth(name: str, connector: Connector) -> OAuth:
    oauth = getattr(connector, "oauth", None)
    if not isinstance(oauth, OAuth) or oauth.grant != "authorization_code":
        raise LedgerError(
            f"{name} needs no sign-in: it signs in by itself.", "Check it with `selaras connections check`."
        )
    return oauth


async def sign_in_here(hub: Hub, name: str, code: str, verifier: str) -> SignedIn:
    """Finish a sign-in that a program of this installation began and whose `state` it has compared.

    The running connector takes the token up at once, and what waited for it is due. Raises `LedgerError`,
    `ConnectorError`.
    """
    oauth = await hub.desk(signs_in, hub, name)
    await oauth.exchange(code, name, name, verifier)
    await hub.desk.write(hub.desk.ledger.postings.hasten_expired, name, hub.now())
    return SignedIn(name)


async def finish_sign_in(oauth: OAuth, begun: SignIn, code: str, state: str) -> None:
    """Turn the code that came back into a stored token. Raises `Expired` when it is not the answer to this sign-in."""
    await oauth.exchange(code, state, begun.state, begun.verifier)


# -- pairs -------------------------------------------------------------------------------------------------------------


def make_pair(
    ledger: Ledger,
    store: str,
    books: str,
    choices: Mapping[str, str] | None = None,
    buffer: int | None = None,
) -> Pair:
    """Keep a store in books. On an existing pair only what `choices` and `buffer` name is changed.

    `choices` are the fields of `Policy` as texts: lists with commas, "accounts.transfer" for one way of paying, "" for
    none. Raises `LedgerError` for a connection that is unknown or of the wrong role, and for a choice that is not one.
    """
    for name, role in ((store, "store"), (books, "books")):
        connection = ledger.connections.get(name)
        if connection.role != role:
            raise LedgerError(
                f"{name} is connected as {connection.role}, not as {role}.", "Name the store first, then the books."
            )
    pairs = pairs_of(ledger)
    before = next((pair for pair in pairs if pair.store == store), None)
    if before is not None and before.books != books:
        raise LedgerError(
            f"{store} is kept in {before.books} already.",
            "A store is kept in one set of books; remove that pair first.",
        )
    zone = ledger.connections.get(store).zone
    policy = policy_with(before.policy if before else Policy(zone=zone), choices or {})
    twin = next((one for one in pairs if one.store != store and one.books == books), None)
    if twin is not None and twin.policy.reference_prefix == policy.reference_prefix:
        raise LedgerError(
            f"{twin.store} is kept in {books} with the same order numbers.",
            "Give this store's a beginning of their own: --set reference_prefix=XY-",
        )
    if buffer is not None and buffer < 0:
        raise LedgerError(f"A buffer of {buffer} pieces is not possible.", "Give 0 or more.")
    kept = buffer if buffer is not None else before.buffer if before else 0
    pair = Pair(store, books, policy, kept)
    set_pairs(ledger, [one for one in pairs if one.store != store] + [pair])
    return pair


def remove_pair(ledger: Ledger, store: str) -> Pair:
    """A store is no longer kept in its books; what was posted stays. Raises `LedgerError` for an unknown pair."""
    pairs = pairs_of(ledger)
    gone = next((pair for pair in pairs if pair.store == store), None)
    if gone is None:
        raise LedgerError(
            f"{store!r} is not a store of a pair.", f"Pairs: {', '.join(p.store for p in pairs) or 'none'}."
        )
    set_pairs(ledger, [pair for pair in pairs if pair.store != store])
    return gone


def policy_with(policy: Policy, choices: Mapping[str, str]) -> Policy:
    """A policy with some fields given as texts. Raises `LedgerError` naming the field."""
    fields: dict[str, Any] = msgspec.to_builtins(policy)
    may_be_none = {name for name, hint in get_type_hints(Policy).items() if type(None) in get_args(hint)}
    for name, text in choices.items():
        field, _dot, part = name.partition(".")
        if field not in fields or (part and not isinstance(fields[field], dict)):
            raise LedgerError(f"There is no choice {name!r}.", f"Choices: {', '.join(fields)}.")
        if isinstance(fields[field], dict):
            if not part:
                raise LedgerError(f"{field!r} needs a way of paying.", f"Write {field}.transfer=1-1102.")
            fields[field] = {k: v for k, v in fields[field].items() if k != part} | ({part: text} if text else {})
        elif isinstance(fields[field], list):
            fields[field] = [word.strip() for word in text.split(",") if word.strip()]
        else:
            fields[field] = None if not text and field in may_be_none else text
    try:
        changed = msgspec.convert(fields, Policy)
    except msgspec.ValidationError as error:
        raise LedgerError(f"The policy cannot be like that: {error}.", "See `selaras pair --help`.") from None
    _known_zone(changed.zone)
    return changed


# -- schedules ---------------------------------------------------------------------------------------------------------


def set_schedule(ledger: Ledger, kind: str, text: str, now: int, parse: Callable[[str], object]) -> dict[str, str]:
    """How often a kind of record is synchronised; returns all schedules. `parse` raises `ValueError` for a bad text."""
    if kind not in DEFAULT_SCHEDULES:
        raise LedgerError(f"There is no schedule {kind!r}.", f"Schedules: {', '.join(DEFAULT_SCHEDULES)}.")
    try:
        parse(text)
    except ValueError as error:
        raise LedgerError(str(error)) from None
    with ledger.transaction():
        chosen = msgspec.json.decode(ledger.connections.setting(SCHEDULES, "{}"), type=dict[str, str])
        ledger.connections.set(SCHEDULES, msgspec.json.encode(chosen | {kind: text}).decode(), now)
    return schedules_of(ledger)
