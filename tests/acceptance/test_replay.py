"""The replay of real invoices: every document is posted once or held by a rule, to the penny."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from selaras.cli.replay import Held, account, replay
from selaras.model.money import rounded
from selaras.sandbox.case import invoices


def told(what: str, done: int, of: int) -> None:
    """Progress is for people."""


async def test_the_excerpt_is_accounted_for() -> None:
    source = invoices.read(invoices.excerpt())
    result = await replay(source, None, told)
    assert result["ok"], result
    assert result["source"] == {"documents": 380, "total": "34969.22"}
    assert result["posted"] == {"documents": 288, "total": "46031.28"}
    assert {rule["cause"]: rule["documents"] for rule in result["rules"]} == {"nothing_to_invoice": 89, "adjustment": 3}
    assert (result["missing"], result["duplicated"], result["unequal"]) == (0, 0, "0.00")
    assert result["books"]["trial_balance"] == "0.00"


@pytest.mark.slow
async def test_the_excerpt_with_faults_comes_to_the_same() -> None:
    source = invoices.read(invoices.excerpt())
    result = await replay(source, 7, told)
    assert result["ok"], result
    assert result["posted"] == {"documents": 288, "total": "46031.28"}
    assert sum(result["faults"]["books"].values()) > 0
    assert result["faults"]["store"]["drop_webhook"] > 0


def _truth(invoiced: dict[str, int], net: str) -> dict[str, Any]:
    return {
        "references": {"invoices": invoiced, "credit_notes": {}},
        "totals": {"invoices": {"GBP": net}, "credit_notes": {}},
        "trial_balance": {"GBP": {"sum": "0"}},
    }


@pytest.mark.parametrize(
    ("invoiced", "net", "held", "right"),
    [
        ({"1": 1, "2": 1}, "30.00", {}, True),
        ({"1": 1}, "10.00", {"2": "blocked"}, True),
        ({"1": 1}, "10.00", {}, False),
        ({"1": 1, "2": 2}, "50.00", {}, False),
        ({"1": 1, "2": 1}, "30.00", {"2": "blocked"}, False),
        ({"1": 1, "2": 1}, "29.99", {}, False),
    ],
)
def test_what_does_not_add_up_is_seen(invoiced: dict[str, int], net: str, held: dict[str, str], right: bool) -> None:
    first, second = (
        invoices.Invoice(number, invoices.read(invoices.excerpt(), 1)[0].placed_at, "", "United Kingdom",
                         (invoices.Item("22752", "BOXES", quantity, Decimal("5.00")),))
        for number, quantity in (("1", 2), ("2", 4))
    )  # fmt: skip
    rules = {number: Held(state, "why", "because", "") for number, state in held.items()}
    assert account([first, second], rules, _truth(invoiced, net))["ok"] is right


def test_the_lines_of_a_document_come_to_its_total() -> None:
    for invoice in invoices.read(invoices.excerpt()):
        order = invoices.as_order(invoice)
        parts = sum(
            (rounded(line["quantity"] * Decimal(line["unit_price"]), "GBP") for line in order["lines"]),
            Decimal(0),
        )
        parts += sum((Decimal(fee["amount"]) for fee in order["fees"]), Decimal(0))
        parts += Decimal(order.get("shipping", {}).get("amount", 0))
        parts -= Decimal(order.get("discount", {}).get("amount", 0))
        assert parts == invoice.total, invoice.number


def test_a_file_of_another_shape_is_refused(tmp_path: Any) -> None:
    (tmp_path / "x.csv").write_text("InvoiceNo,Quantity\n1,2\n")
    with pytest.raises(invoices.BadSource, match=r"x\.csv has no column Country, CustomerID"):
        invoices.read(tmp_path / "x.csv")
