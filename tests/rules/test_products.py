"""Product codes: exact or accepted only; everything else is proposed with its reason."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.product import Component, Product
from selaras.rules.catalogue import accept_by_rule, compare_catalogues
from selaras.rules.products import ProductIndex, difference, match_product


def product(code: str, name: str = "", key: str = "", **more: object) -> Product:
    return Product(key or f"id-{code}", code, name or f"Barang {code}", **more)  # type: ignore[arg-type]


BOOKS = ProductIndex([product("KAOS-01", "Kaos Merah"), product("TOPI", "Topi"), product("00123", "Sendok")])


def test_exact_and_accepted() -> None:
    assert match_product("KAOS-01", "", BOOKS, {}).target == "KAOS-01"
    accepted = match_product("lama", "", BOOKS, {"lama": "TOPI"})
    assert (accepted.how, accepted.target) == ("accepted", "TOPI")
    gone = match_product("lama", "", BOOKS, {"lama": "HILANG"})
    assert gone.how == "unmatched"
    assert "HILANG" in gone.reasons[0]


def test_a_doubled_code_is_not_chosen() -> None:
    index = ProductIndex([product("A", key="1"), product("A", key="2")])
    match = match_product("A", "", index, {})
    assert (match.how, match.target) == ("unmatched", "")


@pytest.mark.parametrize(
    ("code", "other", "kind"),
    [
        ("kaos-01", "KAOS-01", "case"),
        ("KAOS -01", "KAOS-01", "spaces"),
        ("KAOS01", "KAOS-01", "dashes"),
        ("123", "00123", "leading_zeros"),
        ("KAOS-O1", "KAOS-01", "look_alike"),
        ("KAOS-I0", "KAOS-10", "look_alike"),
        ("KAAOS-01", "KAOS-01", "one_letter"),
        ("KOAS-01", "KAOS-01", "one_letter"),
        ("KAOS-01X", "KAOS-01", "one_letter"),
        ("TOPI", "KAOS", None),
    ],
)
def test_kinds_of_difference(code: str, other: str, kind: str | None) -> None:
    assert difference(code, other) == kind
    assert difference(other, code) == kind


def test_near_misses_are_proposed_and_never_taken() -> None:
    match = match_product("kaos 01", "", BOOKS, {})
    assert match.target == ""
    assert match.proposals[0].code == "KAOS-01"
    named = match_product("SKU-9", "kaos, merah", BOOKS, {})
    assert [(p.code, p.kind) for p in named.proposals] == [("KAOS-01", "same_name")]


def test_neighbours_of_a_series_do_not_propose_each_other() -> None:
    assert match_product("KAOS-02", "Kaos Biru", BOOKS, {}).proposals == ()
    assert match_product("KAOS-02", "Kaos Merah", BOOKS, {}).proposals[0].kind == "one_letter"


def test_the_index_follows_changes_in_near_misses_too() -> None:
    index = ProductIndex([product("KAOS-01")])
    assert [p.code for p in index.near("kaos-01")] == ["KAOS-01"]
    index.put(product("TAS-7"))
    index.put(Product("id-KAOS-01", "KAOS-01", "Kaos", active=False))
    assert index.near("kaos-01") == []
    assert [p.code for p in index.near("tas7")] == ["TAS-7"]
    assert "TAS-7" in index
    assert len(index) == 1


def test_a_bundle_is_booked_as_its_components_when_all_are_known() -> None:
    parts = (Component("KAOS-01", Decimal(1)), Component("lama", Decimal(2)))
    match = match_product("PAKET", "Paket", BOOKS, {"lama": "TOPI"}, parts)
    assert match.how == "components"
    assert [(c.code, c.quantity) for c in match.components] == [("KAOS-01", Decimal(1)), ("TOPI", Decimal(2))]
    missing = match_product("PAKET", "Paket", BOOKS, {}, (Component("ENTAH", Decimal(1)),))
    assert missing.how == "unmatched"


def test_two_catalogues() -> None:
    store = [
        product("KAOS-01", "Kaos Merah"),
        product("topi", "Topi"),
        product("TAS", key="t1"),
        product("TAS", key="t2"),
        product("", "Tanpa Kode", key="n1"),
        product("", "Kemeja", key="parent"),
        product("KEM-S", "Kemeja S", parent="parent"),
        product("PAKET", components=(Component("KAOS-01", Decimal(2)),)),
    ]
    books = [product("KAOS-01"), product("TOPI", "Topi"), product("KEM-S"), product("BUKU"), product("BUKU", key="b2")]
    report = compare_catalogues(store, books)
    assert [(p.store, p.books, p.how) for p in report.matched] == [
        ("KAOS-01", "KAOS-01", "exact"),
        ("KEM-S", "KEM-S", "exact"),
        ("PAKET", "", "components"),
    ]
    assert [m.code for m in report.unmatched_store] == ["TAS", "topi"]
    assert report.unmatched_books == ("BUKU", "TOPI")
    assert [(d.code, d.ids) for d in report.doubled_store] == [("TAS", ("t1", "t2"))]
    assert [d.code for d in report.doubled_books] == ["BUKU"]
    assert [(n.code, n.proposals[0].code) for n in report.near] == [("topi", "TOPI")]
    assert report.without_code_store == ("n1 Tanpa Kode",)
    assert accept_by_rule(report, {"case"}) == {"topi": "TOPI"}
    assert accept_by_rule(report, {"dashes"}) == {}
    settled = compare_catalogues(store, books, {"topi": "TOPI"})
    assert ("topi", "TOPI", "accepted") in [(p.store, p.books, p.how) for p in settled.matched]


def test_a_rule_does_not_give_one_product_to_two() -> None:
    report = compare_catalogues([product("a-1"), product("A 1")], [product("A1")])
    assert accept_by_rule(report, {"dashes", "spaces", "case"}) == {}


codes = st.text(st.sampled_from("AaBbO0I1-_ 7"), min_size=1, max_size=6)


@given(st.lists(codes, max_size=8, unique=True), st.lists(codes, max_size=8, unique=True))
def test_nothing_is_lost_in_a_comparison(ours: list[str], theirs: list[str]) -> None:
    report = compare_catalogues([product(c) for c in ours], [product(c) for c in theirs])
    matched = [p.store for p in report.matched]
    assert sorted([*matched, *(m.code for m in report.unmatched_store)]) == sorted(ours)
    assert sorted([*matched, *report.unmatched_books]) == sorted(theirs)
    assert set(matched) == set(ours) & set(theirs)
    pairs = accept_by_rule(report, {"case", "spaces", "dashes", "leading_zeros", "look_alike", "one_letter"})
    assert len(set(pairs.values())) == len(pairs)
