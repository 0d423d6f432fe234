"""{{ cookiecutter.system }} as a connector. Most of this stays; replace `capabilities` and sign-in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Final
from zoneinfo import ZoneInfo

import msgspec
from selaras.connectors.contract import (
    BadSignature,
    Capabilities,
    Changes,
    Check,
    Failed,
    Finding,
    Found,
    Hint,
    Op,
    Outcome,
    Rate,
    Rejected,
    Seen,
    Settings,
    Tools,
    Transient,
    Webhook,
    Write,
)
from selaras.connectors.http import Http
from selaras.connectors.limiter import shared
from selaras.connectors.oauth import OAuth

from {{ cookiecutter.package }}.client import BATCH, PAGE, PATHS, Client, Page
from {{ cookiecutter.package }}.mapping import done_of, error_of, found_of, item_of, seen_of

MARGIN: Final = dt.timedelta(seconds=1)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands: `since` is where it began, `until` the books' time then, `after` the place in its pages.

    The next poll begins at `until` less the overlap: what was written before and became visible late lies there.
    """

    since: str = ""
    until: str = ""
    after: str = ""


class Books:
    """Books; see `selaras.connectors.contract.Connector` for what the methods promise."""

    name = "{{ cookiecutter.name }}"

    def __init__(self, settings: Settings, tools: Tools) -> None:
        url, plain = settings["base_url"].rstrip("/"), settings.get("allow_plain", "") == "yes"
        rate = Rate(per_second=_number(settings, "rate", "5"), burst=5, parallel=5)
        # Replace: the facts of these books. The flows go by them, so an honest number is better than a good one.
        self.capabilities = Capabilities(
            batch=BATCH,
            read_batch=100,
            page=PAGE,
            # native_key, unique_ref, upsert_field, or search_first where a reference can be taken twice.
            idempotency="unique_ref",
            visibility_lag=_number(settings, "visibility_lag", "1"),
            timeout=30.0,
            rate=rate,
            # bank_transaction, receipt, journal, purchase, account, tax, warehouse and dimension may follow.
            sources=frozenset({"contact", "product", "stock", "sales_order", "invoice"}),
            # journal may follow, for payouts; with it `voids` ({"receipt", "journal"}), `write_offs` and
            # `exchanges`.
            targets=frozenset({"contact", "sales_order", "invoice", "receipt", "credit_note", "refund_payment"}),
            updates=frozenset({"contact", "sales_order"}),
            money_scale="major",
        )
        self._tools = tools
        self._zone = ZoneInfo(tools.zone)
        self._overlap = dt.timedelta(seconds=self.capabilities.visibility_lag) + MARGIN
        # Replace: the addresses of the sign-in and its grant; one refresh serves all workers.
        self.oauth = OAuth(
            settings["client_id"],
            settings["client_secret"],
            f"{url}/oauth/token",
            tools.tokens,
            connection=tools.connection,
            grant="client_credentials",
            clock=tools.clock,
            allow_plain=plain,
        )
        http = Http(
            url,
            auth=self.oauth,
            limiter=shared(f"{url} {settings['client_id']}", rate),
            timeout=self.capabilities.timeout,
            clock=tools.clock,
            allow_plain=plain,
            name=tools.connection,
        )
        self.client = Client(http)

    # -- reading

    async def check(self) -> Check:
        """Who this is, and what is missing with its cure. The hub itself judges clock, currency and zone."""
        company = await self.client.company()
        cure = "Give the connection the zone of the books, or days are cut at different hours."
        findings = [Finding("Time zone", company.zone == self._tools.zone, company.zone, cure)]
        if company.closed_until is not None:
            findings.append(Finding("Closed period", True, f"until {company.closed_until}"))
        skew = company.now.timestamp() - self._tools.clock()
        return Check(company.name, company.currency, company.zone, skew, findings)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page; a loop until `more` is False misses nothing."""
        self._know(kind)
        at = msgspec.json.decode(cursor, type=Cursor) if cursor else Cursor()
        page = await self.client.page(kind, at.since, at.after)
        until = at.until or page.now.isoformat()
        if page.next:
            onward = Cursor(at.since, until, page.next)
        else:
            onward = Cursor((dt.datetime.fromisoformat(until) - self._overlap).isoformat())
        return Changes(self._seen(kind, page), msgspec.json.encode(onward).decode(), bool(page.next))

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records as they are now, in the order asked for; what is gone comes without a record."""
        self._know(kind)
        if not ids:
            return []
        page = await self.client.some(kind, "id", ids)
        there = {seen.id: seen for seen in self._seen(kind, page)}
        now = page.now.astimezone(dt.UTC)
        gone = now.astimezone(self._zone).date()
        return [there.get(id) or Seen(kind, id, None, b"", now, gone) for id in ids]

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """The documents under these references, exactly as written: this is the look before a repeat."""
        self._know(kind)
        if not references:
            return {}
        page = await self.client.some(kind, "reference", references)
        try:
            found = [found_of(bytes(raw)) for raw in page.items]
        except msgspec.MsgspecError as error:
            raise Transient(f"the books' answer for {kind} cannot be read: {error}", code="unreadable") from None
        return {one.reference: one for one in found if one.reference in references}

    def _seen(self, kind: str, page: Page) -> list[Seen]:
        try:
            return [seen_of(kind, bytes(raw), self._zone) for raw in page.items]
        except (msgspec.MsgspecError, ValueError) as error:
            raise Transient(f"the books' answer for {kind} cannot be read: {error}", code="unreadable") from None

    @staticmethod
    def _know(kind: str) -> None:
        if kind not in PATHS:
            raise ValueError(f"{{ cookiecutter.system }} has no {kind}")

    # -- writing

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """One batch, one outcome for each: one bad item is that item's matter and nobody else's."""
        if kind not in self.capabilities.targets or (op != "create" and kind not in self.capabilities.updates):
            raise Rejected(f"{{ cookiecutter.system }} cannot {op} a {kind}", code="unsupported")
        if not writes:
            return []
        results = await self.client.send(kind, op, [item_of(op, write) for write in writes])
        return [
            done_of(result) if result.ok else Failed(error_of(kind, write, result))
            for write, result in zip(writes, results, strict=True)
        ]

    # -- the rest

    def hints(self, webhook: Webhook) -> list[Hint]:
        """These books send no webhooks, so none can be theirs."""
        raise BadSignature("{{ cookiecutter.system }} sends no webhooks")

    async def subscribe(self, url: str) -> str:
        """There is nothing to subscribe to."""
        return "none"

    async def close(self) -> None:
        """Close both sessions."""
        await self.client.http.close()
        await self.oauth.close()


def _number(settings: Settings, name: str, default: str) -> float:
    text = settings.get(name) or default
    try:
        return msgspec.convert(text, float, strict=False)
    except msgspec.ValidationError:
        raise ValueError(f"the setting {name!r} must be a number, not {text!r}") from None
