"""The certificate proves itself: nothing can be changed without the check naming the line."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.model.money import EXPONENTS
from selaras.rules.certificate import START, Checked, canonical, check, days_of, link, write

HEADER = {
    "month": "2026-08",
    "connection": "toko",
    "kind": "order",
    "zone": "Asia/Jakarta",
    "made_at": "2026-09-01T00:00:00+00:00",
    "software": "selaras 0.1.0",
    "policy_version": 3,
    "books": "buku",
}

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
amounts = st.tuples(st.integers(-(10**12), 10**12), st.sampled_from(["IDR", "USD", "KWD"])).map(
    lambda pair: (f"{Decimal(pair[0]).scaleb(-EXPONENTS[pair[1]]):.{EXPONENTS[pair[1]]}f}", pair[1])
)
documents = st.fixed_dictionaries(
    dict.fromkeys(("target", "kind", "id", "number", "reference", "currency", "total"), texts)
)


@st.composite
def certificates(draw: st.DrawFn) -> bytes:
    days = st.integers(1, 31).map(lambda day: f"2026-08-{day:02}")
    keys = sorted(draw(st.sets(st.tuples(days, st.text("abc019é ", min_size=1, max_size=4)), max_size=6)))
    records = []
    for day, record_id in keys:
        total, currency = draw(amounts)
        status = draw(st.sampled_from(["posted", "waiting", "blocked", "skipped"]))
        records.append(
            {
                "id": record_id, "number": draw(texts), "day": day, "currency": currency, "total": total,
                "status": status, "digest": draw(texts), "documents": draw(st.lists(documents, max_size=2)),
            }
        )  # fmt: skip
    return b"".join(write(HEADER, records))


def example() -> bytes:
    def order(day: int, record_id: str, total: str, status: str) -> dict[str, Any]:
        document = {
            "target": "buku", "kind": "invoice", "id": f"inv{record_id}", "number": f"INV-{record_id}",
            "reference": record_id, "currency": "IDR", "total": total,
        }  # fmt: skip
        return {
            "id": record_id, "number": record_id, "day": f"2026-08-{day:02}", "currency": "IDR", "total": total,
            "status": status, "digest": "d" * 32, "documents": [document] if status == "posted" else [],
        }  # fmt: skip

    return b"".join(write(HEADER, [order(1, "1001", "150000", "posted"), order(1, "1002", "75000", "blocked"),
                                   order(2, "1003", "-5000", "posted")]))  # fmt: skip


def resealed(content: bytes, change: Any) -> bytes:
    """The forger's try: change the lines, then compute every chain value anew."""
    lines = [json.loads(line) for line in content.splitlines()]
    for line in lines:
        line.pop("chain")
    change(lines)
    chain, out = START, []
    for line in lines:
        chain = link(chain, line)
        out.append(canonical({**line, "chain": chain}) + b"\n")
    return b"".join(out)


def fault(content: bytes) -> tuple[int, str]:
    found = check(content)
    assert found.fault is not None
    return found.fault.line, found.fault.message


def test_an_honest_certificate_holds_and_its_totals_are_those_of_its_lines() -> None:
    found: Checked = check(example())
    assert found.ok
    assert found.records == 3
    assert found.totals == {
        "posted": {"IDR": {"count": 2, "sum": "145000"}},
        "blocked": {"IDR": {"count": 1, "sum": "75000"}},
    }
    assert not found.green
    assert len(found.seal) == 64


@given(certificates())
def test_every_certificate_holds(content: bytes) -> None:
    found = check(content)
    assert found.fault is None
    assert found.green == (not {"waiting", "blocked"} & set(found.totals))


@given(certificates(), st.data())
def test_any_one_byte_changed_is_found_at_its_line(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != content[place]))
    found = check(content[:place] + bytes([other]) + content[place + 1 :])
    line = content[:place].count(b"\n") + 1
    assert found.fault is not None
    assert found.fault.line == line
    assert found.fault.message


def test_every_single_byte_of_one_certificate(seed: int) -> None:
    content = example()
    for place in range(len(content)):
        flipped = content[:place] + bytes([content[place] ^ (1 << (place + seed) % 8)]) + content[place + 1 :]
        assert fault(flipped)[0] == content[:place].count(b"\n") + 1, (place, seed)


@given(certificates(), st.data())
def test_any_line_left_out_or_moved_or_repeated_is_found(content: bytes, data: st.DataObject) -> None:
    lines = content.splitlines(keepends=True)
    place = data.draw(st.integers(0, len(lines) - 1))
    assert not check(b"".join(lines[:place] + lines[place + 1 :])).ok
    assert not check(b"".join([*lines[: place + 1], lines[place], *lines[place + 1 :]])).ok
    if place:
        swapped = [*lines[: place - 1], lines[place], lines[place - 1], *lines[place + 1 :]]
        assert not check(b"".join(swapped)).ok


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: lines[1].update(total="150001"), 5),  # the totals no longer fit
        (lambda lines: lines[1].update(total="150000.0"), 2),  # not as rupiah are written
        (lambda lines: lines[1].update(total=150000), 2),
        (lambda lines: lines[1].update(total="NaN"), 2),
        (lambda lines: lines[1].update(currency="ZZZ"), 2),
        (lambda lines: lines[1].update(status="fine"), 2),
        (lambda lines: lines[1].update(day="2026-09-01"), 2),
        (lambda lines: lines[2].update(id="1001"), 3),  # twice
        (lambda lines: lines[2].pop("digest"), 3),
        (lambda lines: lines[2].update(note="fine"), 3),
        (lambda lines: lines[2].update(documents="none"), 3),
        (lambda lines: lines[2].update(documents=[{}]), 3),
        (lambda lines: lines[4].update(records=4), 5),
        (lambda lines: lines[4].update(green=True), 5),
        (lambda lines: lines[4].update(totals={}), 5),
        (lambda lines: lines[4].update(note=""), 5),
        (lambda lines: lines.pop(), 5),
        (lambda lines: lines.pop(2), 4),
        (lambda lines: lines[0].update(format="other/1"), 1),
        (lambda lines: lines[0].update(month="2026-13"), 1),
        (lambda lines: lines[0].update(extra=1), 1),
        (lambda lines: lines.insert(1, {"records": 0}), 2),
    ],
)
def test_a_forger_who_computes_the_chain_anew_is_still_held_to_the_sums_and_the_form(change: Any, line: int) -> None:
    forged = resealed(example(), change)
    assert fault(forged)[0] == line
    assert check(forged).seal != check(example()).seal


def test_a_whole_new_certificate_has_another_seal() -> None:
    forged = resealed(example(), lambda lines: lines[1].update(digest="e" * 32))
    assert check(forged).ok, "a file alone cannot show that all of it was written anew"
    assert check(forged).seal != check(example()).seal


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"{}\n", b"[]\n", b"null\n", b"\xff\n", b'{"chain":"x"}\n', b"[" * 100_000 + b"\n", b'{"chain":1}\n'],
)
def test_what_is_no_certificate_is_named_as_such(content: bytes) -> None:
    assert fault(content)[0] == 1


def test_a_cut_or_lengthened_file_is_found() -> None:
    content = example()
    assert fault(content[:-1])[0] == 5
    assert fault(content + b" ")[0] == 6
    assert fault(content + content)[0] == 5


@pytest.mark.parametrize(
    ("month", "days"), [("2026-02", ("2026-02-01", "2026-02-28")), ("2024-02", ("2024-02-01", "2024-02-29"))]
)
def test_days_of_a_month(month: str, days: tuple[str, str]) -> None:
    assert days_of(month) == days


@pytest.mark.parametrize("month", ["2026-13", "2026-00", "26-01", "2026-1", "2026/01", "x", "", "２０２６-01"])
def test_what_is_not_a_month(month: str) -> None:
    with pytest.raises(ValueError, match="month"):
        days_of(month)


@given(st.dates(dt.date(1, 1, 1), dt.date(9999, 12, 1)))
def test_every_day_lies_in_its_month(day: dt.date) -> None:
    first, last = days_of(f"{day:%Y}".zfill(4) + f"-{day.month:02}")
    assert first <= day.isoformat() <= last
