"""A few orders and bank lines, written the way a test reads them. Rupiah; days count from 1 January 2026."""

from __future__ import annotations

import datetime as dt

from selaras.model.claims import FINE, METHODS, LineColumns, OrderColumns, SettlementColumns
from selaras.rules.matching import Link, match

START = dt.date(2026, 1, 1).toordinal()


class Shop:
    """Orders, lines and settlement rows under way to the matcher."""

    def __init__(self, currency: str = "IDR") -> None:
        self.currency = currency
        self.orders, self.lines, self.report = OrderColumns(), LineColumns(), SettlementColumns()

    def order(
        self, number: str, name: str, total: int, *, code: int = 0, day: int = 0, method: str = "transfer",
        currency: str = "",
    ) -> str:  # fmt: skip
        """An order; its id is `o` and the number."""
        columns = self.orders
        columns.ids.append(f"o{number}")
        columns.references.append(f"INV-{number}")
        columns.names.append(name)
        columns.phones.append("")
        columns.currencies.append(currency or self.currency)
        columns.total.append(total * FINE)
        columns.code.append(code * FINE)
        columns.due.append((total + code) * FINE)
        columns.ordered.append(START + day)
        columns.captured.append(0 if method == "transfer" else START + day)
        columns.method.append(METHODS.index(method))
        return columns.ids[-1]

    def line(self, amount: int, text: str, *, day: int = 0, id: str = "", currency: str = "") -> str:
        """A bank line."""
        columns = self.lines
        columns.ids.append(id or f"l{len(columns)}")
        columns.currencies.append(currency or self.currency)
        columns.descriptions.append(text)
        columns.amount.append(amount * FINE)
        columns.booked.append(START + day)
        return columns.ids[-1]

    def settled(self, batch: str, order: str, gross: int, fee: int, *, day: int, gateway: str = "midtrans") -> None:
        """A row of a settlement report."""
        report = self.report
        report.gateways.append(gateway)
        report.batches.append(batch)
        report.references.append(order)
        report.settled.append(START + day)
        report.gross.append(gross * FINE)
        report.fee.append(fee * FINE)
        report.net.append((gross - fee) * FINE)

    def match(self, *, report: bool = False) -> list[Link]:
        """All links."""
        return match(self.orders, self.lines, self.report if report else None)

    def sure(self, *, report: bool = False) -> set[tuple[str, str]]:
        """Pairs (line, order) that are linked without asking."""
        return {(self.lines.ids[x.line], self.orders.ids[x.order]) for x in self.match(report=report) if x.auto}

    def asked(self, line: str) -> list[str]:
        """Orders that are suggested for a line, the likeliest first."""
        return [self.orders.ids[x.order] for x in self.match() if self.lines.ids[x.line] == line and not x.auto]

    def kinds(self, *, report: bool = False) -> dict[tuple[str, str], str]:
        """The kind of each link."""
        return {(self.lines.ids[x.line], self.orders.ids[x.order]): x.kind for x in self.match(report=report)}

    def crowd(self, count: int = 60) -> None:
        """Other buyers of other days, so that chance has somebody to choose from."""
        for at in range(count):
            self.order(f"9{at:03d}", f"Pelanggan{at} Ramai{at}", 111_000 + 1_500 * at, day=at % 14)
