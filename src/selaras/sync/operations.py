"""The operations that people use, one door for the console and the command line.

Each takes an open ledger or a running hub and returns typed values; none prints, and none knows who asks. Those that
take a ledger run in the ledger's thread (`await desk(coverage, desk.ledger)`, never `desk.write`: what writes begins
a transaction of its own). Errors are `LedgerError`, `ConnectorError`, `WrongKey` and `UnknownConnector`, each one
sentence with its cure.
"""

from __future__ import annotations

from selaras.sync.adopting import Conflict
from selaras.sync.attention import BlockedGroup, BlockedItem, BlockedReport, Retried, Skipped, blocked, retry, skip
from selaras.sync.backfill import pause_backfill, resume_backfill, run_backfill, start_backfill
from selaras.sync.backfill_status import BackfillPlan, BackfillStatus, backfill_status, plan_backfill
from selaras.sync.catalogues import (
    Accepted,
    BadRow,
    Catalogues,
    accept_product,
    accept_products_by_rule,
    export_products,
    import_products,
    products,
)
from selaras.sync.certificate import Certified, certificate, certify, check_certificate
from selaras.sync.connecting import (
    Connected,
    ConnectionInfo,
    check_connection,
    connect,
    connection_type,
    connections,
    finish_sign_in,
    make_pair,
    policy_with,
    remove_connection,
    remove_pair,
    set_schedule,
    sign_in_here,
    signing_in,
)
from selaras.sync.coverage import CoverageReport, CoverageRow, coverage
from selaras.sync.decisions import (
    Candidate,
    Decided,
    Standing,
    Tie,
    Undone,
    contact_ties,
    decide_contact,
    decisions,
    undo,
)
from selaras.sync.differences import (
    DifferenceDecided,
    DifferenceItem,
    FieldDifference,
    differences,
    keep_books,
    restore,
)
from selaras.sync.explain import Explanation, explain, explain_record
from selaras.sync.linking import DocumentLinked, link_document
from selaras.sync.objectives import Accuracy, DayObjectives, Objectives, measure_stock, objectives
from selaras.sync.preview import PlannedDocument, PlanReport, RecordPlan, StockChange, plan
from selaras.sync.replanning import Replanned, replan
from selaras.sync.stock_history import Offered, StockHistory, explain_stock
from selaras.sync.sweeping import SweepReport, sweep
from selaras.sync.unique_amount_accounts import AmountAccount, amount_accounts, set_amount_account
from selaras.sync.unique_amounts import UniqueAmount, release_amount, renew_amount, reserve_amount, unique_amounts

__all__ = [
    "Accepted",
    "Accuracy",
    "AmountAccount",
    "BackfillPlan",
    "BackfillStatus",
    "BadRow",
    "BlockedGroup",
    "BlockedItem",
    "BlockedReport",
    "Candidate",
    "Catalogues",
    "Certified",
    "Conflict",
    "Connected",
    "ConnectionInfo",
    "CoverageReport",
    "CoverageRow",
    "DayObjectives",
    "Decided",
    "DifferenceDecided",
    "DifferenceItem",
    "DocumentLinked",
    "Explanation",
    "FieldDifference",
    "Objectives",
    "Offered",
    "PlanReport",
    "PlannedDocument",
    "RecordPlan",
    "Replanned",
    "Retried",
    "Skipped",
    "Standing",
    "StockChange",
    "StockHistory",
    "SweepReport",
    "Tie",
    "Undone",
    "UniqueAmount",
    "accept_product",
    "accept_products_by_rule",
    "amount_accounts",
    "backfill_status",
    "blocked",
    "certificate",
    "certify",
    "check_certificate",
    "check_connection",
    "connect",
    "connection_type",
    "connections",
    "contact_ties",
    "coverage",
    "decide_contact",
    "decisions",
    "differences",
    "explain",
    "explain_record",
    "explain_stock",
    "export_products",
    "finish_sign_in",
    "import_products",
    "keep_books",
    "link_document",
    "make_pair",
    "measure_stock",
    "objectives",
    "pause_backfill",
    "plan",
    "plan_backfill",
    "policy_with",
    "products",
    "release_amount",
    "remove_connection",
    "remove_pair",
    "renew_amount",
    "replan",
    "reserve_amount",
    "restore",
    "resume_backfill",
    "retry",
    "run_backfill",
    "set_amount_account",
    "set_schedule",
    "sign_in_here",
    "signing_in",
    "skip",
    "start_backfill",
    "sweep",
    "undo",
    "unique_amounts",
]
