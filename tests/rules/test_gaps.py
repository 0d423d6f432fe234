"""What a stopped record asks for is read back from what the rules said."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.rules.gaps import answered_by, asked_for
from selaras.rules.mapper import MISSING_CURE, UNFIT_CURE
from selaras.rules.mapping import ACCOUNT_ROLES, choices
from selaras.rules.stream import NO_ACCOUNT, NO_ROLE

# What stores call a way of paying or a location. A name that ends as a choice does, or has a quote before a blank,
# could be read in two ways; a person sees it in the text all the same.
NAMES = st.text(st.characters(exclude_characters="'=", exclude_categories=("C", "Z")) | st.just(" "), min_size=1)
WORDS = st.one_of(
    st.sampled_from([f"account:{role}" for role in ACCOUNT_ROLES]),
    st.sampled_from(["tax:11", "tax:11@ID", "tax:9@SG", "tax:0", "warehouse:*", "method:*", "dimension:branch"]),
    st.builds("method:{}".format, NAMES.filter(lambda name: name == name.strip())),
    st.builds("warehouse:{}".format, NAMES.filter(lambda name: name == name.strip())),
)


@given(st.lists(WORDS, min_size=1, max_size=5, unique=True))
def test_the_words_of_a_cure_are_read_back_as_they_were_asked_for(words: list[str]) -> None:
    named = {"store": "toko", "books": "buku"}
    assert asked_for("…", MISSING_CURE(**named, choices=choices(words))) == tuple(words)
    assert asked_for("…", UNFIT_CURE(**named, choices=choices(words[:1]))) == tuple(words[:1])


def test_other_sentences_that_ask_for_an_account() -> None:
    assert asked_for(NO_ACCOUNT(method="qris"), "") == ("method:qris",)
    assert asked_for(NO_ACCOUNT(method="?"), "") == ("method:*",)
    assert asked_for(NO_ROLE(role="transfer_fee"), "") == ("account:transfer_fee",)
    assert asked_for("no product of Tryton stands for shipping", "Set it in the connection.") == ()
    cure = MISSING_CURE(store="toko", books="buku", choices=choices(["tax:?@ID", "account:sales"]))
    assert asked_for("", cure) == ("tax:RATE@ID", "account:sales")


@pytest.mark.parametrize(
    ("word", "named", "answer"),
    [
        ("tax:11@ID-JK", ["tax:11@ID-JK", "tax:11@ID", "tax:11"], "tax:11@ID-JK"),
        ("tax:11@ID-JK", ["tax:11@ID", "tax:11"], "tax:11@ID"),
        ("tax:11@ID", ["tax:11@SG"], "tax:11"),
        ("tax:11", [], "tax:11"),
        ("warehouse:Bandung", ["warehouse:Bandung"], "warehouse:Bandung"),
        ("warehouse:Bandung", ["warehouse:Medan"], "warehouse:*"),
        ("method:QRIS", ["method:qris", "method:*"], "method:qris"),
        ("method:va", ["method:*"], "method:*"),
        ("method:va", [], "method:va"),
        ("account:sales", [], "account:sales"),
    ],
)
def test_the_narrowest_word_that_is_named_answers_else_the_widest(word: str, named: list[str], answer: str) -> None:
    assert answered_by(word, named) == answer
