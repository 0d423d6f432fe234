"""What an account must be to play a role, and what such accounts are called in Indonesian and English charts.

The synonyms are those of charts of accounts in use in Indonesia (the default chart of Jurnal, its English twin, and the
names seen in Accurate, Kledo and marketplace guides). They never decide alone: an account's type must agree first.
"""

from __future__ import annotations

from typing import Final

import msgspec

from selaras.model.chart import AccountType


class RoleWords(msgspec.Struct, frozen=True):
    """A role: the types that it asks for, those that will do, the first digits of its codes, and its names.

    `strong` types say it by themselves (a receivable is a receivable); among `weak` ones only a name does. `names` come
    best first; `never` are names that look alike and mean something else. With `alone` the only account of a strong
    type is taken whatever its name.
    """

    strong: frozenset[AccountType]
    weak: frozenset[AccountType]
    digits: str
    names: tuple[str, ...]
    never: tuple[str, ...] = ()
    alone: bool = False


def _role(strong: str, weak: str, digits: str, names: str, never: str = "", *, alone: bool = False) -> RoleWords:
    return RoleWords(
        msgspec.convert(strong.split(), frozenset[AccountType]),
        msgspec.convert(weak.split(), frozenset[AccountType]),
        digits,
        tuple(name.strip() for name in names.split(";") if name.strip()),
        tuple(name.strip() for name in never.split(";") if name.strip()),
        alone,
    )


ROLES: Final[dict[str, RoleWords]] = {
    "receivable": _role(
        "receivable", "asset", "1",
        "Piutang Usaha; Accounts Receivable; Account Receivable; Piutang Dagang; Piutang Pelanggan; Trade Receivables; "
        "Debtors; A/R",
        "Hutang Usaha; Utang Usaha; Piutang Karyawan; Employee Receivable; Piutang Lain; Other Receivable; "
        "Piutang Belum Ditagih; Unbilled; Cadangan; Penyisihan; Allowance; Piutang QRIS; Piutang EDC",
        alone=True,
    ),
    "sales": _role(
        "income", "", "4",
        "Penjualan; Sales; Pendapatan; Pendapatan Usaha; Penjualan Barang; Sales Revenue; Sales Income; Product Sales; "
        "Revenue",
        "Retur; Return; Refund; Diskon; Discount; Potongan; Belum Ditagih; Unbilled; Bunga; Interest; Lain; Other; "
        "Denda; Ongkos Kirim; Ongkir; Shipping; Diterima; Pembulatan; Rounding",
        alone=True,
    ),
    "return": _role(
        "income", "expense", "4",
        "Retur Penjualan; Sales Returns; Sales Return; Pengembalian Penjualan; Sales Refund; Return Penjualan",
        "Retur Pembelian; Purchase Return",
    ),
    "discount": _role(
        "income", "expense", "46",
        "Diskon Penjualan; Sales Discount; Sales Discounts; Potongan Penjualan; Discount Penjualan; Discounts Given",
        "Potongan Pembelian; Diskon Pembelian; Purchase Discount",
    ),
    "shipping": _role(
        "income", "liability", "472",
        "Pendapatan Ongkos Kirim; Pendapatan Ongkir; Shipping Income; Shipping Charged; Pendapatan Pengiriman; "
        "Freight Income; Delivery Income",
        "Beban Ongkos Kirim; Beban Pengiriman; Pengiriman & Pengangkutan; Freight In; Shipping Expense",
    ),
    "fee": _role(
        "income", "liability", "47",
        "Pendapatan Layanan; Service Fee Income; Pendapatan Biaya Layanan; Pendapatan Biaya Admin; Handling Fee; "
        "Other Income; Pendapatan Lain-lain; Pendapatan Lain - lain",
        "Beban; Biaya Admin Bank; Komisi; Bunga; Interest",
    ),
    "rounding": _role(
        "income expense", "", "4678",
        "Selisih Pembulatan; Pembulatan; Rounding; Rounding Difference; Rounding Off; Round Off",
        "Selisih Kurs; Exchange",
    ),
    "output_tax": _role(
        "tax", "liability", "2",
        "PPN Keluaran; Output VAT; Output Tax; PPN Penjualan; Hutang PPN; Utang PPN; VAT Out; Pajak Keluaran; "
        "Sales Tax Payable; VAT Payable; GST Collected",
        "PPN Masukan; PPN Pembelian; VAT In; Pajak Masukan; Input VAT; Input Tax; PPh",
    ),
    "deposits": _role(
        "", "liability receivable", "21",
        "Uang Muka Pelanggan; Customer Deposits; Uang Muka Penjualan; Titipan Pelanggan; Deposit Pelanggan; "
        "Advances from Customers; Pendapatan Diterima Di Muka; Pendapatan Diterima Dimuka; Unearned Revenue; "
        "Deferred Revenue; Liabilitas Kontrak",
        "Biaya Dibayar Di Muka; Prepaid; Uang Muka Pembelian; Advance to Supplier",
    ),
    "transfer_fee": _role(
        "expense", "income", "56",
        "Biaya Administrasi Bank; Beban Administrasi Bank; Biaya Admin Bank; Biaya Transfer; Beban Bank; Bank Charges; "
        "Bank Fees; Bank Fee; Biaya Bank",
        "Bunga; Interest; Pendapatan",
    ),
    "withholding": _role(
        "asset tax", "expense liability", "1",
        "PPh 23 Dibayar Di Muka; Pajak Dibayar Di Muka PPh 23; Uang Muka PPh 23; PPh Pasal 23; Prepaid PPh 23; "
        "Prepaid Income Tax; Withholding Tax Receivable; Kredit Pajak PPh 23",
        "Hutang PPh; Utang PPh; PPN; PPh 21; PPh 25; PPh 29",
    ),
    "exchange": _role(
        "income expense", "", "4678",
        "Selisih Kurs; Laba Rugi Selisih Kurs; Laba (Rugi) Selisih Kurs; Pendapatan Selisih Kurs; "
        "Keuntungan Selisih Kurs; Exchange Differences; Exchange Gain/Loss; Foreign Exchange Gain; "
        "Exchange Gain or Loss; Foreign Exchange; Currency Exchange; Realized Gain/Loss; Laba Rugi Kurs",
        "Belum Direalisasi; Belum Terealisasi; Unrealized; Unrealised; Pembulatan; Rounding",
    ),
    # Where money lies: by the way of paying.
    "bank": _role("bank", "asset", "1", "Rekening Bank; Bank; Bank Account; Checking", "Hutang Bank; Bank Loan; Giro"),
    "cash": _role("cash", "bank asset", "1", "Kas; Cash; Cash on Hand; Kas Toko; Petty Cash; Kas Kecil",
                  "Kas dalam Perjalanan"),
    "clearing": _role(
        "", "asset bank cash receivable", "1",
        "Dana Belum Disetor; Undeposited Funds; Kas dalam Perjalanan; Gateway Clearing; Payment Clearing; Clearing; "
        "Piutang QRIS; Piutang EDC; Saldo Marketplace; Saldo Payment Gateway; Funds in Transit",
    ),
}  # fmt: skip

# Ways of paying that everybody names alike → the kind of account that their money reaches first.
METHODS: Final[dict[str, str]] = {
    "transfer": "bank", "bank": "bank", "bank_transfer": "bank", "bacs": "bank", "cash": "cash", "tunai": "cash",
    "cod": "cash", "qris": "clearing", "card": "clearing", "credit_card": "clearing", "va": "clearing",
    "ewallet": "clearing", "gopay": "clearing", "ovo": "clearing", "dana": "clearing", "shopeepay": "clearing",
    "midtrans": "clearing", "xendit": "clearing", "stripe": "clearing", "paypal": "clearing",
}  # fmt: skip

_MONEY: Final[frozenset[AccountType]] = frozenset(("bank", "cash", "asset", "receivable", "other"))
# Where a person may put a role although no proposal would: shipping that is passed on against its cost, for instance.
_ALSO: Final[dict[str, frozenset[AccountType]]] = {
    "shipping": frozenset(("expense", "cost")),
    "fee": frozenset(("expense", "cost")),
    "discount": frozenset(("cost",)),
    "return": frozenset(("cost",)),
    "rounding": frozenset(("cost",)),
    "deposits": frozenset(("asset",)),
}


def type_fits(role: str, kind: AccountType) -> bool:
    """Whether an account of this type may play the role at all ("method": may hold money)."""
    if role == "method":
        return kind in _MONEY
    words = ROLES.get(role)
    return kind == "other" or words is None or kind in words.strong | words.weak | _ALSO.get(role, frozenset())
