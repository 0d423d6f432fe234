"""Words and files of a mapping: what is read is what was written, and what is wrong is named with its place."""

from __future__ import annotations

import tomllib
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.ledger.errors import LedgerError
from selaras.model.chart import Account, Dimension, TaxCode
from selaras.rules.mapping import ACCOUNT_ROLES, DIMENSION_KINDS, Chart, Mapping, Rule, TaxRule
from selaras.sync.mapping_words import Known, flat, read_file, with_words, write_file

CHART = Chart(
    accounts={
        "a1": Account("a1", "Penjualan", "income", "4-1"),
        "a2": Account("a2", "Piutang Usaha", "receivable", "1-2"),
        "a3": Account("a3", "Kas", "cash", "1-1"),
        "a4": Account("a4", "Kas", "cash", "1-9"),
        "a5": Account("a5", "Lama", "income", "4-9", active=False),
    },
    taxes={"t1": TaxCode("t1", "PPN 11%", Decimal("0.11"))},
    dimensions={"d1": Dimension("d1", "branch", "Jakarta"), "d2": Dimension("d2", "project", "Web")},
)
BOOKS = Known(CHART, frozenset({"warehouse"}))
TRUSTED = Known(Chart(), frozenset({"account", "tax", "warehouse", "dimension"}))


def words(*pairs: tuple[str, str], known: Known = BOOKS) -> dict[str, str]:
    return flat(with_words(Mapping(), pairs, known))


def test_ids_codes_and_unique_names_are_all_kept_as_ids() -> None:
    assert words(
        ("account:sales", "a1"), ("account:receivable", "1-2"), ("tax:11%", "ppn 11%"), ("tax: 11 @id", "t1"),
        ("method:qris", "1-9"), ("warehouse:", "G1"), ("dimension:branch", "Jakarta"),
        ("account:sales[place=SG, code=B-]", "Penjualan"), ("require", "tax, account:sales"),
    ) == {
        "account:receivable": "a2", "account:sales": "a1", "method:qris": "a4", "tax:11": "t1", "tax:11@ID": "t1",
        "warehouse:*": "G1", "dimension:branch": "d1", "account:sales[code=B-,place=SG]": "a1",
        "require": "account:sales,tax",
    }  # fmt: skip


def test_an_empty_value_takes_a_word_off_and_a_rule_keeps_its_place() -> None:
    full = with_words(
        Mapping(), [("account:sales[code=A]", "a1"), ("account:sales[code=B]", "a1"), ("tax:11", "t1")], BOOKS
    )
    again = with_words(full, [("account:sales[code=A]", "Penjualan"), ("tax:11", "")], BOOKS)
    assert list(flat(again)) == ["account:sales[code=A]", "account:sales[code=B]"]
    assert list(flat(with_words(again, [("account:sales[code=A]", "")], BOOKS))) == ["account:sales[code=B]"]


@pytest.mark.parametrize(
    ("word", "value", "said"),
    [
        ("account:sales", "9-9", "have 0 called '9-9'"),
        ("method:cash", "Kas", "have 2 called"),
        ("account:sales", "a5", "switched off"),
        ("account:sales", "a2", "type receivable"),
        ("account:receivable", "a1", "type income"),
        ("method:cash", "a1", "type income"),
        ("account:wages", "a1", "no word 'account:wages'"),
        ("dimension:branch", "d2", "have 0 called"),
        ("tax:eleven", "t1", "not a rate"),
        ("tax:111", "t1", "not a rate"),
        ("tax:NaN", "t1", "not a rate"),
        ("account:sales[colour=red]", "a1", "no condition"),
        ("account:sales[]", "a1", "no condition"),
        ("require", "method:cash", "cannot be required"),
        ("sales", "a1", "no word 'sales'"),
    ],
)
def test_what_is_wrong_is_named(word: str, value: str, said: str) -> None:
    with pytest.raises(LedgerError) as wrong:
        words((word, value))
    assert said in wrong.value.message
    assert wrong.value.cure


def test_what_was_not_read_yet_is_not_guessed() -> None:
    with pytest.raises(LedgerError, match="no warehouse of the books was read yet"):
        words(("warehouse:", "G1"), known=Known(CHART))
    assert words(("warehouse:", "G1"), known=TRUSTED) == {"warehouse:*": "G1"}


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters=",[]"), min_size=1, max_size=8).filter(
    lambda t: t == t.strip() and "=" not in t
)
_id = _text
_mappings = st.builds(
    Mapping,
    accounts=st.dictionaries(st.sampled_from(ACCOUNT_ROLES), _id),
    methods=st.dictionaries(_text, _id, max_size=3),
    taxes=st.dictionaries(
        st.tuples(st.decimals(0, Decimal("0.5"), places=4), st.sampled_from(("", "ID", "ID-JK", "SG"))), _id, max_size=3
    ).map(lambda found: tuple(TaxRule(rate.normalize(), tax, place) for (rate, place), tax in found.items())),
    warehouses=st.dictionaries(_text, _id, max_size=3),
    dimensions=st.dictionaries(st.sampled_from(DIMENSION_KINDS), _id),
    rules=st.dictionaries(
        st.tuples(st.sampled_from([f"account:{r}" for r in ACCOUNT_ROLES] + ["warehouse", "dimension:branch"]), _text),
        _id,
        max_size=3,
    ).map(lambda found: tuple(Rule(what, to, code=code) for (what, code), to in found.items())),
    require=st.sets(st.sampled_from(("tax", "warehouse", "account:sales"))).map(lambda s: tuple(sorted(s))),
)


@given(_mappings)
def test_a_file_says_exactly_what_it_was_made_from(mapping: Mapping) -> None:
    named = {word: f"name of\n{word} \x7f # x" for word in flat(mapping)}
    text = write_file(mapping, ["Head"], named)
    assert isinstance(tomllib.loads(text), dict)
    assert flat(read_file(text, TRUSTED)) == flat(mapping)
    assert [r.code for r in read_file(text, TRUSTED).rules] == [r.code for r in mapping.rules]


def test_the_same_file_as_json() -> None:
    content = {
        "accounts": {"sales": "a1"}, "taxes": [{"rate": "11", "tax": "t1"}, {"rate": 11, "place": "ID", "tax": "t1"}],
        "rules": [{"set": "account:sales", "to": "4-1", "place": "SG"}], "require": ["tax"],
    }  # fmt: skip
    found = flat(read_file(msgspec.json.encode(content).decode(), BOOKS))
    assert found == {
        "account:sales": "a1", "tax:11": "t1", "tax:11@ID": "t1", "account:sales[place=SG]": "a1", "require": "tax",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accounts = [", "cannot be read"),
        ("{", "cannot be read"),
        ("[colours]\nred = '1'", "colours"),
        ("accounts = 1", "must be a table"),
        ("taxes = 1", "must be a list"),
        ("[accounts]\nsales = 4", "accounts.sales names nothing"),
        ("[[taxes]]\nrate = '11'", "taxes, entry 1 names nothing"),
        ("[[rules]]\nset = 'account:sales'\nto = 'a1'", "no condition"),
        ("[accounts]\nsales = '9-9'", "have 0 called '9-9'"),
    ],
)
def test_a_wrong_file_is_not_taken(text: str, said: str) -> None:
    with pytest.raises(LedgerError) as wrong:
        read_file(text, BOOKS)
    assert said in wrong.value.message
