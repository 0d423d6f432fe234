"""Reading ERPNext: what changed, what a record is now, and which documents stand under a reference.

A poll walks in the order of `modified`. Many rows can have one stamp (a mass update has one for thousands), so behind
a full page the rest of its last stamp is read by name before the walk goes on. A row is stamped when it is saved and
seen when its transaction ends, so the next poll begins before the last stamp seen, by an overlap. Stamps are the site's
local time: in the hour that comes twice in autumn the walk goes back by that hour.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from selaras.connectors.contract import Changes, Found, Rejected, Seen, Transient
from selaras.connectors.cursors import read_cursor
from selaras.connectors.erpnext import banklines, cash, chains, drafts, exchanges, journals, kinds, values
from selaras.connectors.erpnext.billing import INVOICE
from selaras.connectors.erpnext.chart import Books, Chart
from selaras.connectors.erpnext.contacts import CUSTOMER
from selaras.connectors.erpnext.kinds import KINDS, Kind
from selaras.connectors.erpnext.stock import Bins
from selaras.connectors.erpnext.values import Row, instant, money
from selaras.connectors.erpnext.wire import Wire
from selaras.model.document import Invoice, Receipt

_BAD = (KeyError, TypeError, AttributeError, ValueError)


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where a poll stands. It began at `since`; `last` and `name` are the last row of the page before.

    `ties` says that rows with the stamp `last` are left behind `name`. `top` is the highest stamp that this poll saw.
    `asked` is the Unix time at which it began (0 when none is under way), `polled` that of the poll before.
    """

    since: str = ""
    last: str = ""
    name: str = ""
    ties: bool = False
    top: str = ""
    asked: float = 0.0
    polled: float = 0.0


class Reader:
    """The reading half of the connector."""

    def __init__(
        self, wire: Wire, chart: Chart, zone: ZoneInfo, page: int, overlap: float, clock: Callable[[], float]
    ) -> None:
        self._wire = wire
        self._chart = chart
        self._zone = zone
        self._page = page
        self._overlap = dt.timedelta(seconds=overlap)
        self._clock = clock
        self._bins = Bins(wire)
        self._bank_accounts: dict[str, str] = {}

    # -- changed ----------------------------------------------------------------------------------------------------

    async def changed(self, kind: str, cursor: str) -> Changes:
        """The next page of records that changed."""
        at = read_cursor(cursor, Cursor)
        books = await self._chart.books()
        if kind == "dimension":
            return Changes(
                await self._dimensions(books, None), msgspec.json.encode(Cursor(since="all")).decode(), False
            )
        asked = at.asked or self._clock()
        fields: Sequence[str]
        if kind == "stock":
            doctype, fields, filters = "Bin", ("name", "modified", "item_code"), self._bins.filters(books)
        else:
            what = _kind(kind)
            doctype, fields, filters = what.doctype, what.fields, self._filters(what, books)
        rows, following = await self._walk(doctype, fields, filters, at, asked)
        if kind == "stock":
            seen = await self._stock(books, list(dict.fromkeys(row["item_code"] for row in rows)), gone=False)
        else:
            seen = await self._seen(kind, rows, books)
        return Changes(seen, msgspec.json.encode(following).decode(), bool(following.asked))

    async def _walk(
        self, doctype: str, fields: Sequence[str], filters: list[Any], at: Cursor, asked: float
    ) -> tuple[list[Row], Cursor]:
        """One page, and the cursor behind it. A cursor with `asked` has more to read."""
        if at.ties:
            more = [["modified", "=", at.last], ["name", ">", at.name]]
            order = "name asc"
        elif at.last:
            more, order = [["modified", ">", at.last]], "modified asc, name asc"
        else:
            more, order = ([["modified", ">=", self._back(at)]] if at.since else []), "modified asc, name asc"
        rows = await self._wire.rows(doctype, fields, [*filters, *more], order=order, limit=self._page)
        top = max([at.top, *(str(row["modified"]) for row in rows)])
        if len(rows) >= self._page:
            end = rows[-1]
            return rows, Cursor(at.since, str(end["modified"]), end["name"], True, top, asked)
        if at.ties:
            return rows, Cursor(at.since, at.last, "", False, top, asked)
        since = values.stamp(values.local(top) - self._overlap) if top else at.since
        return rows, Cursor(since, polled=asked)

    def _back(self, at: Cursor) -> str:
        """Where this poll begins: earlier by the hour that clocks were put back since the last one."""
        if not at.polled:
            return at.since
        offsets = [dt.datetime.fromtimestamp(t, self._zone).utcoffset() for t in (at.polled, self._clock())]
        then, now = (offset or dt.timedelta(0) for offset in offsets)
        return at.since if now >= then else values.stamp(values.local(at.since) - (then - now))

    # -- read -------------------------------------------------------------------------------------------------------

    async def read(self, kind: str, ids: Sequence[str]) -> list[Seen]:
        """These records now, in the order asked for; missing ones have no record."""
        if not ids:
            return []
        books = await self._chart.books()
        if kind == "stock":
            found = await self._stock(books, ids, gone=True)
        elif kind == "dimension":
            found = await self._dimensions(books, set(ids))
        else:
            what = _kind(kind)
            if kind == "sales_order":
                last = await chains.living(self._wire, ids, what.fields)
                rows = [row for row in last.values() if row["docstatus"]]
            else:
                filters = [one for one in self._filters(what, books) if one[0] != "company"]
                rows = await self._wire.rows_in(what.doctype, what.fields, "name", ids, filters)
            found = await self._seen(kind, rows, books)
        there = {seen.id: seen for seen in found}
        now = dt.datetime.fromtimestamp(self._clock(), dt.UTC)
        day = now.astimezone(self._zone).date()
        return [there.get(id) or Seen(kind, id, None, b"", now, day) for id in ids]

    # -- find -------------------------------------------------------------------------------------------------------

    async def find(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        """Documents that stand under these references; drafts and cancelled ones do not. The oldest one counts.

        MariaDB compares without regard to case, accents and trailing spaces, so what it finds is compared again here.
        """
        if not references:
            return {}
        wanted = set(references)
        stands = ["docstatus", "=", 1]
        if kind == "contact":
            rows = await self._wire.rows_in(CUSTOMER, ["name", "customer_details"], "customer_details", references)
            return _first(
                wanted, "customer_details", rows, lambda r: Found(r["name"], r["customer_details"], r["name"])
            )
        if kind in ("receipt", "refund_payment"):
            return await self._found_money(kind, references)
        if kind == "journal":
            return await self._found_journals(references)
        doctype = chains.ORDER if kind == "sales_order" else INVOICE
        filters: list[Any] = [stands]
        fields = [*drafts.HEAD, "po_no", "creation"]
        if kind == "sales_order":
            fields.append("amended_from")
        else:
            filters.append(["is_return", "=", int(kind == "credit_note")])
        rows = await self._wire.rows_in(doctype, fields, "po_no", references, filters, order="creation asc, name asc")
        sign = -1 if kind == "credit_note" else 1
        known: Mapping[str, str] = {}
        amended = [row["name"] for row in rows if row.get("amended_from")]
        if amended:
            known = await chains.roots(self._wire, amended)

        def found(row: Row) -> Found:
            total = sign * drafts.total_of(row)
            id = known.get(row["name"], row["name"])
            return Found(id, row["po_no"], row["name"], total, row["currency"], drafts.status_of(row))

        return _first(wanted, "po_no", rows, found)

    async def _found_money(self, kind: str, references: Sequence[str]) -> dict[str, Found]:
        books = await self._chart.books()
        kind_of = "Receive" if kind == "receipt" else "Pay"
        stands: list[Any] = [["docstatus", "=", 1]]
        rows = await self._wire.rows_in(
            banklines.PAYMENT, cash.PAID, "reference_no", references, [*stands, ["payment_type", "=", kind_of]]
        )
        rows = await self._finished(rows, "remarks", banklines.PAYMENT)

        def paid(row: Row) -> Found:
            total, currency, _ = exchanges.paid_of(row, books.currency)
            return Found(row["name"], row["reference_no"], row["name"], total, currency, "paid")

        found = _first(set(references), "reference_no", rows, paid)
        if kind == "refund_payment":
            fields = ["name", "cheque_no", "total_debit", "user_remark"]
            entries = await self._wire.rows_in(banklines.JOURNAL, fields, "cheque_no", references, stands)

            def booked(row: Row) -> Found:
                total = money(row["total_debit"], books.currency)
                return Found(row["name"], row["cheque_no"], row["name"], total, books.currency, "paid")

            ours = [row for row in entries if (row.get("user_remark") or "").startswith("Selaras: ")]
            found = _first(set(references), "cheque_no", ours, booked) | found
        return found

    async def _found_journals(self, references: Sequence[str]) -> dict[str, Found]:
        books = await self._chart.books()
        rows = await self._wire.rows_in(
            banklines.JOURNAL, journals.BOOKED, "cheque_no", references, [["docstatus", "=", 1]]
        )  # fmt: skip
        ours = [row for row in rows if (row["user_remark"] or "").startswith(journals.OURS)]
        ours = await self._finished(ours, "user_remark", banklines.JOURNAL)

        def booked(row: Row) -> Found:
            total = money(row["total_debit"], books.currency)
            return Found(row["name"], row["cheque_no"], row["name"], total, books.currency, "open")

        return _first(set(references), "cheque_no", ours, booked)

    async def _finished(self, rows: list[Row], remarks: str, doctype: str) -> list[Row]:
        """A voucher of a bank line is finished when the line knows of it."""
        lines = [line for row in rows if (line := banklines.marked(row[remarks]))]
        if not lines:
            return rows
        finished = await banklines.linked(self._wire, lines, doctype)
        return [row for row in rows if not banklines.marked(row[remarks]) or row["name"] in finished]

    # -- rows → records ---------------------------------------------------------------------------------------------

    def _filters(self, what: Kind, books: Books) -> list[Any]:
        return [[f, op, books.company if v == "{company}" else v] for f, op, v in what.filters]

    async def _seen(self, kind: str, rows: list[Row], books: Books) -> list[Seen]:
        what = KINDS[kind]
        ids = {row["name"]: row["name"] for row in rows}
        if kind == "sales_order":
            past = await chains.superseded(self._wire, rows)
            rows = [row for row in rows if row["name"] not in past]
            ids = await self._roots([row["name"] for row in rows if row.get("amended_from")]) | {
                row["name"]: row["name"] for row in rows if not row.get("amended_from")
            }
        tables: dict[str, kinds.Tables] = {row["name"]: {} for row in rows}
        for child, fields in what.tables:
            order = "parent asc, idx asc"
            for one in await self._wire.rows_in(child, fields, "parent", tables, order=order, parent=what.doctype):
                tables[one["parent"]].setdefault(child, []).append(one)
        if kind == "bank_transaction":
            await self._name_accounts(rows)
        try:
            records = [(row, what.record(row, tables[row["name"]], books.currency)) for row in rows]
        except _BAD as error:
            told = f"ERPNext's rows of {what.doctype} cannot be read: {type(error).__name__} {error}"
            raise Transient(told, code="unreadable") from None
        orders = await self._roots([r.sales_order_id for _, r in records if isinstance(r, Invoice | Receipt)])
        made = []
        for row, record in records:
            if isinstance(record, Invoice | Receipt) and record.sales_order_id:
                record = msgspec.structs.replace(record, sales_order_id=orders[record.sales_order_id])
            if kind == "sales_order":
                record = msgspec.structs.replace(record, id=ids[row["name"]])
            made.append(self._one(kind, row, record, tables[row["name"]]))
        return made

    async def _roots(self, names: Sequence[str]) -> dict[str, str]:
        wanted = [name for name in dict.fromkeys(names) if name]
        return await chains.roots(self._wire, wanted) if wanted else {}

    def _one(self, kind: str, row: Row, record: Any, tables: kinds.Tables) -> Seen:
        at = instant(row, self._zone)
        day = getattr(record, "date", None) or at.astimezone(self._zone).date()
        total: Decimal | None = getattr(record, "total", None)
        if kind == "bank_transaction":
            total = record.amount
        currency = getattr(record, "currency", "") if total is not None else ""
        number = (
            getattr(record, "number", "") or getattr(record, "code", "") or getattr(record, "name", "") or record.id
        )
        return Seen(kind, record.id, record, values.raw({**row, **tables}), at, day, number, total, currency)

    async def _name_accounts(self, rows: list[Row]) -> None:
        """The ledger account of each bank line's Bank Account, by which the mapping knows it."""
        missing = {row["bank_account"] for row in rows if row.get("bank_account")} - set(self._bank_accounts)
        if missing:
            for one in await self._wire.rows_in("Bank Account", ["name", "account"], "name", sorted(missing)):
                self._bank_accounts[one["name"]] = one["account"] or ""
        for row in rows:
            row["account"] = self._bank_accounts.get(row.get("bank_account") or "", "")

    async def _stock(self, books: Books, codes: Sequence[str], *, gone: bool) -> list[Seen]:
        found = await self._bins.stock(books, codes, await self._chart.goods(codes) if gone else {})
        made = []
        for stock, rows in found:
            newest = max(rows, key=lambda row: str(row["modified"])) if rows else {}
            at = instant(newest, self._zone)
            day = at.astimezone(self._zone).date()
            made.append(Seen("stock", stock.code, stock, values.raw({"bins": rows}), at, day, stock.code))
        return made

    async def _dimensions(self, books: Books, ids: set[str] | None) -> list[Seen]:
        """All values of all dimensions that the user may see; there are few, so each poll lists them whole."""
        made = []
        for kind, doctype, title, switches, filters in kinds.DIMENSIONS:
            given = [[f, op, books.company if v == "{company}" else v] for f, op, v in filters]
            try:
                rows = await self._wire.rows(doctype, ["name", "modified", title, *switches], given)
            except Rejected as error:
                if error.code in ("no_rights", "not_found"):
                    continue  # a doctype that this user, or this version, does not have
                raise
            for row in rows:
                record = kinds.dimension(kind, row, title)
                id = f"{kind}/{record.id}"
                if ids is None or id in ids:
                    at = instant(row, self._zone)
                    day = at.astimezone(self._zone).date()
                    made.append(Seen("dimension", id, record, values.raw(row), at, day, record.name))
        return made


def _kind(kind: str) -> Kind:
    try:
        return KINDS[kind]
    except KeyError:
        raise ValueError(f"ERPNext knows no {kind!r}") from None


def _first(wanted: set[str], field: str, rows: Sequence[Row], found: Callable[[Row], Found]) -> dict[str, Found]:
    answer: dict[str, Found] = {}
    for row in rows:
        if row[field] in wanted and row[field] not in answer:
            answer[row[field]] = found(row)
    return answer
