"""The books themselves: all rows, stock, journal entries and what ties documents to one another.

Everything happens in one process and between two awaits, so no locks are needed; a refused item changes nothing
because each operation checks all it must before it changes anything.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from selaras.model.money import rounded
from selaras.sandbox.books import chart
from selaras.sandbox.books.config import BooksConfig
from selaras.sandbox.books.kinds import (
    ZERO,
    BankTransaction,
    Contact,
    CreditNote,
    Invoice,
    Journal,
    JournalLine,
    Line,
    Product,
    Purchase,
    Receipt,
    RefundPayment,
    SalesOrder,
    Shelf,
    StockRow,
)
from selaras.sandbox.books.makeup import MakeUp
from selaras.sandbox.books.refusal import Refused
from selaras.sandbox.books.table import Table
from selaras.sandbox.faults import Faults

# Pieces of one line; far below the 28 digits in which Decimal adds exactly.
_MOST = Decimal(1_000_000_000)


# Pieces by product code and warehouse ("" = the first one).
Moves = dict[tuple[str, str], Decimal]


class Act(msgspec.Struct, frozen=True):
    """One request's view of time and origin. All its rows share `stamp`; lists see them from `visible_at` on."""

    stamp: str
    now: float
    visible_at: float
    source: str = "api"


class Thread:
    """Everything that belongs to one sale: the goods still reserved and its documents in order of creation."""

    __slots__ = ("documents", "reserved")

    def __init__(self) -> None:
        self.reserved: Moves = {}
        self.documents: list[SalesOrder | Invoice | Receipt | CreditNote | RefundPayment] = []


class Priced(msgspec.Struct):
    """What the lines of a document come to: total, income and tax by account, pieces moved, their cost.

    `lines` are the lines with every amount filled in.
    """

    lines: tuple[Line, ...]
    total: Decimal
    income: dict[str, Decimal]
    tax: Decimal
    taxes: dict[str, Decimal]
    moves: Moves
    cost: Decimal


def rfc3339(instant: float) -> str:
    """UTC with milliseconds, so that texts sort as instants do."""
    return dt.datetime.fromtimestamp(instant, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _by_code(moves: Moves) -> dict[str, Decimal]:
    """Pieces by product code, whatever the warehouse."""
    found: dict[str, Decimal] = {}
    for (code, _warehouse), pieces in moves.items():
        found[code] = found.get(code, ZERO) + pieces
    return found


class Books:
    """State of one books server. `clock` gives seconds since the epoch."""

    def __init__(self, config: BooksConfig, *, clock: Callable[[], float] = time.time) -> None:
        self.config = config
        self.clock = clock
        self.faults = Faults(config.seed, config.faults, key=config.admin_key)
        self.closed_until: dt.date | None = config.closed_until
        self.currencies = frozenset((config.currency, *config.currencies))
        self.zone = ZoneInfo(config.zone)
        self.contacts: Table[Contact] = Table("contacts", "con")
        self.products: Table[Product] = Table("products", "prd")
        self.stock: Table[StockRow] = Table("stock", "stk")
        self.sales_orders: Table[SalesOrder] = Table("sales_orders", "sor", "SO")
        self.invoices: Table[Invoice] = Table("invoices", "inv", "INV")
        self.receipts: Table[Receipt] = Table("receipts", "rec", "RCV")
        self.credit_notes: Table[CreditNote] = Table("credit_notes", "crn", "CN")
        self.refund_payments: Table[RefundPayment] = Table("refund_payments", "rfp", "RF")
        self.purchases: Table[Purchase] = Table("purchases", "pur", "PB")
        self.journals: Table[Journal] = Table("journals", "jrn", "JV")
        self.bank_transactions: Table[BankTransaction] = Table("bank_transactions", "btx")
        self.tables: dict[str, Table[Any]] = {
            table.kind: table
            for table in (
                self.contacts, self.products, self.stock, self.sales_orders, self.invoices, self.receipts,
                self.credit_notes, self.refund_payments, self.purchases, self.journals, self.bank_transactions,
            )
        }  # fmt: skip
        self.makeup = MakeUp(config.warehouses)
        self.by_code: dict[str, Product] = {}
        self.stock_of: dict[str, StockRow] = {}
        self.threads: dict[str, Thread] = {}
        self.entries: dict[str, list[Journal]] = {}
        # What each receipt pays of which invoice, and out of which deposits account ("" = at once).
        self.applied: dict[str, list[tuple[str, Decimal, str]]] = {}
        self._stamp = ""

    # -- time ---------------------------------------------------------------------------------------------------

    def act(self, source: str = "api") -> Act:
        """A new moment; stamps never go back, even if the clock does."""
        now = self.clock()
        self._stamp = max(self._stamp, rfc3339(now))
        return Act(self._stamp, now, now + self.faults.search_lag, source)

    def today(self) -> dt.date:
        """The business day in the company's zone."""
        return dt.datetime.fromtimestamp(self.clock(), self.zone).date()

    # -- checks -------------------------------------------------------------------------------------------------

    def check_open(self, date: dt.date) -> None:
        """Refuse a date in a closed period."""
        if self.closed_until is not None and date <= self.closed_until:
            raise Refused(
                "period_locked",
                "date",
                f"The books are closed until {self.closed_until}; {date} lies in the closed period.",
            )

    def check_currency(self, currency: str) -> None:
        """Refuse a currency that the company does not use."""
        if currency not in self.currencies:
            raise Refused("unknown_currency", "currency", f"The currency {currency!r} is not in use here.")

    def check_contact(self, contact_id: str) -> None:
        """Refuse a contact that is not there."""
        if contact_id not in self.contacts.rows:
            raise Refused("unknown_contact", "contact_id", f"There is no contact {contact_id!r}.")

    def check_exact(self, amount: Decimal, currency: str, field: str) -> None:
        """Refuse an amount with more decimals than its currency has."""
        if rounded(amount, currency) != amount:
            raise Refused("not_exact", field, f"{amount} has more decimals than {currency} allows.")

    def check_reference(self, table: Table[Any], reference: str, act: Act, own: str = "") -> None:
        """Refuse a reference that another row of the kind has, where references are unique.

        A void document keeps its reference, a void receipt or journal makes room for another one; a person who types
        without one is not asked for it.
        """
        if not reference or act.source != "api" or not self.config.unique_references:
            return
        for row_id in table.references.get(reference, ()):
            row = table.rows[row_id]
            if row.status == "void" and isinstance(row, Receipt | Journal):
                continue
            if row_id != own and not getattr(row, "document_kind", ""):
                raise Refused(
                    "duplicate_reference",
                    "reference",
                    f"The reference {reference!r} is used already by {row_id}.",
                    id=row_id,
                )

    # -- lines --------------------------------------------------------------------------------------------------

    def price(self, lines: Sequence[Line], currency: str, tax_included: bool, stated: Decimal) -> Priced:
        """Work out a document's total from its lines and compare it with the stated one.

        net = quantity × unit price − discount, rounded half-up to the smallest unit; total = Σ net + Σ tax unless
        prices include the tax.
        """
        income: dict[str, Decimal] = {}
        moves: Moves = {}
        taxes: dict[str, Decimal] = {}
        filled: list[Line] = []
        total = tax = cost = ZERO
        for index, line in enumerate(lines):
            net = rounded(line.quantity * line.unit_price - line.discount, currency)
            if line.amount is None:
                line = msgspec.structs.replace(line, amount=net)
            elif line.amount != net:
                raise Refused(
                    "amount_mismatch",
                    f"lines[{index}].amount",
                    f"Line {index + 1} comes to {net}, but its amount says {line.amount}.",
                )
            filled.append(line)
            if line.tax:
                self.check_exact(line.tax, currency, f"lines[{index}].tax")
                tax += line.tax
                levied = self.makeup.account(line.tax_account, "output_tax", currency, f"lines[{index}].tax_account")
                taxes[levied] = taxes.get(levied, ZERO) + line.tax
            self.makeup.check_line(line, index)
            if line.code:
                product = self.by_code.get(line.code)
                if product is None:
                    raise Refused(
                        "unknown_product", f"lines[{index}].code", f"There is no product with code {line.code!r}."
                    )
                if not 0 <= line.quantity <= _MOST:
                    raise Refused(
                        "invalid_quantity",
                        f"lines[{index}].quantity",
                        f"Line {index + 1} has the quantity {line.quantity}, which is not between 0 and {_MOST}.",
                    )
                cost += self.moved(product, line.quantity, moves, line.warehouse)
            elif line.role not in chart.LINE_ROLES:
                raise Refused(
                    "unknown_role", f"lines[{index}].role", f"No account plays the role {line.role!r} for a line."
                )
            role = line.role if line.role in chart.LINE_ROLES else "sales"
            account = self.makeup.account(line.account, role, currency, f"lines[{index}].account")
            earned = net - line.tax if tax_included else net
            income[account] = income.get(account, ZERO) + earned
            total += net
        if not tax_included:
            total += tax
        if total != stated:
            raise Refused(
                "total_mismatch", "total", f"The lines come to {total} {currency}, but the total says {stated}."
            )
        if total < 0:
            raise Refused("negative_total", "total", "A document cannot have a total below zero.")
        return Priced(tuple(filled), total, income, tax, taxes, moves, rounded(cost, self.config.currency))

    def moved(self, product: Product, quantity: Decimal, moves: Moves, warehouse: str = "") -> Decimal:
        """Note the pieces that `quantity` of `product` moves; returns their cost."""
        if product.components:
            return sum(
                (
                    self.moved(self.by_code[part.code], part.quantity * quantity, moves, warehouse)
                    for part in product.components
                ),
                ZERO,
            )
        if product.stocked:
            place = (product.code, warehouse)
            moves[place] = moves.get(place, ZERO) + quantity
            return product.cost * quantity
        return ZERO

    # -- stock --------------------------------------------------------------------------------------------------

    def new_stock(self, product: Product, act: Act) -> None:
        """Open the stock of a new product, with nothing in any warehouse."""
        row_id, _ = self.stock.new_id()
        shelves = [Shelf(name) for name in self.config.warehouses]
        row = StockRow(id=row_id, code=product.code, product_id=product.id, warehouses=shelves)
        self.stock_of[product.code] = row
        self.stock.add(row, act.stamp, act.visible_at)

    def shelf(self, code: str, warehouse: str) -> Shelf:
        """What lies of a product in a warehouse ("" = the first one)."""
        shelves = self.stock_of[code].warehouses
        return next((shelf for shelf in shelves if shelf.warehouse == warehouse), shelves[0])

    def move_stock(self, code: str, act: Act, on_hand: Decimal, reserved: Decimal, warehouse: str = "") -> None:
        """Add (signed) pieces to what lies there and to what is reserved."""
        row = self.stock_of[code]
        shelf = self.shelf(code, warehouse) if warehouse else row.warehouses[0]
        shelf.on_hand += on_hand
        shelf.reserved += reserved
        row.on_hand += on_hand
        row.reserved += reserved
        self.stock.touch(row, act.stamp, act.now, act.visible_at)

    def check_stock(self, moves: Moves, freed: Moves) -> None:
        """Refuse what is not there, where stock may not fall below zero; `freed` is reserved for this very sale."""
        if self.config.negative_stock:
            return
        wanted, own = _by_code(moves), _by_code(freed)
        for code, pieces in wanted.items():
            row = self.stock_of[code]
            available = row.on_hand - row.reserved + own.get(code, ZERO)
            if pieces > available:
                raise Refused(
                    "insufficient_stock", "lines", f"{pieces} of {code!r} are wanted, {available} can be promised."
                )

    # -- journal ------------------------------------------------------------------------------------------------

    def book(
        self,
        act: Act,
        date: dt.date,
        currency: str,
        sides: Sequence[tuple[str, Decimal]],
        *,
        kind: str = "",
        document: str = "",
        contact: str = "",
        reference: str = "",
        note: str = "",
    ) -> Journal | None:
        """Make a balanced entry; `sides` are (account id, amount), positive for debit. None when all are zero."""
        lines = [
            JournalLine(account, amount if amount > 0 else ZERO, -amount if amount < 0 else ZERO, contact)
            if self.makeup.owed(account)
            else JournalLine(account, amount if amount > 0 else ZERO, -amount if amount < 0 else ZERO)
            for account, amount in sides
            if amount
        ]
        return self.keep_entry(act, date, currency, lines, kind=kind, document=document, reference=reference, note=note)

    def keep_entry(
        self,
        act: Act,
        date: dt.date,
        currency: str,
        lines: Sequence[JournalLine],
        *,
        kind: str = "",
        document: str = "",
        reference: str = "",
        note: str = "",
        bank_transaction_id: str = "",
        dimensions: tuple[tuple[str, str], ...] = (),
    ) -> Journal | None:
        """Keep an entry that is balanced already; None when it has no lines."""
        if sum((line.debit - line.credit for line in lines), ZERO):
            raise AssertionError(f"entry for {kind} {document} is not balanced: {lines!r}")
        if not lines:
            return None
        row_id, number = self.journals.new_id()
        entry = Journal(
            id=row_id,
            number=number,
            reference=reference,
            status="posted",
            source=act.source,
            date=date,
            currency=currency,
            total=sum((line.debit for line in lines), ZERO),
            lines=tuple(lines),
            note=note,
            document_kind=kind,
            document_id=document,
            bank_transaction_id=bank_transaction_id,
            dimensions=dimensions,
        )
        self.journals.add(entry, act.stamp, act.visible_at)
        if document:
            self.entries.setdefault(document, []).append(entry)
        return entry

    def reverse(self, document: str, act: Act) -> None:
        """Undo the entries of a document that is rewritten or void: by reversal, nothing is ever removed."""
        for entry in self.entries.pop(document, ()):
            self.reverse_entry(entry, entry.document_kind, act)

    def reverse_entry(self, entry: Journal, kind: str, act: Act) -> None:
        """Book the other sides of an entry on its own day."""
        lines = [JournalLine(one.account, one.credit, one.debit, one.contact_id) for one in entry.lines]
        note = f"reversal of {entry.number}"
        self.keep_entry(act, entry.date, entry.currency, lines, kind=kind, reference=entry.reference, note=note)
