"""Every declared layout reads the same five movements, with their proofs; user layouts are the same kind of data."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from selaras.files import checks, guess, layouts, rows, statements
from selaras.files.refusal import Refused
from tests.files import made

ACCOUNTS = {
    "bca": "0350000001",
    "mandiri": "1230001234567",
    "bri": "020601000123456",
    "bni": "0000001234",
    "cimb": "800123456700",
}
BANKS = {"bca": "BCA", "mandiri": "Mandiri", "bri": "BRI", "bni": "BNI", "cimb": "CIMB Niaga"}
NO_ACCOUNT = {"bca-two-sides-csv"}
NO_BALANCE = {"mandiri-mcm-csv", "bni-dbcr"}


def test_every_layout_that_ships_is_tried() -> None:
    assert set(made.MADE) == set(layouts.shipped())


@pytest.mark.parametrize("name", made.MADE)
def test_a_layout_reads_the_five_movements(name: str) -> None:
    (found,) = statements.parse(made.MADE[name](), "export.dat")
    family = name.split("-")[0]
    assert (found.layout, found.bank, found.currency) == (name, BANKS[family], "IDR")
    assert found.account == ("" if name in NO_ACCOUNT else ACCOUNTS[family])
    assert [line.day for line in found.lines] == [day for day, _amount, _text in made.ROWS]
    assert [line.amount for line in found.lines] == [amount for _day, amount, _text in made.ROWS]
    assert all(text in line.description for line, (_day, _amount, text) in zip(found.lines, made.ROWS, strict=True))
    assert [line.balance for line in found.lines if line.balance is not None] == (
        []
        if name in NO_BALANCE
        else [made.BALANCES[at] for at in (1, 2, 3, 4)]
        if name == "bca-mybca-xlsx"
        else made.BALANCES
    )
    if name not in NO_BALANCE:
        assert checks.BALANCES in checks.check(found).proofs
    if found.opening is not None:
        assert found.opening == made.OPENING


@pytest.mark.parametrize("name", made.MADE)
def test_the_newest_row_first_is_the_same_statement(name: str) -> None:
    """Reversing the table must give the same lines, also on a day with two rows."""
    data = made.MADE[name]()
    if data.startswith((b"PK", b"<html")):
        pytest.skip("text tables show it")
    lines = data.decode().split("\r\n")
    places = [at for at, line in enumerate(lines) if any(text in line for _day, _amount, text in made.ROWS)]
    for at, line in zip(places, [lines[at] for at in reversed(places)], strict=True):
        lines[at] = line
    (straight,), (turned,) = statements.parse(data, "a"), statements.parse("\r\n".join(lines).encode(), "a")
    said = [[(line.day, line.amount, line.balance) for line in one.lines] for one in (straight, turned)]
    assert said[0] == said[1]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig", "cp1252"])
def test_the_encoding_does_not_matter(encoding: str) -> None:
    (found,) = statements.parse(made.cimb_octo().decode().encode(encoding), "a.csv")
    assert [line.amount for line in found.lines] == [amount for _day, amount, _text in made.ROWS]


def test_bri_takes_both_delimiters_and_lives_without_balances() -> None:
    found = None
    for data in (made.bri_cms(","), made.bri_cms(";"), made.bri_cms(balances=False)):
        (found,) = statements.parse(data, "a.csv")
        assert [line.amount for line in found.lines] == [amount for _day, amount, _text in made.ROWS]
    assert found is not None
    assert found.opening is None


def test_a_bank_is_never_taken_from_a_name() -> None:
    table = 'Nama : PT SINAR LIVIN BANK MANDIRI\nTanggal,Keterangan,Nominal,Saldo\n01/08/2026,LIVIN,"+1,00","1,00"\n'
    with pytest.raises(Refused, match="nothing above them names that bank"):
        statements.parse(table.encode(), "a.csv")


def test_two_layouts_that_fit_are_a_question() -> None:
    own = {
        name: layouts.Layout(name, ("date: Tanggal", "description: Isi", "amount: Jumlah"), signed=True)
        for name in ("a", "b")
    }
    table = b"Tanggal,Isi,Jumlah\n01/08/2026,x,+5\n"
    with pytest.raises(Refused, match="a, b"):
        statements.parse(table, "x.csv", own=own)
    assert statements.parse(table, "x.csv", "b", own, rows.Assumed(currency="IDR"))[0].layout == "b"


def test_a_users_layout_is_saved_and_used(tmp_path: Path) -> None:
    data = b'Bank Desa\nTgl,Uraian,Masuk,Keluar,Sisa\n01/08/2026,Bayar,"1.500.000,50",,"1.500.000,50"\n'
    path = tmp_path / "desa.csv"
    path.write_bytes(data)
    with pytest.raises(Refused, match="no layout that is known"):
        statements.read(path)
    layout, _rows, at = guess.propose(statements.Tables(data), "desa", {"balance": "Sisa"})
    assert at == 1
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "desa.toml").write_text(layouts.to_toml(layout), encoding="utf-8")
    own = layouts.saved(folder)
    assert own["desa"] == layout
    (found,) = statements.read(path, own=own, assumed=rows.Assumed(account="77", currency="IDR"))
    assert (found.layout, found.account, found.lines[0].amount) == ("desa", "77", Decimal("1500000.50"))
    assert found.lines[0].balance == Decimal("1500000.50")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "holds no"),
        ('[[layout]]\nname = "X y"\ncolumns = ["date: A", "amount: B"]', "no name"),
        ('[[layout]]\nname = "x"\ncolumns = ["day: A", "amount: B"]', "no field"),
        ('[[layout]]\nname = "x"\ncolumns = ["date: A", "date: B", "amount: C"]', "two columns"),
        ('[[layout]]\nname = "x"\ncolumns = ["amount: B"]', "no date"),
        ('[[layout]]\nname = "x"\ncolumns = ["date: A", "debit: B"]', "neither an amount"),
        ('[[layout]]\nname = "x"\ncolumns = ["date: A", "amount: B"]\nabove = "("', "no pattern"),
        ('[[layout]]\nname = "x"\ncolumns = ["date: A", "amount: B"]\nblank = "yes"', "blank"),
        ('[[layout]]\nname = "x"\ncolumns = ["date: A", "amount: B"]\nother = 1', "cannot be read"),
        ("[[layout", "cannot be read"),
    ],
)
def test_a_layout_that_cannot_work_is_refused(text: str, why: str) -> None:
    with pytest.raises(layouts.BadLayout, match=why):
        layouts.parse(text)


def test_layouts_survive_their_toml() -> None:
    for layout in layouts.shipped().values():
        assert layouts.parse(layouts.to_toml(layout)) == [layout]
