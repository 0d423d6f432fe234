"""Made-up exports in the declared layouts: the same five movements as each bank writes them."""

from __future__ import annotations

import datetime as dt
import io
from collections.abc import Callable
from decimal import Decimal

import openpyxl

OPENING = Decimal("10000000.00")
# Day, amount, text. Two equal transfers on one day, a debit, and interest with sen.
ROWS: list[tuple[dt.date, Decimal, str]] = [
    (dt.date(2026, 8, 1), Decimal("250000.00"), "TRANSFER DARI SITI AMINAH"),
    (dt.date(2026, 8, 1), Decimal("250000.00"), "TRANSFER DARI SITI AMINAH"),
    (dt.date(2026, 8, 2), Decimal("-1500000.00"), "TRANSFER KE PT SINAR MANDIRI ABADI"),
    (dt.date(2026, 8, 13), Decimal("12345.67"), "BUNGA"),
    (dt.date(2026, 8, 31), Decimal("-15000.00"), "BIAYA ADM BCA"),
]
BALANCES = [OPENING + sum((row[1] for row in ROWS[: at + 1]), Decimal(0)) for at in range(len(ROWS))]
CLOSING = BALANCES[-1]
IN = sum((row[1] for row in ROWS if row[1] > 0), Decimal(0))
OUT = -sum((row[1] for row in ROWS if row[1] < 0), Decimal(0))
_ID = "Jan Feb Mar Apr Mei Jun Jul Agu Sep Okt Nov Des".split()
_EN = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def en(amount: Decimal) -> str:
    return f"{abs(amount):,.2f}"


def ind(amount: Decimal) -> str:
    return en(amount).translate(str.maketrans(",.", ".,"))


def plain(amount: Decimal) -> str:
    return f"{abs(amount):.2f}"


def dmy(day: dt.date, mark: str = "/") -> str:
    return day.strftime(f"%d{mark}%m{mark}%Y")


def sides(amount: Decimal, write: Callable[[Decimal], str], none: str) -> tuple[str, str]:
    return (write(amount), none) if amount < 0 else (none, write(amount))


def quoted(*cells: str, mark: str = ",") -> str:
    return mark.join(f'"{cell}"' for cell in cells)


def table(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    page = book.active
    assert page is not None
    for row in rows:
        page.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def text(lines: list[str]) -> bytes:
    return "\r\n".join([*lines, ""]).encode()


def _each(write: Callable[[int, dt.date, Decimal, str, Decimal], str]) -> list[str]:
    return [write(at, day, amount, said, BALANCES[at]) for at, (day, amount, said) in enumerate(ROWS)]


def bca_bisnis() -> bytes:
    return text([
        '"Informasi Rekening - Mutasi Rekening"," "," "',
        "", '"No. rekening : 0350000001"', '"Nama : PT SINAR MANDIRI"',
        '"Periode : 01/08/2026 - 31/08/2026"', '"Kode Mata Uang : Rp"',
        quoted("Tanggal Transaksi", "Keterangan", "Cabang", "Jumlah", "Saldo"),
        *_each(lambda at, day, amount, said, balance: quoted(
            dmy(day), said, "0000", f"{en(amount)} {'CR' if amount > 0 else 'DB'}", en(balance))),
        f'"Saldo Awal : {en(OPENING)}"', f'"Mutasi Debet : {en(OUT)}","2"', f'"Mutasi Kredit : {en(IN)}","3"',
        f'"Saldo Akhir : {en(CLOSING)}"',
    ])  # fmt: skip


def bca_individual() -> bytes:
    return text([
        "Account No.,=,'0350000001", "Name,=,PT SINAR MANDIRI", "Currency,=,IDR", "",
        "Date,Description,Branch,Amount,,Balance",
        *_each(lambda at, day, amount, said, balance: ",".join((
            f"'{dmy(day)}", said + ", LUNAS", "'0000", plain(amount), "CR" if amount > 0 else "DB", plain(balance)))),
        f"Starting Balance,=,{plain(OPENING)}", f"Credit,=,{plain(IN)}", f"Debet,=,{plain(OUT)}",
        f"Ending Balance,=,{plain(CLOSING)}",
    ])  # fmt: skip


def bca_yearless() -> bytes:
    return text([
        '"No. rekening : 0350000001"', '"Periode : 01/08/2026 - 31/08/2026"',
        quoted("Tanggal", "Keterangan", "Cabang", "Jumlah", "", "Saldo"),
        *_each(lambda at, day, amount, said, balance:
               f"'{day:%d/%m},\"{said}\",'0000,\"{en(amount)}\",{'CR' if amount > 0 else 'DB'},\"{en(balance)}\""),
    ])  # fmt: skip


def bca_mybca() -> bytes:
    rows: list[list[object]] = [
        ["myBCA - Mutasi Rekening"], ["No. Rekening : 0350000001"], ["Periode : 01/08/2026 - 31/08/2026"],
        ["Tanggal", "Keterangan", "Cabang", "Mutasi", "DB", "Saldo"],
    ]  # fmt: skip
    for at, (day, amount, said) in enumerate(ROWS):
        last = at + 1 == len(ROWS) or ROWS[at + 1][0] != day
        rows.append(
            [f"{day.day}-{_EN[day.month - 1]}", said, "0000", f" Rp{en(amount)} ", "DB" if amount < 0 else "",
             f" Rp{en(BALANCES[at])} " if last else ""]
        )  # fmt: skip
    rows += [["Saldo Awal", f" Rp{en(OPENING)} "], ["Mutasi Kredit", f" Rp{en(IN)} "],
             ["Mutasi Debet", f" Rp{en(OUT)} "],
             ["Saldo Akhir", f" Rp{en(CLOSING)} "]]  # fmt: skip
    return table(rows)


def bca_html() -> bytes:
    body = "".join(
        f"<tr><td>{day:%d/%m}</td><td>{said}<br>0108/FTSCY</td><td>0000</td><td>{en(amount)}</td>"
        f"<td>{'CR' if amount > 0 else 'DB'}</td><td>{en(balance)}</td></tr>"
        for (day, amount, said), balance in zip(ROWS, BALANCES, strict=True)
    )
    return (
        "<html><head><style>td { color: red }</style></head><body><table>"
        "<tr><td><b>Nomor Rekening</b></td><td>:</td><td>0350000001</td></tr>"
        "<tr><td>Periode</td><td>:</td><td>01/08/2026 s/d 31/08/2026</td></tr>"
        "<tr><td>Mata Uang</td><td>:</td><td>Rp</td></tr></table>"
        "<table><tr><th>Tgl.</th><th>Keterangan</th><th>Cab.</th><th>Mutasi</th><th>&nbsp;</th><th>Saldo</th></tr>"
        f"{body}</table><table><tr><td>Saldo Awal</td><td>:</td><td>{en(OPENING)}</td></tr>"
        f"<tr><td>Mutasi Kredit</td><td>:</td><td>{en(IN)}</td></tr>"
        f"<tr><td>Mutasi Debet</td><td>:</td><td>{en(OUT)}</td></tr>"
        f"<tr><td>Saldo Akhir</td><td>:</td><td>{en(CLOSING)}</td></tr></table></body></html>"
    ).encode()


def bca_preview() -> bytes:
    return text([
        "KlikBCA Bisnis - Pratinjau", "No. rekening : 0350000001", "No\tTanggal\tKeterangan\tDebit\tKredit\tSaldo",
        *_each(lambda at, day, amount, said, balance: "\t".join((
            str(at + 1), dmy(day), said, *sides(amount, en, ""), en(balance)))),
    ])  # fmt: skip


def bca_two_sides() -> bytes:
    return text([
        "Tanggal,Keterangan,Cabang,Debit,Credit,Saldo",
        *_each(lambda at, day, amount, said, balance: ",".join((
            dmy(day), f'"{said}"', "0316", *sides(amount, plain, ""), plain(balance)))),
    ])  # fmt: skip


def mandiri_mcm() -> bytes:
    return text([
        "Account No,Date,Val. Date,Transaction Code,Description,Description,Reference No.,Debit,Credit",
        *_each(lambda at, day, amount, said, balance: ",".join((
            "1230001234567", f"{day:%d/%m/%y}", f"{day:%d/%m/%y}", "1001", said, "DUA", f"R{at}",
            *(f'"{side}"' for side in sides(amount, en, ".00"))))),
    ])  # fmt: skip


def mandiri_older() -> bytes:
    return text([
        "No. Rekening : 1230001234567",
        "Tgl.,Tgl. Val.,Rincian Transaksi,No. Referensi,Debit,Kredit,Saldo,Branch Code",
        *_each(lambda at, day, amount, said, balance: quoted(
            dmy(day), dmy(day), said, f"R{at}", *sides(amount, en, "0.00"), en(balance), "12300")),
    ])  # fmt: skip


def mandiri_kopra() -> bytes:
    return text([
        "Mandiri Cash Management - Account Statement", "Account No,1230001234567", "Account Name,PT SINAR",
        "Period,01/08/2026 - 31/08/2026", "", "Posting Date,Remark,Reference No,Debit,Credit,Balance",
        *_each(lambda at, day, amount, said, balance: quoted(
            f"{day.day:02d} {_EN[day.month - 1]} {day.year} 10:15:30", said, f"REF{at}", *sides(amount, en, "0.00"),
            en(balance))),
        f"Opening Balance,{quoted(en(OPENING))}", f"Closing Balance,{quoted(en(CLOSING))}",
    ])  # fmt: skip


def mandiri_livin() -> bytes:
    rows: list[list[object]] = [
        ["Bank Mandiri - Livin' by Mandiri"], ["Rekening: 1230001234567 a.n. PT SINAR"],
        ["Periode: 01 Agu 2026 - 31 Agu 2026"], [], ["Tanggal", "Keterangan", "Nominal", "Saldo"],
        ["01 Agu 2026", "SALDO AWAL", "", ind(OPENING)],
    ]  # fmt: skip
    for (day, amount, said), balance in zip(ROWS, BALANCES, strict=True):
        sign = "-" if amount < 0 else "+"
        rows.append([f"{day.day:02d} {_ID[day.month - 1]} {day.year}", said, sign + ind(amount), ind(balance)])
    return table(rows)


def bri_cms(mark: str = ",", balances: bool = True) -> bytes:
    return text([
        mark.join("NOREK TGL_TRAN TGL_EFEKTIF JAM_TRAN SEQ DESK_TRAN SALDO_AWAL_MUTASI MUTASI_DEBET MUTASI_KREDIT "
                  "SALDO_AKHIR_MUTASI".split()),
        *_each(lambda at, day, amount, said, balance: mark.join((
            "020601000123456", f"{day} 00:00:00", f"{day} 00:00:00", "80101", str(at + 1), said,
            plain(balance - amount) if balances else "", *sides(amount, plain, "0.00"),
            plain(balance) if balances else ""))),
    ])  # fmt: skip


def bri_cms_id() -> bytes:
    return text([
        "ID,NOREK,TGL_TRAN,TGL_EFEKTIF,JAM_TRAN,SEQ,DESK_TRAN,SALDO_AWAL_MUTASI,MUTASI_DEBIT,MUTASI_KREDIT",
        *_each(lambda at, day, amount, said, balance: ",".join((
            str(900 + at), "020601000123456", str(day), str(day), "80101", str(at + 1), said, plain(balance - amount),
            *sides(amount, plain, "0.00")))),
    ])  # fmt: skip


def bri_cms_short() -> bytes:
    return text([
        "NOREK;020601000123456", "TGL_TRAN;DESK_TRAN;MUTASI_DEBET;MUTASI_KREDIT;SALDO_AKHIR_MUTASI",
        *_each(lambda at, day, amount, said, balance: ";".join((
            str(day), said, *sides(amount, plain, "0"), plain(balance)))),
    ])  # fmt: skip


def bri_ib() -> bytes:
    return text([
        "PT. BANK RAKYAT INDONESIA (PERSERO) Tbk.", "Laporan Mutasi Rekening", "No. Rekening : 0206-01-000123-45-6", "",
        "Tanggal Transaksi,Uraian Transaksi,Teller,Debet,Kredit,Saldo",
        *_each(lambda at, day, amount, said, balance: quoted(
            f"{day:%d/%m/%y}", said, "0000123", *sides(amount, ind, "0,00"), ind(balance))),
    ])  # fmt: skip


def bri_qlola() -> bytes:
    rows: list[list[object]] = [
        ["QLola by BRI"], ["Nomor Rekening", "0206-01-000123-45-6"], ["Periode", "01/08/2026 - 31/08/2026"],
        ["No", "Tanggal Transaksi", "Uraian Transaksi", "Teller", "Debet", "Kredit", "Saldo"],
    ]  # fmt: skip
    for at, (day, amount, said) in enumerate(ROWS):
        debit, credit = (abs(amount), 0) if amount < 0 else (0, amount)
        rows.append([at + 1, f"{day:%d-%m-%y}", said, "8888", debit, credit, BALANCES[at]])
    rows.append(["", "", "Total", "", OUT, IN, ""])
    return table(rows)


def bni_direct() -> bytes:
    return text([
        "BNI Direct - Mutasi Rekening", "Account No : 0000001234", "Account Name : PT SINAR",
        "Period : 01/08/2026 - 31/08/2026", "", "Post Date,Branch,Journal No.,Description,Debit,Credit,Balance",
        *_each(lambda at, day, amount, said, balance: ",".join((
            f"{day:%d/%m/%y} 10.15.30", "0998", str(7000 + at), quoted(said), *map(quoted, sides(amount, en, "0.00")),
            quoted(en(balance))))),
    ])  # fmt: skip


def bni_direct_xlsx() -> bytes:
    rows: list[list[object]] = [
        ["Laporan Mutasi Rekening BNI"], ["No. Rekening : 0000001234"], [],
        ["Tanggal Transaksi", "Keterangan", "Jumlah", "D/K", "Saldo"], ["01-Aug-26", "SALDO AWAL", "", "", OPENING],
    ]  # fmt: skip
    for (day, amount, said), balance in zip(ROWS, BALANCES, strict=True):
        date = f"{day.day:02d}-{_EN[day.month - 1]}-26"
        rows.append([date, said, abs(amount), "D" if amount < 0 else "K", balance])
    return table(rows)


def bni_mobile() -> bytes:
    rows: list[list[object]] = [
        ["BNI Mobile Banking - Mutasi Rekening"], ["No. Rekening : 0000001234"],
        ["Tanggal", "Keterangan", "Tipe", "Jumlah", "Saldo"],
    ]  # fmt: skip
    for (day, amount, said), balance in zip(ROWS, BALANCES, strict=True):
        rows.append([day, said, "DB" if amount < 0 else "CR", abs(amount), balance])
    return table(rows)


def bni_dbcr() -> bytes:
    return text([
        "No. Rekening : 0000001234", "No.,Post Date,Cabang,Journal No.,Deskripsi,Amount,Db/Cr",
        *_each(lambda at, day, amount, said, balance: ",".join((
            str(at + 1), dmy(day, "-"), "0998", str(7000 + at), quoted(said), quoted(en(amount)),
            "D" if amount < 0 else "C"))),
    ])  # fmt: skip


def bni_dbcr_balance() -> bytes:
    return text([
        "No. Rekening : 0000001234",
        "Posting Date,Effective Date,Branch,Journal,Transaction Description,Amount,DB/CR,Balance",
        *_each(lambda at, day, amount, said, balance: quoted(
            dmy(day), dmy(day), "0998", str(7000 + at), said, en(amount), "DB" if amount < 0 else "CR", en(balance))),
    ])  # fmt: skip


def cimb_octo() -> bytes:
    return text([
        "OCTO Biz, Mutasi, Agustus", "Rekening;800123456700;;;", "Tanggal;Deskripsi;Debit;Kredit;Saldo",
        *_each(lambda at, day, amount, said, balance: ";".join((
            f"{day.day:02d}-{_ID[day.month - 1]}-{day.year}", said, *sides(amount, ind, ""), ind(balance)))),
    ])  # fmt: skip


def cimb_xlsx() -> bytes:
    rows: list[list[object]] = [
        ["PT Bank CIMB Niaga Tbk"], ["Nomor Rekening", "800123456700"], [],
        ["Tgl. Txn", "Tgl. Valuta", "Deskripsi", "No. Ref/Cek", "Debit", "Kredit", "Saldo"],
    ]  # fmt: skip
    for at, (day, amount, said) in enumerate(ROWS):
        rows.append([dmy(day), dmy(day), said, str(900 + at), *sides(amount, en, "0.00"), en(BALANCES[at])])
    return table(rows)


MADE: dict[str, Callable[[], bytes]] = {
    "bca-bisnis-csv": bca_bisnis, "bca-individual-csv": bca_individual, "bca-yearless-csv": bca_yearless,
    "bca-mybca-xlsx": bca_mybca, "bca-html-xls": bca_html, "bca-preview-tsv": bca_preview,
    "bca-two-sides-csv": bca_two_sides, "mandiri-mcm-csv": mandiri_mcm, "mandiri-mcm-older": mandiri_older,
    "mandiri-kopra-csv": mandiri_kopra, "mandiri-livin-xlsx": mandiri_livin, "bri-cms-csv": bri_cms,
    "bri-cms-id-csv": bri_cms_id, "bri-cms-short-csv": bri_cms_short, "bri-ib-csv": bri_ib,
    "bri-qlola-xlsx": bri_qlola, "bni-direct-csv": bni_direct, "bni-direct-xlsx": bni_direct_xlsx,
    "bni-mobile-xlsx": bni_mobile, "bni-dbcr": bni_dbcr, "bni-dbcr-balance": bni_dbcr_balance,
    "cimb-octo-csv": cimb_octo, "cimb-octo-xlsx": cimb_xlsx,
}  # fmt: skip
