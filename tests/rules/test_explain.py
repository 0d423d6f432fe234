"""Reasons can be recognised again, so that every face can say them in its own language."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

import selaras.rules.planning
from selaras.rules.explain import Reason, Sentence, _sentences, recognised, translated

HELLO = Sentence("Order %(number)s of %(name)s: %(number)s, 100%% sure.")


def test_a_sentence_is_filled_and_read_back() -> None:
    said = HELLO(number="1001", name="Budi")
    assert said == "Order 1001 of Budi: 1001, 100% sure."
    assert recognised(said) == Reason(HELLO.text, {"number": "1001", "name": "Budi"})
    assert recognised(said) is not None
    assert recognised("something else entirely") is None


def test_translation_keeps_the_values() -> None:
    said = HELLO(number="1001", name="Budi")
    assert translated(said, lambda text: "Pesanan %(number)s: %(name)s") == "Pesanan 1001: Budi"
    assert translated("unknown", lambda text: "x") == "unknown"


@given(st.sampled_from(_sentences), st.data())
def test_every_sentence_of_the_rules_is_recognised(sentence: Sentence, data: st.DataObject) -> None:
    values = {
        name: data.draw(st.from_regex(r"[A-Z0-9][A-Za-z0-9 .+-]{0,12}", fullmatch=True)) for name in sentence.names
    }
    said = sentence(**values)
    found = recognised(said)
    assert found is not None
    assert found.filled == said


def test_the_planner_has_sentences() -> None:
    assert selaras.rules.planning.plan_order is not None
    assert len(_sentences) > 50
