"""Each rule of a safe import: anything doubtful is refused, naming file, row and column, and how to mend it."""

from __future__ import annotations

from pathlib import Path

import pytest

from selaras.files import statements
from selaras.files.refusal import Refused
from selaras.i18n import set_locale
from tests.files import made


def refusal(data: bytes | str) -> Refused:
    with pytest.raises(Refused) as refused:
        statements.parse(data.encode() if isinstance(data, str) else data, "bank.csv")
    assert str(refused.value).startswith("bank.csv")
    assert str(refused.value).endswith(".")
    return refused.value


def changed(data: bytes | str, old: str, new: str, count: int = 1) -> str:
    text = data if isinstance(data, str) else data.decode()
    assert old in text
    return text.replace(old, new, count)


BISNIS = made.bca_bisnis()
# what is changed -> in what -> the row, the column, and words of the reason
CASES: dict[str, tuple[str, int, str, str]] = {
    "an unreadable amount": (
        changed(BISNIS, "12,345.67 CR", "12,3x5.67 CR"),
        11,
        "Jumlah",
        "12,3x5.67 is not an amount",
    ),
    "an amount that is empty": (changed(BISNIS, "12,345.67 CR", ""), 11, "Jumlah", "missing"),
    "other thousands": (changed(BISNIS, "12,345.67 CR", "12.345,67 CR"), 11, "Jumlah", "12.345,67"),
    "a fraction of a sen": (changed(BISNIS, "12,345.67 CR", "12,345.678 CR"), 11, "Jumlah", "12,345.678"),
    "a missing flag": (changed(BISNIS, "12,345.67 CR", "12,345.67"), 11, "Jumlah", "no mark"),
    "an unknown flag": (changed(BISNIS, "12,345.67 CR", "12,345.67 ZZ"), 11, "Jumlah", "mark ZZ"),
    "a sign and a flag": (changed(BISNIS, "12,345.67 CR", "-12,345.67 CR"), 11, "Jumlah", "sign"),
    "a balance that breaks": (changed(BISNIS, '"9,012,345.67"', '"9,012,345.68"'), 11, "balance", "9012345.68"),
    "a row that is lost": (
        "\n".join(line for line in BISNIS.decode().splitlines() if "BUNGA" not in line),
        11,
        "balance",
        "15000",
    ),
    "a closing balance that is wrong": (
        changed(BISNIS, f"Saldo Akhir : {made.en(made.CLOSING)}", "Saldo Akhir : 1.00"),
        12,
        "closing",
        "not to the closing",
    ),
    "a total that is wrong": (changed(BISNIS, made.en(made.IN), "512,345.68"), 12, "total_in", "512345.68"),
    "a count that is wrong": (
        changed(BISNIS, f'{made.en(made.IN)}","3"', f'{made.en(made.IN)}","4"'),
        12,
        "count_in",
        "4 rows",
    ),
    "a total that cannot be read": (changed(BISNIS, made.en(made.IN), "512,3z"), 15, "Mutasi Kredit", "512,3z"),
    "a file that is cut off": ("\n".join(BISNIS.decode().splitlines()[:-1]), 0, "", "Saldo Akhir; it may be cut off"),
    "a date that is none": (changed(BISNIS, "13/08/2026", "1x/08/2026"), 11, "Tanggal Transaksi", "1x/08/2026"),
    "a day that there is not": (
        changed(BISNIS, '31/08/2026","BIAYA', '31/06/2026","BIAYA'),
        12,
        "Tanggal Transaksi",
        "31/06/2026",
    ),
    "a month that comes first": (changed(BISNIS, "13/08/2026", "08/13/2026"), 11, "Tanggal Transaksi", "month first"),
    "a day outside the period": (
        changed(BISNIS, "13/08/2026", "08/12/2026"),
        11,
        "Tanggal Transaksi",
        "outside the period",
    ),
    "a period turned round": (
        changed(BISNIS, "01/08/2026 - 31/08/2026", "31/08/2026 - 01/08/2026"),
        5,
        "",
        "ends before it begins",
    ),
    "a cell too many": (changed(BISNIS, '"0000","12,345.67 CR"', '"0000","0","12,345.67 CR"'), 11, "", "6 cells"),
    "two accounts": (changed(BISNIS, '"Nama : PT', '"No. rekening : 0350000002"\n"Nama : PT'), 4, "", "two accounts"),
    "a year that is not known": (
        changed(made.bca_yearless(), '"Periode : 01/08/2026 - 31/08/2026"\r\n', ""),
        3,
        "Tanggal",
        "no year",
    ),
    "a year that may be either": (
        changed(made.bca_yearless(), "31/08/2026", "31/08/2027"),
        4,
        "Tanggal",
        "no year",
    ),
    "both sides filled": (
        changed(made.mandiri_kopra(), '"0.00","12,345.67"', '"5.00","12,345.67"'),
        10,
        "Credit",
        "both filled",
    ),
    "neither side filled": (changed(made.mandiri_kopra(), '"0.00","12,345.67"', '"0.00",""'), 10, "Credit", "neither"),
    "a side below zero": (changed(made.mandiri_kopra(), '"0.00","12,345.67"', '"-3.00",""'), 10, "Debit", "below zero"),
    "a date with a trailer's words": (
        changed(made.mandiri_kopra(), '"13 Aug 2026 10:15:30"', '""'),
        10,
        "Posting Date",
        "not a date",
    ),
    "a month nobody knows": (changed(made.cimb_octo(), "13-Agu-2026", "13-Agg-2026"), 7, "Tanggal", "no month"),
    "a decimal mark that may be either": (
        "OCTO\nTanggal;Deskripsi;Debit;Kredit;Saldo\n01-08-2026;A;;1.500;\n",
        3,
        "Kredit",
        "thousands or decimals",
    ),
    "a movement that does not come to its balance": (
        changed(made.bri_cms(), "10250000.00,0.00,250000.00,10500000.00", "10250000.00,0.00,250000.00,10500000.01"),
        3,
        "SALDO_AKHIR_MUTASI",
        "do not come",
    ),
    "days that go forth and back": (
        changed(changed(made.bri_ib(), "01/08/26", "05/08/26"), "13/08/26", "03/08/26").replace(
            "9.012.345,67", "9.012.345,66"
        ),
        9,
        "",
        "forth and back",
    ),
    "a heading without rows": ("OCTO\nTanggal;Deskripsi;Debit;Kredit;Saldo\n", 0, "", "no transactions"),
    "a line that is not CSV": ('a,b\n"x"y","\n' + "z" * 10, 0, "", "no layout"),
    "a PDF": ("%PDF-1.7 x", 0, "", "PDF"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_doubt_is_refused(case: str, tmp_path: Path) -> None:
    text, row, column, words = CASES[case]
    path = tmp_path / "bank.csv"
    path.write_bytes(text.encode())
    with pytest.raises(Refused) as refused:
        statements.read(path)
    assert words in str(refused.value)
    assert (refused.value.row, refused.value.column) == (row, column), str(refused.value)
    assert str(refused.value).startswith("bank.csv")


MT940 = ":20:A\n:25:123\n:28C:1\n:60F:C260801IDR100,00\n:61:2608010801C50,25NTRFNONREF\n:86:X\n:62F:C260801IDR150,25\n"


@pytest.mark.parametrize(
    ("old", "new", "row", "column"),
    [
        ("IDR150,25", "IDR150,26", 5, "closing"),
        ("C50,25N", "50,25N", 5, "61"),
        ("C50,25N", "C50.25N", 5, "61"),
        ("C50,25N", "C5,0,25N", 5, "61"),
        (":61:260801", ":61:261301", 5, "61"),
        (":62F:C260801IDR", ":62F:C260801USD", 7, "62F"),
        (":62F:C260801IDR150,25\n", "", 6, "62F"),
        (":60F:C260801IDR100,00", ":60F:C260801IDR100.00", 4, "60F"),
        (":25:123\n", "", 1, "25"),
        (":25:123\n", ":25:123\n:25:124\n", 3, "25"),
    ],
)
def test_mt940_is_held_to_its_balances(old: str, new: str, row: int, column: str) -> None:
    (whole,) = statements.parse(MT940.encode(), "bank.csv")
    assert [str(line.amount) for line in whole.lines] == ["50.25"]
    found = refusal(changed(MT940.encode(), old, new))
    assert (found.row, found.column) == (row, column), str(found)


CAMT = (
    '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt><Stmt><Id>1</Id><Acct><Id'
    '><IBAN>X1</IBAN></Id><Ccy>IDR</Ccy></Acct><Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="IDR'
    '">100.00</Amt><CdtDbtInd>CRDT</CdtDbtInd></Bal><Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy'
    '="IDR">49.50</Amt><CdtDbtInd>DBIT</CdtDbtInd></Bal><TxsSummry><TtlNtries><NbOfNtries>1</NbOfNtries></TtlN'
    'tries><TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>149.5</Sum></TtlDbtNtries></TxsSummry><Ntry><Amt Ccy="'
    'IDR">149.50</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts><Cd>BOOK</Cd></Sts><BookgDt><DtTm>2026-08-01T23:30:00+07'
    ":00</DtTm></BookgDt></Ntry></Stmt></BkToCstmrStmt></Document>"
)


def test_camt_reads_the_days_of_the_bank_and_proves_itself() -> None:
    (found,) = statements.parse(CAMT.encode(), "a.xml")
    assert [(str(line.day), str(line.amount)) for line in found.lines] == [("2026-08-01", "-149.50")]
    assert (str(found.opening), str(found.closing), found.printed.count) == ("100.00", "-49.50", 1)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (">149.50<", ">149.51<", "closing"),
        (">149.50<", ">149,50<", "not an amount"),
        (">149.50<", ">1e2<", "not an amount"),
        (">149.50<", ">-149.50<", "not an amount"),
        ('"IDR">149.50', '"USD">149.50', "USD"),
        ("<NbOfNtries>1</NbOfNtries></TtlNtries>", "<NbOfNtries>2</NbOfNtries></TtlNtries>", "2 rows are announced"),
        ("<Sum>149.5<", "<Sum>149.6<", "149.6"),
        ("<CdtDbtInd>DBIT</CdtDbtInd><Sts>", "<Sts>", "no mark"),
        ("BOOK", "WHAT", "status WHAT"),
        ("2026-08-01T23:30:00+07:00", "yesterday", "day of booking"),
        ("<IBAN>X1</IBAN>", "", "which account"),
        ("</Document>", "", "whole XML"),
        ("<Document", '<!DOCTYPE x [<!ENTITY a "b">]><Document', "entities"),
    ],
)
def test_camt_is_held_to_its_own_figures(old: str, new: str, words: str) -> None:
    assert words in str(refusal(changed(CAMT.encode(), old, new)))


def test_no_entity_is_expanded_and_nothing_is_fetched() -> None:
    bomb = '<!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + CAMT.replace("X1", "&b;")
    assert "entities" in str(refusal(bomb))
    outside = '<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + CAMT.replace("X1", "&x;")
    assert "entities" in str(refusal(outside))


def test_files_that_are_no_statements(tmp_path: Path) -> None:
    for name, data, words in (
        ("empty.csv", b" \n", "empty"),
        ("old.xls", b"\xd0\xcf\x11\xe0rest", "old kind"),
        ("broken.xlsx", b"PK\x03\x04nonsense", "not a whole XLSX"),
        ("binary.csv", b"a,b\x00c", "not a text table"),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(Refused, match=words) as refused:
            statements.read(path)
        assert str(refused.value).startswith(name)


def test_a_refusal_is_said_in_indonesian() -> None:
    found = refusal(changed(BISNIS, "12,345.67 CR", "12,345.67"))
    set_locale("id")
    try:
        assert "bank.csv" in found.spoken()
        assert "Jumlah" in found.spoken()
    finally:
        set_locale("en")
