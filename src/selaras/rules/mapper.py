"""A pair's mapping applied to one order: accounts, taxes, warehouses and dimensions put on its documents.

`Mapper` puts what the mapping names on the lines and documents of one order, and stops an order for which something is
missing that the books cannot choose themselves (or that the mapping itself requires), naming all of it at once, with
the command that mends it. Nothing here ever changes an amount, a quantity or a date.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import TypeVar

import msgspec

from selaras.model.document import CreditNote, DocumentLine, Invoice, Receipt, RefundPayment, SalesOrder
from selaras.model.money import rounded
from selaras.model.order import Order
from selaras.rules.explain import N_, Sentence
from selaras.rules.mapping import ANY, USED, Mapped, Rule, choices, percent, places_of, said
from selaras.rules.plan_types import stop

Papers = SalesOrder | Invoice | CreditNote | Receipt | RefundPayment
P = TypeVar("P", bound=Papers)

MISSING = Sentence(N_("The mapping of %(store)s to %(books)s names nothing for: %(what)s."))
MISSING_CURE = Sentence(N_("Choose it: selaras mapping set %(store)s %(books)s %(choices)s"))
_UNFIT = Sentence(N_("The mapping of %(store)s to %(books)s names %(what)s, which cannot be used: %(why)s."))
UNFIT_CURE = Sentence(
    N_("Choose another one (selaras mapping set %(store)s %(books)s %(choices)s), or mend the books.")
)
_KEPT = Sentence(N_("Accounts and taxes as on the document before it."))


class _Gaps:
    """What a document lacks, collected so that it is said at once."""

    __slots__ = ("missing", "unfit")

    def __init__(self) -> None:
        self.missing: dict[str, None] = {}
        self.unfit: dict[str, tuple[str, str]] = {}


class Mapper:
    """The mapping applied to one order. `goods` are the products of the order, for rules about whole documents."""

    __slots__ = ("_currency", "_fresh", "_given", "_location", "_m", "_mapping", "_needs", "_order", "_places", "goods")

    def __init__(self, mapped: Mapped, order: Order) -> None:
        self._m = mapped
        self._mapping = mapped.mapping
        self._needs = mapped.needs | frozenset(mapped.mapping.require)
        self._order = order
        self._places = places_of(order)
        self._currency = order.currency
        self._location = order.location
        self._given: set[str] = set()
        self._fresh = False
        self.goods: tuple[str, ...] = ()

    # -- what it names ---------------------------------------------------------------------------------------------

    def account(self, role: str, codes: Sequence[str] = ()) -> str:
        """The account of a role, "" when none is named."""
        return self._ruled(f"account:{role}", codes) or self._mapping.accounts.get(role, "")

    def named(self, role: str, field: str) -> str:
        """The account of a role that must be named. Raises `Stop`."""
        chosen, gaps = self.account(role, self.goods), _Gaps()
        if chosen:
            self._judge(f"account:{role}", chosen, gaps)
            self._given.add(chosen)
        else:
            gaps.missing[f"account:{role}"] = None
        self._say(gaps, field)
        return chosen

    def method(self, name: str, field: str, *, must: bool) -> str:
        """The account on which money of a way of paying lies; "" when none is named (with `must`: a problem).

        Raises `Stop`.
        """
        chosen = self._ruled(f"method:{name}", self.goods) or self._mapping.methods.get(name, "")
        if not chosen:
            folded = {key.casefold(): account for key, account in sorted(self._mapping.methods.items(), reverse=True)}
            chosen = folded.get(name.casefold(), "") or self._mapping.methods.get(ANY, "")
        gaps, what = _Gaps(), f"method:{name or ANY}"
        if chosen:
            self._judge(what, chosen, gaps)
            self._given.add(chosen)
        elif must:
            gaps.missing[what] = None
        self._say(gaps, field)
        return chosen

    def tax(self, line: DocumentLine) -> str:
        """The tax of a line by its rate, at the narrowest place that is named; "" when none is.

        A line that states a tax but no rate has the one rate whose tax comes to exactly the stated amount.
        """
        for place in self._places:
            here = [rule for rule in self._mapping.taxes if rule.place.casefold() == place]
            if line.tax_rate or not line.tax:
                fits = [rule for rule in here if rule.rate == line.tax_rate]
            else:
                fits = [rule for rule in here if self._comes_to(line, rule.rate)]
            if len({rule.tax for rule in fits}) == 1:
                return fits[0].tax
        return ""

    def _comes_to(self, line: DocumentLine, rate: Decimal) -> bool:
        if not rate:
            return False
        inside = self._order.tax_included
        tax = line.amount * rate / (1 + rate) if inside else line.amount * rate
        return rounded(tax, self._currency) == line.tax

    def warehouse(self, code: str) -> str:
        """The warehouse that a product of the order leaves, "" when none is named."""
        named = self._mapping.warehouses
        return self._ruled("warehouse", [code]) or named.get(self._location, "") or named.get(ANY, "")

    def dimension(self, kind: str) -> str:
        """The value of a dimension for the documents of the order, "" when none is named."""
        return self._ruled(f"dimension:{kind}", self.goods) or self._mapping.dimensions.get(kind, "")

    def _ruled(self, what: str, codes: Sequence[str]) -> str:
        return next((rule.to for rule in self._mapping.rules if rule.set == what and self._fits(rule, codes)), "")

    def _fits(self, rule: Rule, codes: Sequence[str]) -> bool:
        return (
            (not rule.code or (any(codes) and all(code.startswith(rule.code) for code in codes)))
            and (not rule.channel or rule.channel.casefold() == self._order.channel.casefold())
            and (not rule.place or rule.place.casefold() in self._places)
            and (not rule.currency or rule.currency == self._currency)
        )

    # -- what is missing -------------------------------------------------------------------------------------------

    def _judge(self, what: str, chosen: str, gaps: _Gaps) -> None:
        owed = what in ("account:receivable", "account:deposits") or what.startswith("method:")
        why = self._m.chart.unfit(what, chosen, self._currency if owed else "")
        if why:
            gaps.unfit.setdefault(what, (chosen, why))

    def _take(self, what: str, named: str, kept: str, gaps: _Gaps) -> str:
        """What stands there for good (`kept`), else what the mapping names; its absence or unfitness is noted."""
        if kept:
            return kept
        if named:
            self._judge(what, named, gaps)
            self._fresh = True
        else:
            family = what.partition(":")[0]
            if (family if family in ("tax", "warehouse") else what) in self._needs:
                gaps.missing[what] = None
        return named

    def _say(self, gaps: _Gaps, field: str = "mapping") -> None:
        names = {"store": self._m.store, "books": self._m.books}
        if gaps.missing:
            what = "; ".join(said(name) for name in gaps.missing)
            mend = choices(gaps.missing)
            raise stop("missing_mapping", field, MISSING, MISSING_CURE, **names, what=what, choices=mend)
        for name, (chosen, why) in gaps.unfit.items():
            what = f"{chosen} ({said(name)})"
            raise stop("mapping_unfit", field, _UNFIT, UNFIT_CURE, **names, what=what, why=why, choices=choices([name]))

    # -- documents -------------------------------------------------------------------------------------------------

    def put(self, document: P, origin: Papers | None = None) -> tuple[P, str]:
        """The document with what the mapping names, and what is to be said about it ("" when nothing was put on).

        What stands on a line already is history and stays. From `origin` - the invoice that a credit note takes back,
        the sent document that this one changes - accounts, taxes, warehouses and dimensions are taken over while the
        books still have them, so that both meet on the same accounts whatever the mapping says by now. Raises `Stop`
        naming everything that is missing.
        """
        gaps, self._fresh = _Gaps(), False
        made = self._put(document, origin, gaps)
        self._say(gaps)
        if self._fresh or getattr(made, "account", "") in self._given:
            return made, USED(version=self._mapping.version)
        return made, "" if made == document else _KEPT()

    def _put(self, document: P, origin: Papers | None, gaps: _Gaps) -> P:
        changes: dict[str, object] = {"dimensions": self._dimensions(document, origin, gaps)}
        if isinstance(document, Receipt):
            changes["deposits"] = self._take("account:deposits", self.account("deposits", self.goods), "", gaps)
        elif not isinstance(document, RefundPayment):
            kept = getattr(origin, "receivable", "")
            kept = getattr(document, "receivable", "") or self._usable("account:receivable", kept)
            fresh = self._fresh
            owed = self._take("account:receivable", self.account("receivable", self.goods), kept, gaps)
            if isinstance(document, SalesOrder):
                # What its invoice and receipts will need is asked for before anything is posted.
                self._take("account:deposits", self.account("deposits", self.goods), "", gaps)
                self._fresh = fresh
            else:
                changes["receivable"] = owed
            before = getattr(origin, "lines", ())
            back = isinstance(document, CreditNote)
            changes["lines"] = tuple(self._line(line, before, back, gaps) for line in document.lines)
        return msgspec.structs.replace(document, **changes)

    def _dimensions(self, document: Papers, origin: Papers | None, gaps: _Gaps) -> tuple[tuple[str, str], ...]:
        kept = {k: v for k, v in (origin.dimensions if origin is not None else ()) if self._usable(f"dimension:{k}", v)}
        kept |= dict(document.dimensions)
        kinds = {word.partition(":")[2] for word in self._needs if word.startswith("dimension:")}
        kinds |= {rule.set.partition(":")[2] for rule in self._mapping.rules if rule.set.startswith("dimension:")}
        for kind in sorted(kinds | self._mapping.dimensions.keys()):
            value = self._take(f"dimension:{kind}", self.dimension(kind), kept.get(kind, ""), gaps)
            if value:
                kept[kind] = value
        return tuple(sorted(kept.items()))

    def _line(self, line: DocumentLine, before: Sequence[DocumentLine], back: bool, gaps: _Gaps) -> DocumentLine:
        twin = _twin(line, before)
        codes = [line.code]
        role = "return" if back and line.role == "sales" and self.account("return", codes) else line.role
        kept = line.account or (self._usable("account", twin.account) if twin and role == line.role else "")
        account = self._take(f"account:{role}", self.account(role, codes), kept, gaps)
        tax, tax_account = line.tax_code, line.tax_account
        taxed = bool(line.tax or (line.tax_rate and line.amount))
        if taxed:
            tax = tax or (self._usable("tax", twin.tax_code) if twin else "")
            tax = self._take(self._tax_word(line), self.tax(line), tax, gaps)
            tax_account = tax_account or (self._usable("account", twin.tax_account) if twin else "")
            tax_account = self._take("account:output_tax", self.account("output_tax", codes), tax_account, gaps)
        elif not tax and (named := self.tax(line)):
            tax = self._take(self._tax_word(line), named, "", gaps)
        warehouse = line.warehouse
        if line.code:
            same = twin is not None and twin.code == line.code
            warehouse = warehouse or (self._usable("warehouse", twin.warehouse) if twin and same else "")
            place = f"warehouse:{self._location or ANY}"
            warehouse = self._take(place, self.warehouse(line.code), warehouse, gaps)
        return msgspec.structs.replace(
            line, account=account, tax_code=tax, warehouse=warehouse, tax_account=tax_account
        )

    def _tax_word(self, line: DocumentLine) -> str:
        rate = percent(line.tax_rate) if line.tax_rate or not line.tax else "?"
        return f"tax:{rate}@{self._places[0].upper()}" if self._places[0] else f"tax:{rate}"

    def _usable(self, what: str, chosen: str) -> str:
        return "" if not chosen or self._m.chart.unfit(what, chosen) else chosen


def _twin(line: DocumentLine, before: Iterable[DocumentLine]) -> DocumentLine | None:
    """The line before that this one repeats or takes back: the same goods, or money of the same role, at one rate."""
    alike = [one for one in before if one.role == line.role and one.tax_rate == line.tax_rate]
    return next((one for one in alike if one.code == line.code or not line.code), None)
