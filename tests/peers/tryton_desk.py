"""A plain client of Tryton for tests: what a person at the desk would do and see. Nothing of the connector is in it."""

from __future__ import annotations

import base64
import datetime as dt
import gzip
import json
import urllib.error
import urllib.request
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]


class Refused(Exception):
    """Tryton said no."""


def _tagged(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"__class__": "Decimal", "decimal": str(value)}
    if isinstance(value, dt.date):
        return {"__class__": "date", "year": value.year, "month": value.month, "day": value.day}
    raise TypeError(type(value))


def _typed(found: Row) -> Any:
    kind = found.get("__class__")
    if kind == "Decimal":
        return Decimal(found["decimal"])
    if kind == "date":
        return dt.date(found["year"], found["month"], found["day"])
    if kind == "datetime":
        names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
        year, month, day, *rest = (int(found[name]) for name in names)
        return dt.datetime(year, month, day, rest[0], rest[1], rest[2], rest[3], tzinfo=dt.UTC)
    return found


class Desk:
    """Signed in at one database."""

    def __init__(self, base: str, login: str, password: str, *, company: int) -> None:
        self._base = base
        self._head = {"Content-Type": "application/json", "Accept-Encoding": "gzip"}
        self.calls = 0
        user, session, *_ = self._rpc("common.db.login", [login, {"password": password}, "en"])
        shown = base64.b64encode(f"{login}:{user}:{session}".encode()).decode()
        self._head["Authorization"] = f"Session {shown}"
        self._context = {"company": company, "language": "en"}
        self.company = company

    def _rpc(self, method: str, params: Sequence[Any]) -> Any:
        self.calls += 1
        body = json.dumps({"id": 1, "method": method, "params": params}, default=_tagged).encode()
        with urllib.request.urlopen(
            urllib.request.Request(f"{self._base}/rpc/", body, self._head), timeout=300
        ) as answer:
            raw = answer.read()
            if answer.headers.get("Content-Encoding") == "gzip":
                raw = gzip.decompress(raw)
        said = json.loads(raw, object_hook=_typed)
        if "error" in said:
            kind, details, *_ = said["error"]
            if kind == "UserWarning":
                self._rpc("model.res.user.warning.skip", [details[0], False, self._context])
                return self._rpc(method, params)
            raise Refused(f"{kind}: {details[0] if isinstance(details, list) else details}")
        return said["result"]

    def call(self, model: str, method: str, *arguments: Any, **context: Any) -> Any:
        """Any method of a model."""
        return self._rpc(f"model.{model}.{method}", [*arguments, {**self._context, **context}])

    def rows(self, model: str, domain: Sequence[Any], *fields: str, **context: Any) -> list[Row]:
        """The records of a domain, oldest first."""
        found: list[Row] = self.call(
            model, "search_read", list(domain), 0, None, [["id", "ASC"]], list(fields), **context
        )
        return found

    def one(self, model: str, domain: Sequence[Any], *fields: str) -> Row:
        """The only record of a domain."""
        (found,) = self.rows(model, domain, *fields)
        return found

    def create(self, model: str, *values: Row) -> list[int]:
        """New records."""
        made: list[int] = self.call(model, "create", list(values))
        return made

    def press(self, model: str, button: str, *ids: int) -> None:
        """Press a button."""
        self.call(model, button, list(ids))

    # -- what tests need again and again ------------------------------------------------------------------------

    def goods(self, stock: dict[str, int], price: Decimal = Decimal(50_000)) -> dict[str, int]:
        """Products with so many pieces in the storage zone; product ids by code."""
        category = self.one("product.category", [["name", "=", "Barang Dagang"]], "name")["id"]
        unit = self.rows("product.uom", [["symbol", "=", "u"]], "symbol")[0]["id"]
        self.create(
            "product.template",
            *(
                {
                    "name": f"Barang {code}", "type": "goods", "default_uom": unit, "sale_uom": unit,
                    "purchase_uom": unit, "salable": True, "purchasable": True, "list_price": price,
                    "account_category": category,
                    "products": [["create", [{"suffix_code": code, "cost_price": price / 2}]]],
                }
                for code in stock
            ),
        )  # fmt: skip
        ids = {row["code"]: row["id"] for row in self.rows("product.product", [["code", "in", list(stock)]], "code")}
        self.count({code: n for code, n in stock.items() if n})
        return ids

    def count(self, stock: dict[str, int]) -> None:
        """An inventory: from now on there are so many pieces."""
        if not stock:
            return
        ids = {row["code"]: row["id"] for row in self.rows("product.product", [["code", "in", list(stock)]], "code")}
        place = self.one("stock.location", [["code", "=", "STO"]], "name")["id"]
        lines = [{"product": ids[code], "quantity": n} for code, n in stock.items()]
        (made,) = self.create(
            "stock.inventory", {"location": place, "company": self.company, "lines": [["create", lines]]}
        )
        self.press("stock.inventory", "confirm", made)

    def shelf(self, code: str) -> tuple[Decimal, Decimal]:
        """(pieces on hand in storage and output, pieces that Tryton forecasts to be left)."""
        places = [row["id"] for row in self.rows("stock.location", [["code", "in", ["STO", "OUT"]]], "code")]
        far = dt.date(2999, 1, 1)
        (row,) = self.rows(
            "product.product", [["code", "=", code]], "quantity", "forecast_quantity",
            locations=places, stock_date_end=far,
        )  # fmt: skip
        return Decimal(str(row["quantity"])), Decimal(str(row["forecast_quantity"]))

    def feed(self, account: str, name: str, validation: str = "amount", currency: str = "IDR") -> int:
        """A statement journal for an account."""
        found = self.one("account.account", [["code", "=", account], ["company", "=", self.company]], "name")
        journal = self.one("account.journal", [["code", "=", "MUT"]], "name")
        money = self.one("currency.currency", [["code", "=", currency]], "code")["id"]
        (made,) = self.create(
            "account.statement.journal",
            {"name": name, "journal": journal["id"], "currency": money, "company": self.company,
             "account": found["id"], "validation": validation},
        )  # fmt: skip
        return made

    def close_periods(self, until: dt.date) -> None:
        """Close every period that begins on or before a day."""
        rows = self.rows("account.period", [["start_date", "<=", until], ["state", "=", "open"]], "name")
        self.press("account.period", "close", *(row["id"] for row in rows))

    def balance(self) -> Decimal:
        """Debit minus credit over everything that was booked."""
        rows = self.rows("account.move.line", [], "debit", "credit")
        return sum((row["debit"] - row["credit"] for row in rows), Decimal(0))

    def exchanges(self) -> str:
        """Set the accounts of exchange differences; the code of the one that takes gains and losses."""
        like = self.one("account.account", [["code", "=", "4-4201"], ["company", "=", self.company]], "type", "parent")
        (made,) = self.create(
            "account.account",
            {"name": "Selisih Kurs", "code": "7-7101", "type": like["type"], "parent": like["parent"],
             "company": self.company},
        )  # fmt: skip
        accounts = {f"currency_exchange_{side}_account": made for side in ("credit", "debit")}
        self.call("account.configuration", "write", [1], accounts)
        return "7-7101"
