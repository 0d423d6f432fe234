"""The mapping put on documents: what it names, what it asks for, and what it never does."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.chart import Account, Dimension, TaxCode, Warehouse
from selaras.model.document import CreditNote, DocumentLine, Invoice, SalesOrder
from selaras.model.order import Line, Order, Payment, Refund
from selaras.model.party import Address, Buyer
from selaras.rules.contacts import ContactMatch
from selaras.rules.lines import digest_of, lines_total
from selaras.rules.mapper import Mapper
from selaras.rules.mapping import ACCOUNT_ROLES, Chart, Mapped, Mapping, Rule, TaxRule, places_of, said, version_used
from selaras.rules.plan_types import Held, Plan, Policy, Stop
from selaras.rules.planning import plan_order
from selaras.rules.products import ProductMatch

NOW = dt.datetime(2026, 3, 2, 3, 4, tzinfo=dt.UTC)
CODES = {code: ProductMatch(code, "exact", code) for code in ("KAOS", "BUKU-1", "BUKU-2")}
POLICY = Policy(default_account="clearing")
PPN = Decimal("0.11")
WHOLE = Mapping(
    accounts={"sales": "sale", "shipping": "ship", "receivable": "owed", "discount": "off", "output_tax": "ppn"},
    methods={"qris": "qris-account", "*": "other-account"},
    taxes=(TaxRule(PPN, "ppn-11"), TaxRule(PPN, "ppn-id", "ID"), TaxRule(Decimal("0.09"), "gst", "SG")),
    warehouses={"*": "main"},
    dimensions={"branch": "jkt"},
    version=3,
)


def line(code: str = "KAOS", price: str = "100000", quantity: str = "1", rate: Decimal = PPN, **more: Any) -> Line:
    net = Decimal(price) * Decimal(quantity)
    return Line(code or "x", code, code, Decimal(quantity), Decimal(price), tax=net * rate, tax_rate=rate, **more)


def order(*lines: Line, country: str = "", province: str = "", paid: str = "qris", **more: Any) -> Order:
    rows = lines or (line(),)
    total = sum((one.net("IDR") + one.tax for one in rows), Decimal(0))
    payments = (Payment("P1", total, NOW, paid),) if paid else ()
    buyer = Buyer("Siti", address=Address(country=country, province=province))
    given = {"payments": payments, "buyer": buyer, **more}
    return Order("1", "1001", "IDR", total, NOW, NOW, lines=rows, **given)


def plan(one: Order, mapping: Mapping = WHOLE, held: tuple[Held, ...] = (), **more: Any) -> Plan:
    mapped = Mapped("toko", "buku", mapping, **more)
    return plan_order(one, POLICY, ContactMatch("use", "C1"), CODES, held, (), mapped)


def documents(found: Plan) -> dict[str, Any]:
    assert found.problem is None, found.problem
    return {intent.key: intent.document for intent in found.intents}


def held_of(found: Plan, state: Any = "done") -> tuple[Held, ...]:
    return tuple(Held(i.key, i.kind, 1, state, i.op, i.digest, i.document, f"id-{i.key}") for i in found.intents)


# -- what it names ---------------------------------------------------------------------------------------------------


def test_everything_that_is_named_stands_on_the_documents() -> None:
    found = plan(order(line(), line("", "9000", kind="shipping"), country="ID"))
    made = documents(found)
    goods, shipping = made["invoice"].lines
    assert (goods.account, goods.tax_code, goods.warehouse, goods.tax_account) == ("sale", "ppn-id", "main", "ppn")
    assert (shipping.account, shipping.tax_code, shipping.warehouse) == ("ship", "ppn-id", "")
    assert (made["invoice"].receivable, made["receipt:P1"].account) == ("owed", "qris-account")
    assert {d.dimensions for d in made.values()} == {(("branch", "jkt"),)}
    assert {version_used(intent.reason) for intent in found.intents} == {3}


@pytest.mark.parametrize(
    ("country", "province", "rate", "tax"),
    [
        ("ID", "", PPN, "ppn-id"),
        ("id", "JK", PPN, "ppn-id"),
        ("MY", "", PPN, "ppn-11"),
        ("", "", PPN, "ppn-11"),
        ("SG", "", Decimal("0.09"), "gst"),
        ("ID", "", Decimal("0.09"), ""),
    ],
)
def test_a_tax_is_known_by_its_rate_at_the_narrowest_place(
    country: str, province: str, rate: Decimal, tax: str
) -> None:
    made = documents(plan(order(line(rate=rate), country=country, province=province)))
    assert made["invoice"].lines[0].tax_code == tax


def test_a_place_is_country_and_region_as_stores_write_them() -> None:
    assert places_of(order(country="ID", province="ID-JK")) == places_of(order(country="id", province="jk"))
    assert places_of(order(country="ID", province="JK")) == ("id-jk", "id", "")
    assert places_of(order(province="JK")) == ("",)


def test_a_tax_without_a_rate_is_the_one_that_comes_to_its_amount() -> None:
    bare = msgspec.structs.replace(line(), tax_rate=Decimal(0))
    assert documents(plan(order(bare)))["invoice"].lines[0].tax_code == "ppn-11"
    odd = msgspec.structs.replace(line(), tax_rate=Decimal(0), tax=Decimal(12345))
    missing = plan(order(odd), needs=frozenset({"tax"})).problem
    assert missing is not None
    assert "tax of a rate that the store does not say" in missing.message


def test_rules_go_before_the_rest_and_the_first_that_fits_wins() -> None:
    rules = (
        Rule("account:sales", "books", code="BUKU-"),
        Rule("account:sales", "abroad", place="SG"),
        Rule("dimension:branch", "sby", code="BUKU-"),
        Rule("method:qris", "web-qris", channel="web"),
        Rule("account:receivable", "owed-usd", currency="USD"),
    )
    mapping = msgspec.structs.replace(WHOLE, rules=rules)
    made = documents(plan(order(line("BUKU-1"), line("KAOS"), country="SG", channel="WEB"), mapping))
    assert [one.account for one in made["invoice"].lines] == ["books", "abroad"]
    assert made["invoice"].dimensions == (("branch", "jkt"),), "only a whole order of books belongs to the other branch"
    assert (made["receipt:P1"].account, made["invoice"].receivable) == ("web-qris", "owed")
    books = documents(plan(order(line("BUKU-1"), line("BUKU-2")), mapping))
    assert {document.dimensions for document in books.values()} == {(("branch", "sby"),)}


def test_ways_of_paying_do_not_hang_on_capitals_and_have_a_last_resort() -> None:
    assert documents(plan(order(paid="QRIS")))["receipt:P1"].account == "qris-account"
    assert documents(plan(order(paid="ovo")))["receipt:P1"].account == "other-account"
    bare = msgspec.structs.replace(WHOLE, methods={})
    assert documents(plan(order(paid="ovo"), bare))["receipt:P1"].account == "clearing", "the policy's, as before"


def test_without_a_mapping_nothing_is_put_on_and_nothing_is_said() -> None:
    found, bare = plan(order(), Mapping()), plan_order(order(), POLICY, ContactMatch("use", "C1"), CODES, ())
    assert found == bare
    assert all(version_used(intent.reason) is None for intent in found.intents)


# -- what it asks for --------------------------------------------------------------------------------------------------


def test_everything_that_is_missing_is_named_at_once_with_the_command_that_mends_it() -> None:
    needs = frozenset({"tax", "account:sales", "account:shipping", "account:fee", "account:receivable", "warehouse"})
    needs |= {"dimension:branch"}
    rows = (line(), line("", "9000", kind="shipping"))
    found = plan(order(*rows, country="ID"), Mapping(require=("account:deposits",)), needs=needs).problem
    assert found is not None
    assert found.cause == "missing_mapping"
    details = dict(found.details)
    for what in (
        "tax 11 % in ID", "the account for sales", "the account for shipping", "the account for receivable",
        "the warehouse of the goods", "the dimension branch", "the account for deposits",
    ):  # fmt: skip
        assert what in details["what"]
    assert "fee" not in found.message, "no line of the order is a fee"
    for word in ("tax:11@ID=TAX", "account:sales=ACCOUNT", "dimension:branch=VALUE"):
        assert word in found.cure
    assert "selaras mapping set toko buku" in found.cure


def test_an_unmapped_tax_stops_only_what_bears_it() -> None:
    needs = frozenset({"tax"})
    free = msgspec.structs.replace(WHOLE, taxes=())
    assert plan(order(line(rate=Decimal(0))), free, needs=needs).problem is None
    stopped = plan(order(line(rate=Decimal("0.12"))), WHOLE, needs=needs).problem
    assert stopped is not None
    assert "tax 12 %" in stopped.message


def test_an_unmapped_way_of_paying_is_named() -> None:
    policy = Policy()
    mapped = Mapped("toko", "buku", msgspec.structs.replace(WHOLE, methods={"card": "edc"}))
    found = plan_order(order(paid="ovo"), policy, ContactMatch("use", "C1"), CODES, (), (), mapped).problem
    assert found is not None
    assert "payment method 'ovo'" in found.message
    assert "method:ovo=ACCOUNT" in found.cure
    assert found.field == "payments[P1].method"


@pytest.mark.parametrize(
    ("chart", "why"),
    [
        (Chart(accounts={"other": Account("other", "Lain")}), "do not have it"),
        (Chart(accounts={k: Account(k, k, active=k != "sale") for k in ("sale", "owed", "ppn")}), "switched off"),
        (
            Chart(accounts={k: Account(k, k, currency="USD" if k == "owed" else "") for k in ("sale", "owed", "ppn")}),
            "another currency",
        ),
        (Chart(taxes={"ppn-11": TaxCode("ppn-11", "PPN", PPN, active=False)}), "switched off"),
        (Chart(warehouses={"main": Warehouse("main", "Main", active=False)}), "switched off"),
        (Chart(dimensions={"jkt": Dimension("jkt", "branch", "Jakarta", active=False)}), "switched off"),
    ],
)
def test_what_the_books_cannot_use_is_never_chosen(chart: Chart, why: str) -> None:
    found = plan(order(paid=""), chart=chart).problem
    assert found is not None
    assert (found.cause, why in found.message) == ("mapping_unfit", True)


# -- what was posted stays ---------------------------------------------------------------------------------------------


def test_a_new_version_changes_nothing_that_was_posted() -> None:
    first = plan(order())
    other = msgspec.structs.replace(
        WHOLE, accounts={"sales": "new"}, taxes=(TaxRule(PPN, "new-tax"),), dimensions={}, version=4
    )
    stricter = frozenset({"account:shipping", "dimension:project", "account:deposits"})
    assert plan(order(), other, held_of(first), needs=stricter).intents == ()


def test_what_waits_is_planned_with_the_new_version() -> None:
    first = plan(order())
    other = msgspec.structs.replace(WHOLE, accounts={"sales": "new"}, version=4)
    again = plan(order(), other, held_of(first, "planned"))
    assert documents(again)["invoice"].lines[0].account == "new"
    assert {version_used(intent.reason) for intent in again.intents} == {4}
    assert plan(order(), WHOLE, held_of(first, "planned")).intents == (), "the same version plans nothing anew"


def test_a_credit_note_meets_its_invoice_whatever_the_mapping_says_by_now() -> None:
    first = plan(order())
    refund = Refund("R1", Decimal(111_000), NOW + dt.timedelta(days=1), (line(),))
    other = Mapping({"sales": "new", "receivable": "new-owed"}, taxes=(TaxRule(PPN, "new-tax"),), version=4)
    note = documents(plan(order(refunds=(refund,)), other, held_of(first)))["credit_note:R1"]
    assert (note.receivable, note.lines[0].account, note.lines[0].tax_code) == ("owed", "sale", "ppn-11")
    gone = Chart(accounts={"new": Account("new", "New"), "new-owed": Account("new-owed", "Owed")})
    note = documents(plan(order(refunds=(refund,)), other, held_of(first), chart=gone))["credit_note:R1"]
    assert (note.receivable, note.lines[0].account, note.lines[0].tax_code) == ("new-owed", "new", "ppn-11")


def test_goods_taken_back_may_have_an_account_of_their_own() -> None:
    first = plan(order())
    refund = Refund("R1", Decimal(111_000), NOW + dt.timedelta(days=1), (line(),))
    mapping = msgspec.structs.replace(WHOLE, accounts={**WHOLE.accounts, "return": "retur"})
    assert (
        documents(plan(order(refunds=(refund,)), mapping, held_of(first)))["credit_note:R1"].lines[0].account == "retur"
    )


def test_an_edit_keeps_the_accounts_of_the_lines_that_stay() -> None:
    first = plan(order(paid=""))
    other = msgspec.structs.replace(WHOLE, accounts={"sales": "new"}, version=4)
    changed = documents(plan(order(line(), line("BUKU-1"), paid=""), other, held_of(first)))["sales_order"]
    assert [one.account for one in changed.lines] == ["sale", "new"]


# -- what it never does ------------------------------------------------------------------------------------------------

_IDS = ("", "a", "b", "off", "gone")
_roles = st.dictionaries(st.sampled_from(ACCOUNT_ROLES), st.sampled_from(_IDS[1:]), max_size=5)
_rates = st.sampled_from((Decimal(0), PPN, Decimal("0.09")))
_rules = st.builds(
    Rule,
    st.sampled_from([*(f"account:{r}" for r in ACCOUNT_ROLES), "warehouse", "dimension:branch", "method:qris"]),
    st.sampled_from(_IDS[1:]),
    code=st.sampled_from(("", "BUKU-", "KAOS")),
    channel=st.sampled_from(("", "web")),
    place=st.sampled_from(("", "ID", "ID-JK", "SG")),
    currency=st.sampled_from(("", "IDR", "USD")),
)
_mappings = st.builds(
    Mapping,
    accounts=_roles,
    methods=st.dictionaries(st.sampled_from(("qris", "*", "OVO")), st.sampled_from(_IDS[1:])),
    taxes=st.lists(
        st.builds(TaxRule, _rates, st.sampled_from(_IDS[1:]), st.sampled_from(("", "ID", "SG"))), max_size=4
    ).map(tuple),
    warehouses=st.dictionaries(st.sampled_from(("", "*", "toko-1")), st.sampled_from(_IDS[1:])),
    dimensions=st.dictionaries(st.sampled_from(("branch", "project")), st.sampled_from(_IDS[1:])),
    rules=st.lists(_rules, max_size=4).map(tuple),
    version=st.integers(1, 9),
)
_lines = st.builds(
    DocumentLine,
    st.sampled_from(("KAOS", "BUKU-1", "")),
    st.just("x"),
    st.decimals(0, 5, places=0),
    st.decimals(0, 900, places=0),
    st.decimals(0, 4500, places=0),
    tax=st.decimals(0, 500, places=0),
    tax_rate=_rates,
    role=st.sampled_from(("sales", "shipping", "discount", "fee")),
    account=st.sampled_from(("", "", "kept")),
)
CHART = Chart(
    accounts={k: Account(k, k, active=k != "off") for k in ("a", "b", "off", "kept")},
    taxes={k: TaxCode(k, k, PPN, active=k != "off") for k in ("a", "b", "off")},
    warehouses={k: Warehouse(k, k, active=k != "off") for k in ("a", "b", "off")},
    dimensions={k: Dimension(k, "branch", k, active=k != "off") for k in ("a", "b", "off")},
)


@given(
    _mappings, st.lists(_lines, min_size=1, max_size=5).map(tuple), st.sampled_from(("ID", "SG", "")),
    st.frozensets(st.sampled_from(("tax", "account:sales", "account:receivable", "warehouse", "dimension:branch"))),
    st.sampled_from((SalesOrder, Invoice, CreditNote)),
)  # fmt: skip
def test_it_never_touches_money_and_never_names_what_is_not_in_use(
    mapping: Mapping, lines: tuple[DocumentLine, ...], country: str, needs: frozenset[str], kind: Any
) -> None:
    document = kind("1001", NOW.date(), "IDR", lines_total(lines, False), lines)
    one = order(country=country, province="JK", channel="web", location="toko-1")

    def put() -> Any:
        mapper = Mapper(Mapped("toko", "buku", mapping, needs, CHART), one)
        mapper.goods = tuple(dict.fromkeys(line.code for line in lines if line.code))
        try:
            return mapper.put(document)
        except Stop as stopped:
            return stopped.problem

    made = put()
    assert made == put(), "the same question has the same answer"
    if not isinstance(made, tuple):
        assert made.cause in ("missing_mapping", "mapping_unfit")
        assert said(dict(made.details)["what"])
        return
    after = made[0]
    assert (after.total, after.currency, after.date) == (document.total, document.currency, document.date)
    assert lines_total(after.lines, False) == document.total
    assert digest_of(after) == digest_of(document), "a mapping alone never makes another document"
    for before, line_ in zip(document.lines, after.lines, strict=True):
        mapped = {"account": "", "tax_code": "", "warehouse": "", "tax_account": ""}
        assert msgspec.structs.replace(line_, **mapped) == msgspec.structs.replace(before, **mapped)
        assert line_.account == before.account if before.account else line_.account in ("", "a", "b")
        assert {line_.tax_code, line_.warehouse, line_.tax_account} <= {"", "a", "b"}
        if "tax" in needs and before.tax:
            assert line_.tax_code
        if "account:sales" in needs and before.role == "sales":
            assert line_.account
    assert {value for _kind, value in after.dimensions} <= {"a", "b"}
    if "dimension:branch" in needs:
        assert dict(after.dimensions)["branch"]
