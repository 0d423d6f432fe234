"""Fill an empty Tryton database: company, chart, periods, taxes, journals, products, users.

It runs in Tryton's own environment (proteus, in-process), never in ours: `tryton_seed.py CONFIG DATABASE`, and prints
what it made as one JSON object. A small Indonesian trading company: rupiah without decimals, PPN 11 %, tax rounded on
each line.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from decimal import Decimal
from typing import Any

from proteus import Model, Wizard
from proteus import config as proteus_config

ZONE = "Asia/Jakarta"
GROUPS = (
    "Accounting",
    "Accounting Party",
    "Party Administration",
    "Product Administration",
    "Purchase",
    "Sales",
    "Statement",
    "Stock",
    "Stock Force Assignment",
)


def only(model: str, domain: list[Any]) -> Any:
    (found,) = Model.get(model).find(domain, limit=1)
    return found


def company(config: Any) -> Any:
    """The company, its rupiah and its two warehouses."""
    for item in Model.get("ir.module.config_wizard.item").find([("state", "!=", "done")]):
        item.state = "done"
        item.save()
    Currency = Model.get("currency.currency")
    rupiah = Currency(name="Rupiah", symbol="Rp", code="IDR", numeric_code="360", rounding=Decimal(1), digits=0)
    rupiah.rates.new(date=dt.date(2000, 1, 1), rate=Decimal(1))
    rupiah.save()
    dollar = Currency(name="US Dollar", symbol="$", code="USD", numeric_code="840", rounding=Decimal("0.01"), digits=2)
    dollar.rates.new(date=dt.date(2000, 1, 1), rate=Decimal("0.000063"))
    dollar.save()
    own = Model.get("party.party")(name="PT Contoh Selaras")
    own.save()
    wizard = Wizard("company.company.config")
    wizard.execute("company")
    wizard.form.party = own
    wizard.form.currency = rupiah
    wizard.form.timezone = ZONE
    wizard.execute("add")
    config._context = Model.get("res.user").get_preferences(True, config.context)
    return only("company.company", [])


def chart(config: Any, firm: Any) -> dict[str, Any]:
    """Tryton's universal chart, and accounts as an Indonesian shop names them."""
    template_id = Model.get("ir.model.data").get_id("account.account_template_root_en", config.context)
    wizard = Wizard("account.create_chart")
    wizard.execute("account")
    wizard.form.account_template = Model.get("account.account.template")(template_id)
    wizard.form.company = firm
    wizard.execute("create_account")
    account = {
        kind: only("account.account", [("type." + kind, "=", True), ("company", "=", firm.id), ("closed", "!=", True)])
        for kind in ("receivable", "payable", "revenue", "expense")
    }
    account["cash"] = only("account.account", [("company", "=", firm.id), ("code", "=", "1.1.1")])
    account["tax"] = only("account.account", [("company", "=", firm.id), ("code", "=", "6.3.6")])
    wizard.form.account_receivable = account["receivable"]
    wizard.form.account_payable = account["payable"]
    wizard.form.category_account_expense = account["expense"]
    wizard.form.category_account_revenue = account["revenue"]
    wizard.execute("create_properties")
    for name, like, code, title, reconcile in (
        ("bank", "cash", "1-1101", "Bank BCA", False),
        ("clearing", "cash", "1-1190", "Kliring Payment Gateway", True),
        ("vat_out", "tax", "2-2101", "PPN Keluaran", False),
        ("vat_in", "tax", "1-1501", "PPN Masukan", False),
        ("shipping", "revenue", "4-4201", "Pendapatan Ongkos Kirim", False),
        ("discount", "revenue", "4-4301", "Diskon Penjualan", False),
    ):
        source = account[like]
        made = Model.get("account.account")(
            name=title, code=code, type=source.type, company=firm, parent=source.parent, reconcile=reconcile
        )
        made.save()
        account[name] = made
    settings = Model.get("account.configuration")(1)
    settings.tax_rounding = "line"
    settings.save()
    return account


def years(firm: Any) -> None:
    """Last year, this year and the next, in months; invoices and credit notes have gapless numbers of their own."""
    kinds = {k.name: k for k in Model.get("ir.sequence.type").find([])}
    Strict = Model.get("ir.sequence.strict")
    this = dt.datetime.now(dt.UTC).year
    for year in (this - 1, this, this + 1):
        made = Model.get("account.fiscalyear")(
            name=str(year), company=firm, start_date=dt.date(year, 1, 1), end_date=dt.date(year, 12, 31)
        )
        moves = Strict(name=f"Moves {year}", sequence_type=kinds["Account Move"], company=firm)
        moves.save()
        made.move_sequence = moves
        numbers = {}
        for prefix in ("INV", "CN", "BILL"):
            numbers[prefix] = Strict(
                name=f"{prefix} {year}",
                sequence_type=kinds["Invoice"],
                company=firm,
                prefix=f"{prefix}/{year}/",
                padding=5,
            )
            numbers[prefix].save()
        rule = made.invoice_sequences[0] if made.invoice_sequences else made.invoice_sequences.new()
        rule.out_invoice_sequence, rule.in_invoice_sequence = numbers["INV"], numbers["BILL"]
        rule.out_credit_note_sequence, rule.in_credit_note_sequence = numbers["CN"], numbers["CN"]
        made.save()
        made.click("create_period")


def taxes(firm: Any, account: dict[str, Any]) -> dict[str, Any]:
    """PPN 11 % for sales and for purchases, told apart by their groups."""
    made = {}
    for kind, title, where in (("sale", "PPN Keluaran 11%", "vat_out"), ("purchase", "PPN Masukan 11%", "vat_in")):
        group = Model.get("account.tax.group")(name=title, code=kind, kind=kind)
        group.save()
        tax = Model.get("account.tax")(
            name=title,
            description=title,
            type="percentage",
            rate=Decimal("0.11"),
            company=firm,
            group=group,
            invoice_account=account[where],
            credit_note_account=account[where],
        )
        tax.save()
        made[kind] = tax
    return made


def journals(firm: Any, account: dict[str, Any]) -> None:
    """A bank journal with the ways of paying that use it, and the bank's statements."""
    Journal = Model.get("account.journal")
    bank = Journal(name="Bank", code="BANK", type="cash")
    bank.save()
    for title, where in (("Transfer BCA", "bank"), ("Payment gateway", "clearing")):
        way = Model.get("account.invoice.payment.method")(
            name=title, company=firm, journal=bank, credit_account=account[where], debit_account=account[where]
        )
        way.save()
    statements = Journal(name="Mutasi BCA", code="MUT", type="statement")
    statements.save()
    for title, where in (("Rekening BCA", "bank"), ("Kliring", "clearing")):
        feed = Model.get("account.statement.journal")(
            name=title,
            journal=statements,
            currency=firm.currency,
            company=firm,
            account=account[where],
            validation="amount",
        )
        feed.save()


def products(account: dict[str, Any], tax: dict[str, Any]) -> None:
    """The service products that stand for shipping, discount and fee, and the category of goods."""
    Category = Model.get("product.category")
    unit = only("product.uom", [("symbol", "=", "u")])
    for title, revenue in (("Barang Dagang", "revenue"), ("Ongkos Kirim", "shipping"), ("Diskon", "discount")):
        made = Category(name=title, accounting=True)
        made.account_expense, made.account_revenue = account["expense"], account[revenue]
        made.customer_taxes.append(Model.get("account.tax")(tax["sale"].id))
        made.supplier_taxes.append(Model.get("account.tax")(tax["purchase"].id))
        made.save()
    for code, title, category in (
        ("SHIPPING", "Ongkos Kirim", "Ongkos Kirim"),
        ("FEE", "Biaya", "Ongkos Kirim"),
        ("DISCOUNT", "Diskon", "Diskon"),
    ):
        template = Model.get("product.template")(
            name=title,
            default_uom=unit,
            type="service",
            salable=True,
            list_price=Decimal(0),
            account_category=only("product.category", [("name", "=", category)]),
        )
        template.products[0].suffix_code = code
        template.save()


def paper() -> None:
    """Invoices are printed as one line of plain text: laying out the shipped template is half the time of posting."""
    for report in Model.get("ir.action.report").find([("report_name", "=", "account.invoice")]):
        report.template_extension = "txt"
        report.report_content = b"Invoice ${records[0].number}"
        report.save()


def users(firm: Any) -> dict[str, str]:
    """The hub's own user with ordinary groups, one without any, and their keys for the REST application."""
    keys = {}
    for login, groups in (("hub", GROUPS), ("limited", ())):
        user = Model.get("res.user")(
            name=login.title(), login=login, email=f"{login}@example.test", password=f"{login}-password-1"
        )
        for group in Model.get("res.group").find([("name", "in", list(groups))]):
            user.groups.append(Model.get("res.group")(group.id))
        user.companies.append(Model.get("company.company")(firm.id))
        user.company = firm
        user.save()
        application = Model.get("res.user.application")(user=user, application="rest")
        application.save()
        if application.state != "validated":
            application.click("validate_")
        keys[login] = application.key
    return keys


def main(config_file: str, database: str) -> None:
    config = proteus_config.set_trytond(database, config_file=config_file, user="admin")
    firm = company(config)
    account = chart(config, firm)
    years(firm)
    tax = taxes(firm, account)
    journals(firm, account)
    products(account, tax)
    paper()
    print(json.dumps({"company": firm.id, "keys": users(firm)}))


if __name__ == "__main__":
    main(*sys.argv[1:3])
