"""Which reasons of a cancellation say that the goods were not there."""

from __future__ import annotations

import pytest

from selaras.rules.cancellations import for_lack_of_stock


@pytest.mark.parametrize(
    "reason",
    (
        "inventory|out_of_stock|Out of stock|out-of-stock|OUT OF STOCK!|stok habis|Stok habis|stock habis|"
        "barang kosong|stok sudah habis|Barang tidak tersedia|kehabisan stok|kekurangan stok|sold out|"
        "item not available|items are not available|lack of stock|oversold|stok tidak cukup|stok lagi kosong"
    ).split("|"),
)
def test_for_lack_of_stock(reason: str) -> None:
    assert for_lack_of_stock(reason)


@pytest.mark.parametrize(
    "reason",
    (
        "|customer|fraud|payment_failed|berubah pikiran|salah alamat|in stock|stok masih ada|expired|duplicate order|"
        "shipping too slow|barang rusak"
    ).split("|"),
)
def test_for_another_reason(reason: str) -> None:
    assert not for_lack_of_stock(reason)
