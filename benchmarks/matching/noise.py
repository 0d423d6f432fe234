"""Lines that pay no order: chat sales, owners' deposits, suppliers, interest, fees, and everything that goes out."""

from __future__ import annotations

from benchmarks.matching import texts, words
from benchmarks.matching.book import RP, Book, Detail, money


def day(book: Book, today: int, paid: int) -> None:
    """The day's lines beside the payments; `paid` is how many payments the day had."""
    habits, rng = book.habits, book.rng
    for share, write in ((habits.noise_offline, _offline), (habits.noise_other, _other), (habits.debits, _debit)):
        wanted = share * paid
        many = int(wanted) + (1 if rng.random() < wanted - int(wanted) else 0)
        for _ in range(many):
            write(book, today)
    if book.date(today + 1).day == 1:
        interest = 500_000 + book.below(3_000_000)
        book.line(today, interest, "IDR", "BUNGA", Detail("noise_interest"))
        book.line(today, -(interest // 5), "IDR", "PAJAK BUNGA", Detail("debit"))
        book.line(today, -15_000 * RP, "IDR", "BIAYA ADM", Detail("debit"))


def _offline(book: Book, today: int) -> None:
    """A sale by chat that the store never saw: the same goods, a price without code, a stranger's name."""
    rng = book.rng
    amount = book.price()
    name = "" if rng.random() < book.habits.name_missing else texts.cut(words.person(rng))
    message = words.WORDS[book.below(len(words.WORDS))] if rng.random() < book.habits.writes_words else ""
    bank = texts.pick_bank(rng)
    text = texts.transfer(
        rng, bank, rng.random() < 0.65, False, name, message, money(amount), book.date(today), book.below(10**6)
    )
    book.line(today, amount, "IDR", text, Detail("noise_offline", "", "stranger", "none", bank, name, message))


def _other(book: Book, today: int) -> None:
    """The owner puts money in, or a supplier gives some back."""
    rng = book.rng
    bank = texts.pick_bank(rng)
    shape = rng.random()
    if shape < 0.35:
        amount = (1 + book.below(20)) * 500_000 * RP
        book.line(today, amount, "IDR", "SETORAN TUNAI", Detail("noise_owner", bank=bank))
    elif shape < 0.6:
        amount = (1 + book.below(100)) * 100_000 * RP
        text = texts.transfer(rng, bank, True, False, "HARTONO WIRAWAN", "MODAL", money(amount), book.date(today), 77)
        book.line(today, amount, "IDR", text, Detail("noise_owner", bank=bank, name="HARTONO WIRAWAN", message="MODAL"))
    else:
        amount = (20_000 + book.below(1_500_000)) * RP
        name = texts.cut(words.SUPPLIERS[book.below(len(words.SUPPLIERS))])
        message = ("REFUND", "RETUR BARANG", "KELEBIHAN BAYAR", f"NOTA {1000 + book.below(9000)}")[book.below(4)]
        text = texts.transfer(rng, bank, True, True, name, message, money(amount), book.date(today), 99)
        book.line(today, amount, "IDR", text, Detail("noise_supplier", bank=bank, name=name, message=message))


def _debit(book: Book, today: int) -> None:
    """Money that goes out: suppliers, fees, and refunds that name an order and its exact amount."""
    rng = book.rng
    shape = rng.random()
    date = book.date(today)
    if shape < 0.35 and book.orders:
        order = book.orders[max(0, len(book.orders) - 1 - book.below(400))]
        name = texts.cut(book.buyers[order.buyer].name)
        text = f"TRSF E-BANKING DB {date:%d%m}/FTSCY/WS95051 {money(order.total):>16}REFUND {order.number:<12}{name}"
        book.line(today, -order.total, order.currency, text, Detail("debit"))
    elif shape < 0.6:
        book.line(today, -2500 * RP, "IDR", f"BIAYA TXN KE 014 {texts.cut(words.person(rng))}", Detail("debit"))
    else:
        amount = (50_000 + book.below(5_000_000)) * RP
        name = texts.cut(words.SUPPLIERS[book.below(len(words.SUPPLIERS))])
        text = f"TRSF E-BANKING DB {date:%d%m}/FTFVA/WS95051 14313/{name} - - 22000{book.below(10**5):05d}"
        book.line(today, -amount, "IDR", text, Detail("debit"))
