"""Proposals from real charts: the type first, never the name alone, and nothing chosen where two fit alike."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.chart import Account, AccountType, TaxCode, Warehouse
from selaras.rules.mapping import ACCOUNT_ROLES, Chart
from selaras.rules.proposals import Proposed, propose
from selaras.rules.roles import METHODS, ROLES, type_fits

CHARTS = Path(__file__).parent / "data" / "charts"
# Code range → type, as Jurnal's categories have it (Cash & Bank, Accounts Receivable, Other Current Assets …).
JURNAL: tuple[tuple[str, AccountType], ...] = (
    ("1-1000", "bank"), ("1-1010", "receivable"), ("1-10200", "inventory"), ("1-", "asset"), ("2-2010", "payable"),
    ("2-", "liability"), ("3-", "equity"), ("4-", "income"), ("5-", "cost"), ("6-", "expense"), ("7-", "income"),
    ("8-", "expense"),
)  # fmt: skip
BALAKA: dict[str, AccountType] = {
    "ASSET": "asset", "LIABILITY": "liability", "EQUITY": "equity", "REVENUE": "income", "EXPENSE": "expense",
}  # fmt: skip


def jurnal() -> dict[str, Account]:
    with (CHARTS / "jurnal_style.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    kinds = {row["code"]: next(kind for start, kind in JURNAL if row["code"].startswith(start)) for row in rows}
    return {r["code"]: Account(f"id-{r['code']}", r["name"], kinds[r["code"]], r["code"]) for r in rows}


def balaka() -> dict[str, Account]:
    with (CHARTS / "balaka_online_seller.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    groups = {row["parent_code"] for row in rows}
    return {
        r["account_code"]: Account(r["account_code"], r["account_name"], BALAKA[r["account_type"]], r["account_code"])
        for r in rows
        if r["account_code"] not in groups
    }


def chart(accounts: dict[str, Account], **more: object) -> Chart:
    return Chart(accounts={one.id: one for one in accounts.values()}, **more)  # type: ignore[arg-type]


def proposed(found: list[Proposed]) -> dict[str, str]:
    return {one.word: one.chosen for one in found}


def test_the_chart_of_jurnal() -> None:
    found = proposed(propose(chart(jurnal()), ("transfer", "qris", "tunai")))
    assert found == {
        "account:receivable": "id-1-10100",
        "account:sales": "id-4-40000",
        "account:return": "id-4-40200",
        "account:discount": "id-4-40100",
        "account:shipping": "",  # its only account of that name is what shipping costs
        "account:fee": "id-7-70099",
        "account:rounding": "id-7-70003",
        "account:output_tax": "id-2-20500",
        "account:deposits": "id-2-20203",
        "account:transfer_fee": "",
        "account:withholding": "id-1-10502",
        "account:exchange": "",
        "method:qris": "id-1-10400",
        "method:transfer": "id-1-10002",
        "method:tunai": "id-1-10001",
    }


def test_a_chart_with_coarse_types_and_a_sales_account_for_each_channel() -> None:
    found = propose(chart(balaka()), ("transfer", "shopeepay"))
    chosen = proposed(found)
    assert chosen["account:receivable"] == "1.1.10"
    assert chosen["account:discount"] == "4.1.10"
    assert chosen["account:return"] == "4.1.11"
    assert chosen["account:output_tax"] == "2.1.03"
    assert chosen["account:deposits"] == "2.1.30"
    # Five accounts for sales, two for the bank: a person says which.
    assert (chosen["account:sales"], chosen["method:transfer"]) == ("", "")
    (sales,) = [one for one in found if one.word == "account:sales"]
    assert [one.name.split()[1] for one in sales.candidates] == ["Penjualan"] * 3
    assert all(one.reasons for one in sales.candidates)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_no_name_helps_an_account_of_the_wrong_type(role: str) -> None:
    words = ROLES[role]
    for kind in ("equity", "payable"):
        for name in words.names:
            account = Account("x", name, msgspec.convert(kind, AccountType), "1-1")
            found = propose(Chart(accounts={"x": account}), tuple(METHODS))
            assert not any(one.candidates for one in found), (kind, name)


def test_what_is_called_alike_and_means_another_thing_is_left_out() -> None:
    rows = jurnal()
    for role, code in (("receivable", "1-10101"), ("output_tax", "1-10500"), ("discount", "5-50100")):
        found = {one.word: one for one in propose(chart(rows))}[f"account:{role}"]
        assert rows[code].id not in {one.id for one in found.candidates}


def test_two_that_fit_alike_are_both_shown_and_none_is_chosen() -> None:
    two = {k: Account(k, "Penjualan", "income", f"4-{k}") for k in ("1", "2")}
    (sales,) = [one for one in propose(Chart(accounts=two)) if one.word == "account:sales"]
    assert (sales.chosen, [one.id for one in sales.candidates]) == ("", ["1", "2"])
    one = {"1": two["1"], "2": msgspec.structs.replace(two["2"], active=False)}
    (sales,) = [one for one in propose(Chart(accounts=one)) if one.word == "account:sales"]
    assert sales.chosen == "1", "one that is switched off is none"


def test_the_only_receivable_is_it_whatever_its_name() -> None:
    only = Chart(accounts={"r": Account("r", "Tagihan Toko", "receivable", "1-12")})
    assert proposed(propose(only))["account:receivable"] == "r"


def test_taxes_by_rate_and_place_without_those_of_purchases() -> None:
    rates = {
        "out": TaxCode("out", "PPN 11%", Decimal("0.11")),
        "in": TaxCode("in", "PPN Masukan 11%", Decimal("0.11")),
        "sg": TaxCode("sg", "GST", Decimal("0.09"), "SG"),
        "a": TaxCode("a", "PPN 12%", Decimal("0.12")),
        "b": TaxCode("b", "PPN 12% (lama)", Decimal("0.12")),
        "off": TaxCode("off", "PPN 10%", Decimal("0.10"), active=False),
    }
    houses = {"m": Warehouse("m", "Utama"), "o": Warehouse("o", "Lama", active=False)}
    found = proposed(propose(Chart(taxes=rates, warehouses=houses)))
    assert found == {"tax:11": "out", "tax:9@SG": "sg", "tax:12": "", "warehouse:*": "m"}
    assert "tax:11" not in proposed(propose(Chart(taxes=rates), skip=("tax:11",)))


_names = st.sampled_from([name for words in ROLES.values() for name in (*words.names, *words.never)])
_accounts = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.tuples(_names, st.sampled_from(msgspec.json.schema(AccountType)["enum"]), st.booleans()),
)


@given(_accounts)
def test_what_is_proposed_is_in_use_of_a_fitting_type_and_the_best(drawn: dict[str, tuple[str, str, bool]]) -> None:
    accounts = {k: Account(k, name, kind, f"4-{k}", active=on) for k, (name, kind, on) in drawn.items()}  # type: ignore[arg-type]
    found = propose(Chart(accounts=accounts), ("qris", "cash", "transfer"))
    assert found == propose(Chart(accounts=dict(reversed(accounts.items()))), ("transfer", "qris", "cash"))
    for one in found:
        scores = [candidate.score for candidate in one.candidates]
        assert scores == sorted(scores, reverse=True)
        assert all(accounts[candidate.id].active for candidate in one.candidates)
        if one.chosen:
            family, _colon, role = one.word.partition(":")
            assert type_fits(role if family == "account" else "method", accounts[one.chosen].type)
            assert one.chosen == one.candidates[0].id
            assert scores.count(scores[0]) == 1


def test_every_role_of_a_mapping_has_its_words() -> None:
    assert set(ACCOUNT_ROLES) <= set(ROLES)
    assert set(METHODS.values()) <= set(ROLES)
