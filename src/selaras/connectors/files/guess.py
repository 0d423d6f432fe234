"""Which kind of table a file is, and which column means what, guessed from its header in English and Indonesian.

The guess only ever fills columns whose headers say one thing; what it came to is shown by `selaras files preview` and
can be saved as a profile of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from selaras.connectors.files.fields import FIELDS, NEEDED
from selaras.connectors.files.profiles import Profile, folded

GENERIC: Final = "generic"

SYNONYMS: Final[dict[str, dict[str, str]]] = {
    "order": {
        "order_number": "order no|order number|nomor pesanan|no pesanan|nomor order|no order|order|no invoice|"
        "nomor invoice|invoice number|order id|id pesanan|no transaksi|nomor transaksi",
        "status": "order status|status pesanan|status terakhir",
        "placed_at": "order date|date|created at|order created|created time|tanggal|tanggal pesanan|tgl pesanan|"
        "waktu pesanan dibuat|tanggal order|tanggal transaksi|tanggal pembayaran",
        "updated_at": "updated|modified|last modified|diubah|tanggal diubah",
        "currency": "mata uang",
        "total": "order total|grand total|total pesanan|total order|total belanja|jumlah total",
        "buyer_name": "customer|customer name|buyer|name|nama pembeli|pembeli|nama pelanggan|pelanggan|nama penerima|"
        "penerima|nama",
        "buyer_email": "email|e mail|customer email|surel|email pembeli",
        "buyer_phone": "phone|telephone|mobile|customer phone|no telepon|telepon|no hp|hp|nomor hp|no telp|"
        "nomor telepon|whatsapp",
        "address": "shipping address|alamat|alamat pengiriman|alamat lengkap",
        "city": "kota|kota kabupaten|kabupaten",
        "province": "provinsi|state",
        "postcode": "zip|postal code|kode pos",
        "country": "negara",
        "product_code": "sku|code|item code|product sku|seller sku|kode barang|kode produk|kode|nomor referensi sku|"
        "no sku|sku penjual",
        "product_name": "product|item|item name|description|nama barang|nama produk|barang|produk",
        "quantity": "qty|jumlah|jumlah barang|kuantitas|jml|banyak|jumlah produk",
        "unit_price": "price|unit price|harga|harga satuan|harga jual|harga jual idr|harga barang",
        "line_discount": "discount|diskon|potongan",
        "line_total": "subtotal|line total|total harga|total harga produk",
        "line_tax": "tax|ppn|pajak",
        "tax_rate": "tax rate|tarif ppn|tarif pajak",
        "shipping": "shipping fee|shipping cost|delivery fee|ongkir|ongkos kirim|biaya kirim|biaya pengiriman|"
        "ongkos kirim idr",
        "fee": "biaya lain|biaya layanan|service fee",
        "order_discount": "order discount|diskon pesanan|voucher|potongan pesanan",
        "paid_at": "paid date|payment date|tanggal bayar|tanggal pembayaran|waktu pembayaran",
        "paid_amount": "amount paid|jumlah dibayar|total pembayaran|dibayar",
        "payment_method": "payment|payment method|metode pembayaran|cara bayar|pembayaran",
        "tracking": "tracking number|no resi|nomor resi|resi",
        "courier": "shipping method|kurir|ekspedisi|jasa kirim",
        "shipped_at": "shipped|tanggal kirim|tanggal pengiriman",
        "cancel_reason": "alasan pembatalan|alasan batal",
        "note": "notes|catatan|catatan pembeli|keterangan",
    },
    "product": {
        "code": "sku|item code|product code|kode barang|kode produk|kode",
        "id": "product id|item id|id produk|id barang",
        "name": "product name|item name|product|nama barang|nama produk|nama|title|description",
        "price": "unit price|selling price|harga|harga jual",
        "currency": "mata uang",
        "parent": "parent sku|sku induk|induk",
        "active": "aktif|status",
    },
    "stock": {
        "code": "sku|item code|product code|kode barang|kode produk|kode",
        "on_hand": "stock|quantity|qty|on hand|stok|jumlah|jumlah stok|saldo|saldo stok|persediaan",
        "reserved": "allocated|committed|dipesan|terpesan",
        "location": "warehouse|gudang|lokasi",
    },
    "contact": {
        "id": "customer id|contact id|code|customer code|kode pelanggan|kode kontak|kode|id pelanggan",
        "name": "customer|customer name|contact|nama|nama pelanggan|nama kontak",
        "email": "e mail|surel|alamat email",
        "phone": "telephone|mobile|telepon|no telepon|no hp|hp|no telp|nomor telepon|whatsapp",
        "contact_kind": "type|tipe|jenis",
        "reference": "ref|referensi",
        "active": "aktif",
    },
    "account": {"id": "code|kode|kode akun|no akun", "name": "nama|nama akun|account", "type": "tipe|jenis|tipe akun"},
    "tax": {"id": "code|kode|kode pajak", "name": "nama|nama pajak|tax", "rate": "tarif|persen|percent"},
    "warehouse": {"id": "code|kode|kode gudang", "name": "nama|nama gudang|gudang"},
    "dimension": {"id": "code|kode", "dimension_kind": "kind|jenis", "name": "nama"},
}
# The beginning of a file's name → its kind, most telling first.
NAMES: Final = (
    ("order", "order pesanan penjualan sales transaksi"),
    ("stock", "stock stok persediaan inventory"),
    ("product", "product produk barang item katalog catalog"),
    ("contact", "contact kontak customer pelanggan"),
    ("account", "account akun coa"),
    ("tax", "tax pajak"),
    ("warehouse", "warehouse gudang"),
    ("dimension", "dimension dimensi"),
)  # fmt: skip
# Without a telling name: kinds whose needed columns are hardly ever in another kind's table, in this order.
_BY_HEADER: Final = ("order", "stock", "product", "contact")


def kind_of_name(file: str) -> str:
    """The kind that a file's name speaks of, "" when it says none."""
    low = file.lower()
    for kind, words in NAMES:
        if any(low.startswith(word) for word in words.split()):
            return kind
    found = [kind for kind, words in NAMES if any(word in low for word in words.split())]
    return found[0] if len(found) == 1 else ""


def guess(file: str, header: Sequence[str], kinds: Sequence[str]) -> Profile | None:
    """A profile for a table with this header, or None when the columns that its kind needs are not all there."""
    named = kind_of_name(file)
    for kind in (named,) if named else _BY_HEADER:
        if kind not in kinds:
            continue
        profile = Profile(name=GENERIC, kind=kind, columns=_columns(kind, header))
        if profile.fits_header(header):
            return profile
    return None


def _columns(kind: str, header: Sequence[str]) -> dict[str, tuple[str, ...]]:
    by_fold: dict[str, str] = {}
    for text in header:
        if text:
            by_fold.setdefault(folded(text), text)
    found: dict[str, tuple[str, ...]] = {}
    used: set[str] = set()
    # Our own names first, so that a file in our columns is never read otherwise.
    for field in FIELDS[kind]:
        own = by_fold.get(folded(field))
        if own:
            found[field] = (own,)
            used.add(own)
    for field, words in SYNONYMS[kind].items():
        if field in found:
            continue
        hit = next((by_fold[w] for w in words.split("|") if w in by_fold and by_fold[w] not in used), None)
        if hit:
            found[field] = (hit,)
            used.add(hit)
    return {field: found[field] for field in FIELDS[kind] if field in found}


def looks_like_header(texts: Sequence[str], kinds: Sequence[str], file: str) -> bool:
    """Whether these cells are a header for the guess: all needed columns of a kind, and at least two."""
    return len([t for t in texts if t]) > 1 and guess(file, texts, kinds) is not None


assert all(set(SYNONYMS[kind]) <= set(FIELDS[kind]) for kind in SYNONYMS), "a synonym of no field"  # noqa: S101
assert set(NEEDED) == set(FIELDS), "a kind without needed columns"  # noqa: S101
