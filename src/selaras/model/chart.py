"""What the books are made of: accounts, taxes, warehouses and dimensions, to which a mapping points.

Books connectors that can list them declare the source kinds `account`, `tax`, `warehouse` and `dimension`; `changed`
and `read` then give these values. Ids are the books' own and are what a mapping keeps.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

import msgspec

AccountType = Literal[
    "receivable", "payable", "bank", "cash", "inventory", "asset", "liability", "tax", "equity", "income", "cost",
    "expense", "other",
]  # fmt: skip


class Account(msgspec.Struct, frozen=True, omit_defaults=True):
    """An account that entries can be made on (groups are left out). `currency` is "" when it takes any."""

    id: str
    name: str
    type: AccountType = "other"
    code: str = ""
    currency: str = ""
    active: bool = True


class TaxCode(msgspec.Struct, frozen=True, omit_defaults=True):
    """A tax for sales. `rate` is a fraction (0.11); `place` is the country or region it is for ("" = any)."""

    id: str
    name: str
    rate: Decimal
    place: str = ""
    active: bool = True


class Warehouse(msgspec.Struct, frozen=True, omit_defaults=True):
    """A place where the books keep stock."""

    id: str
    name: str
    active: bool = True


class Dimension(msgspec.Struct, frozen=True, omit_defaults=True):
    """A value by which the books sort entries; `kind` is branch, department, project or cost_center."""

    id: str
    kind: str
    name: str
    active: bool = True
