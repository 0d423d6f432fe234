"""Why an order was cancelled: for lack of stock, or for another reason (M11).

Stores say it with a word of their own (`inventory` in Shopify's orders, `out_of_stock` in many), or an admin writes a
sentence. Words of both languages are looked for; a reason that says the opposite ("in stock") does not count.
"""

from __future__ import annotations

import re
from typing import Final

# Shopify Admin API, OrderCancelReason.INVENTORY: "Staff made an error / items were unavailable" is told as `inventory`.
_WORDS: Final = re.compile(
    r"""\b(?: inventory
    | (?: out | lack | shortage | short | run\s+out ) [\s_-]* (?: of )? [\s_-]* stocks?
    | oos | oversold | oversell | sold [\s_-]* out
    | stock [\s_-]* (?: out | empty | unavailable | shortage )
    | (?: items? | products? | goods | stock ) [\s_-]+ (?: is | are | was | were )? [\s_-]*
      (?: not | un ) [\s_-]* available
    | unavailab\w* [\s_-] (?: of [\s_-] )? (?: goods | items? | stock )
    | (?: stok | stock | barang | produk ) [\s_-]+ (?: (?: sudah | sedang | telah | lagi ) \s+ )?
      (?: habis | kosong | kurang )
    | (?: stok | barang | produk ) [\s_-]+ (?: tidak | tdk | tak ) [\s_-]+ (?: tersedia | ada | cukup | mencukupi )
    | (?: kehabisan | ketiadaan | kekurangan | kekosongan ) [\s_-]+ (?: stok | barang )
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


def for_lack_of_stock(reason: str) -> bool:
    """Whether a cancellation's reason says that the goods were not there."""
    return bool(_WORDS.search(reason))
