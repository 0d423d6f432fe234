"""Model ⇄ sandbox JSON, without a server."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from selaras.connectors.contract import Ambiguous, Done, LockedPeriod, Op, Rejected, Stale, Write
from selaras.connectors.sandbox_books import mapping, writing
from selaras.model.document import (
    ContactDraft,
    CreditNote,
    Document,
    DocumentLine,
    Exchanged,
    Invoice,
    Journal,
    JournalLine,
    Receipt,
    RefundPayment,
    SalesOrder,
    WriteOff,
)
from selaras.sandbox.books import wire

JAKARTA = ZoneInfo("Asia/Jakarta")
amounts = st.decimals("-999999999999", "999999999999", places=3, allow_nan=False, allow_infinity=False)
texts = st.text(max_size=20)
lines = st.builds(
    DocumentLine, texts, texts, amounts, amounts, amounts, discount=amounts, tax=amounts,
    tax_rate=st.decimals("0", "1", places=4), role=st.sampled_from(["sales", "discount", "shipping"]),
)  # fmt: skip
head = {"reference": texts, "date": st.dates(), "currency": st.sampled_from(["IDR", "USD"]), "total": amounts}
body = {"lines": st.lists(lines, max_size=3).map(tuple), "tax_included": st.booleans(), "contact_id": texts}
documents = st.one_of(
    st.builds(SalesOrder, **head, **body, tracking=texts, courier=texts, note=texts),
    st.builds(Invoice, **head, **body, sales_order_id=texts),
    st.builds(CreditNote, **head, **body, invoice_id=texts, restock=st.booleans(), reason=texts),
    st.builds(Receipt, **head, contact_id=texts, sales_order_id=texts, invoice_id=texts, account=texts,
              bank_transaction_id=texts,
              write_offs=st.lists(st.builds(WriteOff, texts, texts, amounts), max_size=2).map(tuple),
              exchanged=st.none() | st.builds(Exchanged, amounts, st.sampled_from(["IDR", "USD"]), texts)),
    st.builds(Journal, texts, st.dates(), st.sampled_from(["IDR", "USD"]), reference=texts, total=amounts, note=texts,
              bank_transaction_id=texts,
              lines=st.lists(st.builds(JournalLine, texts, amounts, amounts, texts, texts), max_size=3).map(tuple)),
    st.builds(RefundPayment, **head, contact_id=texts, credit_note_id=texts, sales_order_id=texts, account=texts),
    st.builds(ContactDraft, texts, texts, texts, texts, st.sampled_from(["customer", "supplier", "both"])),
)  # fmt: skip
KIND: dict[type, tuple[str, type[msgspec.Struct]]] = {
    SalesOrder: ("sales_order", wire.SalesOrderIn),
    Invoice: ("invoice", wire.InvoiceIn),
    CreditNote: ("credit_note", wire.CreditNoteIn),
    Receipt: ("receipt", wire.ReceiptIn),
    RefundPayment: ("refund_payment", wire.RefundPaymentIn),
    ContactDraft: ("contact", wire.ContactIn),
    Journal: ("journal", wire.JournalIn),
}


@given(documents)
def test_what_is_sent_is_what_is_meant(document: Any) -> None:
    """The server's own structs (which refuse unknown fields) read back every field, to the last digit."""
    kind, shape = KIND[type(document)]
    sent = msgspec.json.decode(writing.batch_of(kind, "create", [Write("k", document)]))
    assert sent["op"] == "create"
    read = msgspec.json.decode(msgspec.json.encode(sent["items"][0]), type=shape)
    for name in read.__struct_fields__:
        got, meant = getattr(read, name), getattr(document, name)
        if name in ("lines", "write_offs"):
            assert [msgspec.structs.asdict(one) for one in got] == [msgspec.structs.asdict(one) for one in meant]
        elif name == "exchanged" and meant is not None:
            assert msgspec.structs.asdict(got) == msgspec.structs.asdict(meant)
        else:
            assert got == meant, name
    assert not any(isinstance(value, float) for value in sent["items"][0].values())


@given(documents.filter(lambda d: isinstance(d, SalesOrder | Invoice | ContactDraft)))
def test_a_change_names_its_target_and_says_no_more_than_may_change(document: Any) -> None:
    kind, _ = KIND[type(document)]
    shape = {"sales_order": wire.SalesOrderChange, "invoice": wire.InvoiceChange, "contact": wire.ContactChange}[kind]
    sent = msgspec.json.decode(writing.batch_of(kind, "update", [Write("k", document, "id1")]))
    read = msgspec.json.decode(msgspec.json.encode(sent["items"][0]), type=shape)
    assert read.id == "id1"
    for name in ("tracking", "courier", "note", "email", "phone"):
        meant = getattr(document, name, "")
        assert sent["items"][0].get(name) == (meant or None), "an empty text is not said"


@pytest.mark.parametrize(
    ("source", "document_kind", "told"), [("hand", "", ""), ("api", "", "journal"), ("api", "invoice", "invoice")]
)
@pytest.mark.parametrize(("status", "said"), [("posted", "open"), ("void", "void")])
def test_an_entry_says_who_made_it(source: str, document_kind: str, told: str, status: str, said: str) -> None:
    """ "" is a person; an entry that an application wrote is no person's, though no document made it."""
    row = {
        "id": "jrn1", "number": "JV-1", "date": "2026-11-20", "currency": "IDR", "lines": [], "reference": "po-1",
        "document_kind": document_kind, "updated_at": "2026-11-20T00:00:00.000Z", "status": status, "source": source,
        "total": "30000", "note": "Payout", "bank_transaction_id": "btx1",
    }  # fmt: skip
    seen = mapping.seen_of("journal", msgspec.Raw(msgspec.json.encode(row)), JAKARTA)
    assert (seen.record.source, seen.record.status, seen.record.total) == (told, said, Decimal(30_000))
    assert (seen.total, seen.currency, seen.number) == (Decimal(30_000), "IDR", "JV-1")
    assert seen.record.bank_transaction_id == "btx1"


def test_a_void_says_only_which() -> None:
    sent = writing.batch_of("sales_order", "void", [Write("k", order(), "sor1")])
    assert msgspec.json.decode(sent) == {"op": "void", "items": [{"id": "sor1"}]}


def order(reference: str = "1001") -> SalesOrder:
    return SalesOrder(reference, dt.date(2026, 11, 20), "IDR", Decimal(1))


@pytest.mark.parametrize("op", ["update", "void"])
def test_without_an_id_nothing_is_changed(op: Op) -> None:
    with pytest.raises(ValueError, match="its id is needed"):
        writing.batch_of("sales_order", op, [Write("k", order())])


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("period_locked", LockedPeriod),
        ("stale_version", Stale),
        ("unknown_product", Rejected),
        ("a code of tomorrow", Rejected),
    ],
)
def test_refusals(code: str, kind: type[Exception]) -> None:
    (result,) = writing.results_of(
        msgspec.json.encode({"results": [{"ok": False, "code": code, "field": "f", "message": "No.", "id": ""}]})
    )
    error = writing.error_of("sales_order", Write("k", order("WC-7")), result)
    assert type(error) is kind
    assert (error.code, error.field, error.message) == (code, "f", "sales_order WC-7: No.")
    assert not isinstance(error, Ambiguous)
    if kind is not Stale:
        assert error.cure


def test_outcomes() -> None:
    (result,) = writing.results_of(
        b'{"results":[{"ok":true,"id":"i","number":"n","total":"10.50","currency":"USD","status":"open","version":"2"}]}'
    )
    assert writing.done_of(result) == Done("i", "n", Decimal("10.50"), "USD", "open", "2")


def test_the_day_of_a_record_without_a_date_is_that_of_the_connection() -> None:
    row = {"id": "con1", "name": "Sari", "updated_at": "2026-11-20T18:30:00.000Z", "version": 1}
    seen = mapping.seen_of("contact", msgspec.Raw(msgspec.json.encode(row)), JAKARTA)
    assert seen.day == dt.date(2026, 11, 21)
    assert seen.updated_at == dt.datetime(2026, 11, 20, 18, 30, tzinfo=dt.UTC)
    assert seen.total is None


def test_the_bytes_of_a_record_are_kept_as_they_came() -> None:
    raw = b'{ "id":"con1",  "name":"\\u0053ari", "updated_at":"2026-11-20T00:00:00.000Z", "new_field": 1.50 }'
    seen = mapping.seen_of("contact", msgspec.Raw(raw), JAKARTA)
    assert seen.raw == raw
    assert seen.record.name == "Sari"


@pytest.mark.parametrize("kind", sorted(mapping.PATHS))
def test_what_is_not_a_record_is_refused(kind: str) -> None:
    with pytest.raises(msgspec.MsgspecError):
        mapping.seen_of(kind, msgspec.Raw(b'{"id": 5}'), JAKARTA)


def test_every_document_kind_that_is_a_target_can_be_written() -> None:
    every: list[Document] = [
        ContactDraft("r", "n"),
        order(),
        Invoice("r", dt.date(2026, 1, 1), "IDR", Decimal(1)),
        Receipt("r", dt.date(2026, 1, 1), "IDR", Decimal(1)),
        CreditNote("r", dt.date(2026, 1, 1), "IDR", Decimal(1)),
        RefundPayment("r", dt.date(2026, 1, 1), "IDR", Decimal(1)),
        Journal("", dt.date(2026, 1, 1), "IDR", reference="r"),
    ]
    for document in every:
        assert writing.batch_of(KIND[type(document)][0], "create", [Write("k", document)])
