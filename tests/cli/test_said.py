"""What is raised and kept in English can be said in both languages, and the list of it follows the sources."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import selaras.rules.planning  # noqa: F401 - its sentences are among those recognised
from selaras.cli import said as cli_said
from selaras.ledger.errors import LedgerError
from selaras.rules import explain
from selaras.rules.explain import Reason, Sentence, recognised
from selaras.sync import said
from selaras.sync.sentences import spoken
from tests.house.walls import SOURCE
from tests.speaking import speaking

PLACE = re.compile(r"%\(\w+\)s")
# Whose messages reach people as they are; a connector's own folder speaks for its vendor.
ROOMS = ("ledger", "secrets.py", "sync", "cli", "web", "connectors/http.py", "connectors/oauth.py")
ERRORS = {kind.__name__ for kind in LedgerError.__subclasses__()} | {
    "LedgerError", "KeyProblem", "WrongKey", "CannotListen", "Transient", "Throttled", "Ambiguous", "Rejected", "Stale",
    "Expired", "LockedPeriod",
}  # fmt: skip


def template(node: ast.expr) -> str | None:
    """A text with its places anonymous, as `%()s`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "%()s" for part in node.values)
    return None


def sources(*rooms: str) -> Iterator[tuple[Path, ast.AST]]:
    for room in rooms:
        place = SOURCE / room
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path, ast.parse(path.read_text(encoding="utf-8"))


def raised() -> Iterator[tuple[str, str]]:
    """(file and line, text) of every message and cure that an error is made with."""
    for path, tree in sources(*ROOMS):
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name not in ERRORS:
                continue
            values = [*node.args, *(k.value for k in node.keywords if k.arg in ("cure", "message"))]
            for value in values:
                text = template(value)
                if text and " " in text:
                    yield f"{path.relative_to(SOURCE)}:{node.lineno}", text


def anonymous(text: str) -> str:
    return PLACE.sub("%()s", text).replace("%%", "%")


def test_every_error_can_be_said_in_both_languages() -> None:
    known = {anonymous(sentence.text) for sentence in explain._sentences}
    lost = [f"{where} {text!r}" for where, text in raised() if text not in known]
    assert not lost, "add these to sync/said.py or cli/said.py:\n" + "\n".join(lost)


def test_nothing_is_listed_that_nobody_says() -> None:
    texts = {
        text
        for path, tree in sources("")
        if path.name != "said.py"
        for node in ast.walk(tree)
        if isinstance(node, ast.expr) and (text := template(node))
    }
    capital = {text[:1].upper() + text[1:] for text in texts}
    idle = [text for text in (*said.TEXTS, *cli_said.TEXTS) if anonymous(text) not in texts | capital]
    assert not idle, idle


@pytest.mark.parametrize("text", [*said.TEXTS, *cli_said.TEXTS])
def test_each_is_recognised_and_translated(text: str) -> None:
    filled = text % {name: f"«{name}»" for name in re.findall(r"%\((\w+)\)s", text)}
    with speaking("en"):
        assert spoken(filled) == filled
    with speaking("id"):
        indonesian = spoken(filled)
    assert indonesian != filled or not re.search(r"[a-z]{3}", PLACE.sub("", text).replace("selaras", "")), (
        "not translated"
    )
    for name in re.findall(r"%\((\w+)\)s", text):
        assert f"«{name}»" in indonesian


PATTERNS: dict[str, re.Pattern[str]] = {}


def held_against_all(filled: str) -> Reason | None:
    """What `recognised` means, without any shortcut: of all the sentences that fit, the one with most fixed text."""
    best: Reason | None = None
    for sentence in explain._sentences:
        found = pattern(sentence).fullmatch(filled)
        if found and (best is None or fixed(sentence.text) > fixed(best.text)):
            best = Reason(sentence.text, found.groupdict())
    return best


def pattern(sentence: Sentence) -> re.Pattern[str]:
    if sentence.text not in PATTERNS:
        seen: set[str] = set()
        made = ""
        for part in re.split(r"(%\(\w+\)s)", sentence.text):
            name = part[2:-2]
            if not PLACE.fullmatch(part):
                made += re.escape(part.replace("%%", "%"))
            else:
                made += f"(?P={name})" if name in seen else f"(?P<{name}>.*?)"
                seen.add(name)
        PATTERNS[sentence.text] = re.compile(made, re.DOTALL)
    return PATTERNS[sentence.text]


def fixed(text: str) -> int:
    return len(PLACE.sub("", text))


VALUES = st.one_of(
    st.sampled_from(
        ["", "1001", "the books", "a b. c", "order 7", "invoice S1: it is empty", "x\ny", "Order", " ", "%"]
    ),
    st.text("abz .:;'%()", max_size=8),
)


@settings(max_examples=60, deadline=None, print_blob=True)
@given(st.sampled_from(explain._sentences), st.data())
def test_the_short_way_to_a_sentence_finds_what_the_long_one_does(sentence: Sentence, data: st.DataObject) -> None:
    said = sentence(**{name: data.draw(VALUES) for name in sentence.names})
    before, behind = (
        data.draw(st.sampled_from(["", "", "", "x ", "x: ", " "])),
        data.draw(st.sampled_from(["", "", ".", " x"])),
    )
    for text in (said, before + said + behind, said[:-1], said[1:]):
        assert recognised(text) == held_against_all(text), text


@pytest.mark.parametrize("text", ["", " ", "x", "Customer ACME is frozen", "Barang & Jasa tidak tepat: x", "a: b: c"])
def test_the_short_way_with_what_is_nobodys(text: str) -> None:
    assert recognised(text) == held_against_all(text)


def test_a_sentence_inside_a_sentence_is_said_too() -> None:
    with speaking("id"):
        whole = spoken("Order 7 cannot be planned: This line is money out, it pays no order.")
    assert "money out" not in whole
    assert "7" in whole


def test_what_happened_in_a_lane_is_said_with_its_cure() -> None:
    told = "read buku: the sign-in of buku has ended. Connect it again: open the connection and sign in."
    with speaking("id"):
        assert spoken(told) == "read buku: masa masuk buku sudah habis. Sambungkan lagi: buka koneksinya lalu masuk."


def test_reasons_that_were_joined_are_said_one_by_one() -> None:
    with speaking("id"):
        assert "the money" not in spoken("the money was found in the bank; a vendor's own words")
        assert spoken("the money was found in the bank; a vendor's own words").endswith("; a vendor's own words")
        assert spoken("") == ""
