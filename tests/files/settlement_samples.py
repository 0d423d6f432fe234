"""Settlement files as their makers write them, by the public descriptions of their columns (`settlement_forms`)."""

from __future__ import annotations

import csv
import datetime as dt
import io
from pathlib import Path

Rows = list[list[object]]

MIDTRANS: Rows = [
    ["Order ID", "Date & Time", "Transaction Type", "Channel", "Amount", "Fee", "Net Amount", "Withdrawal ID",
     "Completed Date", "Refund Type", "Sender", "Receiver"],
    ["1001", "2026-11-18 09:00:00", "Payment", "bank_transfer", "100000.00", "4440.00", "95560.00", "WD-77",
     "2026-11-20 10:00:00", "", "", ""],
    ["1002-wc-mdtrs-1763450000", "2026-11-18 10:00:00", "Payment", "qris", "250000.00", "1750.00", "248250.00",
     "WD-77", "2026-11-20 10:00:00", "", "", ""],
    ["1001", "2026-11-19 10:00:00", "Refund", "bank_transfer", "-30000.00", "0", "-30000.00", "WD-77",
     "2026-11-20 10:00:00", "Normal Refund", "", ""],
    ["0999", "2026-11-19 11:00:00", "Refund", "credit_card", "50000.00", "0", "50000.00", "WD-77",
     "2026-11-20 10:00:00", "Chargeback", "", ""],
]  # fmt: skip
XENDIT: Rows = [
    ["Status", "Type", "Channel", "Channel Name", "Account Number", "Currency", "Amount", "Total Fee", "Total VAT",
     "Net Amount", "Reference", "Transaction ID", "Invoice ID", "Batch ID", "Product ID", "Payment Date",
     "Timestamp - Created", "Timestamp - Updated", "Estimated Settlement Time", "Actual Settlement Time", "Timezone",
     "Description", "Channel Reference", "Settlement Status"],
    ["SUCCESS", "PAYMENT", "VIRTUAL_ACCOUNT", "BCA", "", "IDR", "100000", "5000", "550", "94450", "INV-1", "txn_1", "",
     "", "py-1", "", "", "", "", "2026-11-19T18:30:00Z", "+0000 UTC", "", "", "Settled"],
    ["SUCCESS", "PAYMENT", "QR_CODE", "QRIS", "", "IDR", "50000", "350", "39", "49611", "INV-2", "txn_2", "", "",
     "py-2", "", "", "", "", "2026-11-20 03:00:00", "+0000 UTC", "", "", "Early settled"],
    ["SUCCESS", "REFUND", "QR_CODE", "QRIS", "", "IDR", "20000", "0", "0", "20000", "INV-2", "txn_3", "", "", "rfd-1",
     "", "", "", "", "2026-11-20 03:00:00", "+0000 UTC", "", "", ""],
    ["SUCCESS", "PAYMENT", "CARDS", "VISA", "", "IDR", "90000", "0", "0", "90000", "INV-3", "txn_4", "", "", "py-3",
     "", "", "", "2026-11-25T00:00:00Z", "", "+0000 UTC", "", "", "Pending"],
    ["FAILED", "PAYMENT", "CARDS", "VISA", "", "IDR", "90000", "0", "0", "90000", "INV-4", "txn_5", "", "", "py-4", "",
     "", "", "", "", "+0000 UTC", "", "", ""],
    ["SUCCESS", "WITHDRAWAL", "BANK", "BCA", "", "IDR", "124061", "0", "0", "124061", "w1", "txn_6", "", "", "", "",
     "", "", "", "", "+0000 UTC", "", "", ""],
]  # fmt: skip
BALANCE: Rows = [
    ["Withdrawal date", "Status", "Transaction ID", "Transaction Type", "Line Type", "Payment Channel", "Reference",
     "Currency", "Amount", "Balance", "Debit or Credit", "Created Date ISO", "Time Zone"],
    ["2026-11-20", "COMPLETED", "t1", "PAYMENT", "TRANSACTION", "BCA", "INV-1", "IDR", "100000", "100000", "CREDIT",
     "", ""],
    ["2026-11-20", "COMPLETED", "t1", "PAYMENT", "FEE", "BCA", "INV-1", "IDR", "5000", "95000", "DEBIT", "", ""],
    ["2026-11-20", "COMPLETED", "t1", "PAYMENT", "VAT", "BCA", "INV-1", "IDR", "550", "94450", "DEBIT", "", ""],
    ["2026-11-20", "COMPLETED", "t2", "REFUND", "TRANSACTION", "BCA", "INV-0", "IDR", "30000", "64450", "DEBIT", "",
     ""],
    ["2026-11-20", "COMPLETED", "t3", "DISBURSEMENT", "TRANSACTION", "BCA", "gaji", "IDR", "10000", "54450", "DEBIT",
     "", ""],
    ["2026-11-20", "COMPLETED", "t3", "DISBURSEMENT", "FEE", "BCA", "gaji", "IDR", "2500", "51950", "DEBIT", "", ""],
    ["2026-11-20", "COMPLETED", "t1", "PAYMENT", "FEE_REVERSAL", "BCA", "INV-1", "IDR", "1000", "52950", "CREDIT", "",
     ""],
    ["2026-11-20", "COMPLETED", "t9", "WITHDRAWAL", "TRANSACTION", "BCA", "w", "IDR", "52950", "0", "DEBIT", "", ""],
]  # fmt: skip
DOKU: Rows = [
    ["No", "Invoice Number", "Channel", "Transaction Date", "Amount", "MDR", "VAT", "Settlement Amount",
     "Settlement Date", "Batch ID"],
    ["1", "INV/2026/1", "VA BCA", "19/11/2026", "Rp 1.500.000", "Rp 4.000", "Rp 440", "Rp 1.495.560", "20/11/2026",
     "B-1"],
    ["2", "INV/2026/2", "QRIS", "19/11/2026", "Rp 100.000", "Rp 700", "Rp 77", "Rp 99.223", "20/11/2026", "B-1"],
    ["", "Total", "", "", "Rp 1.600.000", "Rp 4.700", "Rp 517", "Rp 1.594.783", "", ""],
]  # fmt: skip
SHOPEE: Rows = [
    ["Laporan Penghasilan"], ["Toko", "toko-kita"], [],
    ["No.", "No. Pesanan", "No. Pengajuan", "Username (Pembeli)", "Waktu Pesanan Dibuat", "Metode pembayaran pembeli",
     "Tanggal Dana Dilepaskan", "Harga Asli Produk", "Total Diskon Produk", "Jumlah Pengembalian Dana ke Pembeli",
     "Voucher disponsor oleh Penjual", "Ongkir Dibayar Pembeli", "Gratis Ongkir dari Shopee",
     "Ongkir yang Diteruskan oleh Shopee ke Jasa Kirim", "Biaya Komisi AMS", "Biaya Administrasi (termasuk PPN 11%)",
     "Biaya Layanan", "Biaya Proses Pesanan", "Premi", "Total Penghasilan", "Kode Voucher", "Kompensasi"],
    [1, "2611180001", "", "budi", "2026-11-15", "ShopeePay", "2026-11-20", 200000, -20000, 0, -5000, 10000, 8000,
     -18000, 0, -11375, -7000, -1250, -350, 155025, "", 0],
    [2, "2611180002", "R-1", "ani", "2026-11-15", "COD", "2026-11-20", 100000, 0, -100000, 0, 0, 0, 0, 0, 0, 0, -1250,
     0, -1250, "", 0],
]  # fmt: skip
SHOPEE_CORRECTIONS: Rows = [
    ["No.", "Tanggal Penyesuaian Dibuat", "Tipe Penyesuaian | Deskripsi", "Alasan Penyesuaian", "Biaya Penyesuaian",
     "No. Pesanan Terhubung", "Tanggal Dana Dilepaskan"],
    [1, "2026-11-19", "Kompensasi | barang hilang", "hilang", 45000, "2611100009", "2026-11-20"],
    [2, "2026-11-19", "Penyesuaian ongkir", "berat", -3000, "2611100010", "2026-11-20"],
]  # fmt: skip
TIKTOK: Rows = [
    ["Order/adjustment ID  ", "Type ", "Order created time", "Order settled time", "Currency",
     "Total settlement amount", "Total Revenue", "Subtotal after seller discounts",
     "Refund subtotal after seller discounts", "Total Fees", "Platform commission fee", "Order processing fee",
     "Article 22 Income Tax withheld", "Ajustment amount", "Related order ID"],
    ["580001", "Order", "2026/11/10", "2026/11/20", "IDR", "92750", "100000", "100000", "0", "-7250", "-6000", "-1250",
     "0", "0", "580001"],
    ["580002", "Order", "2026/11/10", "2026/11/20", "IDR", "28750", "30000", "80000", "-50000", "-1250", "0", "-1250",
     "0", "0", "580002"],
    ["ADJ-9", "Logistics reimbursement", "2026/11/12", "2026/11/20", "IDR", "15000", "0", "0", "0", "0", "0", "0",
     "0", "15000", "580000"],
]  # fmt: skip

COURIER: Rows = [
    ["Nomor Resi", "Nomor Pesanan", "Nilai COD", "Ongkos Kirim", "Biaya COD", "PPN", "Jumlah Transfer",
     "Tanggal Transfer", "Nomor Transfer"],
    ["JX001", "1001", "150.000", "12.000", "3.000", "330", "134.670", "20/11/2026", "TRF-9"],
    ["JX002", "1002", "75.000", "9.000", "1.500", "165", "64.335", "20/11/2026", "TRF-9"],
]  # fmt: skip


def as_csv(path: Path, rows: Rows, *, delimiter: str = ",", encoding: str = "utf-8") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))
    return path


def as_xlsx(path: Path, sheets: dict[str, Rows]) -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append([dt.datetime.fromisoformat(str(c)) if _is_day(c) else c for c in row])
    book.save(path)
    return path


def _is_day(cell: object) -> bool:
    return isinstance(cell, str) and len(cell) == 10 and cell[4] == cell[7] == "-" and cell[:4].isdigit()
