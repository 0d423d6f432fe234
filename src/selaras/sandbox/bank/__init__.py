"""A bank that keeps accounts and exports statements, and a gateway's settlement reports: files for a watched folder.

For tests and the demonstration. It knows only the model, so that it cannot agree with Selaras by sharing its code.
"""

from __future__ import annotations

from selaras.sandbox.bank.accounts import BankAccount, Movement
from selaras.sandbox.bank.reports import Collected, fee_of, midtrans_csv, net_of, xendit_csv
from selaras.sandbox.bank.statements import bca_csv, mt940

__all__ = [
    "BankAccount",
    "Collected",
    "Movement",
    "bca_csv",
    "fee_of",
    "midtrans_csv",
    "mt940",
    "net_of",
    "xendit_csv",
]
