"""Mekari Jurnal as books: the connector's methods, each handed to the part that knows it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from zoneinfo import ZoneInfo

from selaras.connectors.contract import (
    Ambiguous,
    BadSignature,
    Capabilities,
    Changes,
    Check,
    ConnectorError,
    Done,
    Failed,
    Found,
    Hint,
    LockedPeriod,
    Op,
    Outcome,
    Rejected,
    Seen,
    Webhook,
    Write,
)
from selaras.connectors.jurnal import checking, drafts
from selaras.connectors.jurnal.chart import Chart
from selaras.connectors.jurnal.client import Client
from selaras.connectors.jurnal.credit import Credits
from selaras.connectors.jurnal.journals import entry_of
from selaras.connectors.jurnal.looking import Finder, Numbers
from selaras.connectors.jurnal.mapping import PAYMENTS, VOID
from selaras.connectors.jurnal.pace import Pace
from selaras.connectors.jurnal.reading import LISTS, Reader
from selaras.connectors.jurnal.shelf import Shelf
from selaras.connectors.jurnal.values import (
    BANK_WITHDRAWAL,
    CUSTOMER,
    JOURNAL_ENTRY,
    ORDER_PAYMENT,
    SALES_INVOICE,
    SALES_ORDER,
    Spec,
    inner,
    number,
)
from selaras.connectors.jurnal.voiding import MONEY, take_back
from selaras.connectors.jurnal.writing import Batches, Item, finished
from selaras.connectors.oauth import OAuth
from selaras.model.document import ContactDraft, CreditNote, Invoice, Journal, Receipt, RefundPayment, SalesOrder

_KINDS = {
    "contact": ContactDraft, "sales_order": SalesOrder, "invoice": Invoice, "receipt": Receipt,
    "credit_note": CreditNote, "refund_payment": RefundPayment, "journal": Journal,
}  # fmt: skip


class Jurnal:
    """A signed-in Jurnal. `oauth` is the sign-in, None where requests are signed with a key."""

    name = "jurnal"

    def __init__(
        self,
        client: Client,
        chart: Chart,
        capabilities: Capabilities,
        *,
        zone: str,
        clock: Callable[[], float],
        pace: Pace,
        oauth: OAuth | None = None,
        window: int = 35,
        suspense: str = "",
    ) -> None:
        self.capabilities = capabilities
        self.client = client
        self.oauth = oauth
        self._chart = chart
        self._zone = zone
        self._pace = pace
        self._suspense = suspense
        self._deleting: set[str] = set()
        self._finder = Finder(client)
        self._numbers = Numbers()
        self._batches = Batches(client, self._finder, self._numbers, chart.currency)
        self._credits = Credits(client, self._finder, self._batches, chart)
        shelf = Shelf(client, self._finder, chart)
        self._reader = Reader(
            client, self._finder, chart, self._credits, shelf, ZoneInfo(zone), clock, window=window, suspense=suspense
        )

    @property
    def calls(self) -> int:
        """HTTP calls made so far, sign-ins not counted."""
        return self.client.calls

    async def check(self) -> Check:
        """Company, currency, clock, accounts and products."""
        return await checking.check(self.client, self._chart, self._zone)

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of a poll; nothing when a poll of this kind would take more than its share of the calls."""
        goes_on = '"page"' in cursor or '"list"' in cursor
        if cursor and not goes_on and not self._pace.due(kind):
            return Changes((), cursor, False)
        if cursor:
            await self._pace.stand_back("page")
        with self._pace.poll(kind, goes_on=goes_on):
            return await self._reader.changed(kind, cursor)

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now; stock is asked for by product code."""
        self._bound(ids, self.capabilities.read_batch)
        if kind == "stock":
            await self._pace.stand_back(kind)
            with self._pace.poll("read stock", goes_on=False):
                return await self._reader.read(kind, ids)
        return await self._reader.read(kind, ids)

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents under these references."""
        self._bound(references, self.capabilities.read_batch)
        return await self._reader.find(kind, references)

    # -- writing ----------------------------------------------------------------------------------------------------

    async def write(self, kind: str, op: Op, writes: Sequence[Write]) -> list[Outcome]:
        """Write documents of one kind: creates of most kinds in one call, everything else one by one."""
        self._bound(writes, self.capabilities.batch)
        if not writes:
            return []
        for write in writes:
            if not isinstance(write.document, _KINDS[kind]):
                raise TypeError(f"a {type(write.document).__name__} is not a {kind}")
        self._pace.wrote()
        items = [Item(place, write) for place, write in enumerate(writes)]
        begun = self.client.calls
        try:
            if op == "create":
                await self._create(kind, items)
            else:
                await self._change(kind, op, items)
        except ConnectorError as error:
            if all(item.outcome is None for item in items) and isinstance(error, Rejected | LockedPeriod):
                return [Failed(error) for _ in items]
            if all(item.outcome is None for item in items):
                raise
            for item in items:
                # What was not begun is simply told; what was is known by its own outcome.
                if item.outcome is None:
                    item.outcome = Failed(error)
        finally:
            if self.client.calls > begun:
                self._pace.wrote()
        return finished(items)

    async def _create(self, kind: str, items: Sequence[Item]) -> None:
        if kind == "credit_note":
            for item in items:
                await self._credit(item)
            return
        if kind == "receipt":
            await self._receipts(items)
            return
        spec, prefix = _SPECS[kind]
        for item in items:
            await self._drafted(item, self._body(kind, item, of_order=True))
        ready = [item for item in items if item.outcome is None]
        await self._batches.create(spec, kind, ready, prefix)
        if kind == "invoice":
            await self._without_order(ready)

    async def _credit(self, item: Item) -> None:
        begun = self.client.http.calls
        try:
            await self._credits.create(item)
        except (Rejected, LockedPeriod) as error:
            item.outcome = Failed(error)
        except ConnectorError as error:
            if item.place == 0 and self.client.http.calls == begun:
                raise
            item.outcome = Failed(error)

    async def _without_order(self, items: Sequence[Item]) -> None:
        """Invoices that cannot be made of their sales order, because it is billed already, are made without it."""
        again = []
        for item in items:
            error = item.outcome.error if isinstance(item.outcome, Failed) else None
            if isinstance(error, Rejected) and "selected_po_id" in (error.field, *error.message.split()):
                item.body.pop("selected_po_id", None)
                item.outcome = None
                again.append(item)
        await self._batches.create(SALES_INVOICE, "invoice", again)

    async def _receipts(self, items: Sequence[Item]) -> None:
        groups: dict[str, list[Item]] = {}
        for item in items:
            document = item.write.document
            assert isinstance(document, Receipt)  # noqa: S101 - checked above
            prefix = "r" if document.invoice_id else "o" if document.sales_order_id else "d"
            await self._drafted(item, self._money_in(document, prefix))
            if item.outcome is None:
                groups.setdefault(prefix, []).append(item)
        for prefix, group in groups.items():
            spec = PAYMENTS[prefix]
            if spec is ORDER_PAYMENT:
                for item in group:
                    await self._batches.create_one(spec, "receipt", item, prefix)
            else:
                await self._batches.create(spec, "receipt", group, prefix)

    async def _money_in(self, document: Receipt, prefix: str) -> dict[str, object]:
        spec, target = PAYMENTS[prefix], ""
        if prefix != "d":
            place, id = (
                (SALES_INVOICE, document.invoice_id) if prefix == "r" else (SALES_ORDER, document.sales_order_id)
            )
            target = self._numbers.get(place, id)
            if not target:
                row = await self._finder.one(place, id)
                target = str(row.get("transaction_no") or "") if row is not None else ""
                self._numbers.put(place, id, target)
        return await drafts.money_in(document, self._chart, spec, target)

    async def _drafted(self, item: Item, body: Awaitable[dict[str, object]]) -> None:
        try:
            item.body = await body
        except (Rejected, LockedPeriod) as error:
            item.outcome = Failed(error)

    async def _body(self, kind: str, item: Item, *, of_order: bool, new: bool = True) -> dict[str, object]:
        document = item.write.document
        if isinstance(document, ContactDraft):
            return await drafts.contact(document, self._chart, new=new)
        if isinstance(document, SalesOrder):
            return await drafts.sales_order(document, self._chart)
        if isinstance(document, Invoice):
            return await drafts.invoice(document, self._chart, of_order=of_order)
        if isinstance(document, RefundPayment):
            return await drafts.money_out(document, self._chart)
        if isinstance(document, Journal):
            return await entry_of(document, self._chart, self._reader, self._suspense)
        raise TypeError(f"a {type(document).__name__} is not written as {kind}")

    async def _change(self, kind: str, op: Op, items: Sequence[Item]) -> None:
        spec, _prefix = _SPECS.get(kind, (CUSTOMER, ""))
        known = self.capabilities.updates if op == "update" else MONEY | {"sales_order"}
        if kind not in known:
            raise Rejected(
                f"a {kind} is not changed in Jurnal by {op}", code="not_supported", field="op",
                cure="Change it in Jurnal by hand, then skip this.",
            )  # fmt: skip
        for item in items:
            try:
                if op == "void" and kind in MONEY:
                    item.outcome = await take_back(self.client, self._finder, kind, item.write)
                elif op == "void":
                    await self._void(spec, kind, item)
                else:
                    await self._update(spec, kind, item)
            except (Rejected, LockedPeriod, Ambiguous) as error:
                item.outcome = Failed(error)

    async def _void(self, spec: Spec, kind: str, item: Item) -> None:
        """Delete an order; one that has payments stays, marked, and holds no goods any more (Jurnal reserves none)."""
        repeated = item.write.id in self._deleting
        self._deleting.add(item.write.id)
        await self._batches.delete(spec, kind, item)
        error = item.outcome.error if isinstance(item.outcome, Failed) else None
        if repeated and isinstance(error, Rejected) and error.code == "not_found":
            item.outcome = Done(item.write.id, status="void")  # the answer to our first try was lost
            return
        if not isinstance(error, Rejected) or error.code != "paid":
            return
        # That refusal is no verdict: what follows may fail in its own way, and is then tried again.
        item.outcome = None
        row = await self._finder.one(spec, item.write.id)
        if row is None:
            item.outcome = Done(item.write.id, status="void")
            return
        if not str(row.get("memo") or "").startswith(VOID):
            lines = [
                {"id": line["id"], "product_id": inner(line, "product").get("id"), "quantity": line.get("quantity"),
                 "rate": number(line.get("rate")), "line_tax_id": inner(line, "line_tax").get("id")}
                for line in row.get("transaction_lines_attributes") or ()
            ]  # fmt: skip
            item.body = {
                "memo": f"{VOID} {row.get('memo') or ''}".strip(), "use_tax_inclusive": True,
                "transaction_lines_attributes": lines,
            }  # fmt: skip
            await self._batches.change(spec, kind, item)
            if isinstance(item.outcome, Failed):
                return
        item.outcome = Done(item.write.id, str(row.get("transaction_no") or ""), status="void")

    async def _update(self, spec: Spec, kind: str, item: Item) -> None:
        body = await self._body(kind, item, of_order=False, new=False)
        if spec is SALES_ORDER:
            old = await self._finder.one(spec, item.write.id)
            if old is None:
                raise Rejected(
                    f"Jurnal has no {kind} with the id {item.write.id}", code="not_found", field="id",
                    cure="The document is gone from Jurnal: link another one or create it anew.",
                )  # fmt: skip
            lines = body["transaction_lines_attributes"]
            assert isinstance(lines, list)  # noqa: S101 - made above
            for line in old.get("transaction_lines_attributes") or ():
                lines.append({"id": line["id"], "_destroy": True})
        item.body = body
        await self._batches.change(spec, kind, item)

    # -- the rest ---------------------------------------------------------------------------------------------------

    def hints(self, webhook: Webhook) -> list[Hint]:
        """Jurnal's webhooks are not signed (Mekari's documentation names no signature), so none can be trusted."""
        raise BadSignature("Jurnal's webhooks are not signed")

    async def subscribe(self, url: str) -> str:
        """Webhooks are switched on by Mekari for a company, not by a call."""
        return "none"

    async def close(self) -> None:
        """Close the HTTP sessions."""
        await self.client.http.close()
        if self.oauth is not None:
            await self.oauth.close()

    def _bound(self, values: Sequence[object], most: int) -> None:
        if len(values) > most:
            raise ValueError(f"at most {most} in one call, not {len(values)}")


_SPECS: dict[str, tuple[Spec, str]] = {
    "contact": (CUSTOMER, ""),
    "sales_order": (SALES_ORDER, ""),
    "invoice": (SALES_INVOICE, ""),
    "refund_payment": (BANK_WITHDRAWAL, "w"),
    "journal": (JOURNAL_ENTRY, ""),
}
__all__ = ["LISTS", "Jurnal"]
