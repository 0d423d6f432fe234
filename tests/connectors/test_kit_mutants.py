"""The kit's tests can fail: each fails at least one connector with a mistake that is really made."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from selaras.connectors.kit import BooksContract, StoreContract
from tests.connectors import kit_mutants as m
from tests.connectors import kit_mutants_books as b
from tests.connectors.kit_mutants import Mutant, mutant
from tests.connectors.kit_sandbox import books_rig, store_rig

STORE: dict[str, tuple[type[Mutant], ...]] = {
    "test_it_says_what_it_is": (m.SaysOtherCurrency,),
    "test_ties_at_the_edge_of_a_page": (m.LastRowIsTheCursor, m.HubTime),
    "test_writes_while_paging": (m.PageNumbers,),
    "test_a_cursor_has_no_blind_second": (m.LastRowIsTheCursor, m.HubTime),
    "test_an_old_cursor_can_be_used_again": (m.Remembers,),
    "test_zones_and_clocks_do_not_matter": (m.HubTime, m.NaiveDays),
    "test_totals_are_exact_and_prove_themselves": (m.FloatMoney, m.HundredTimes),
    "test_silent_money_is_visible_on_reading_again": (m.CachesByUpdateTime,),
    "test_read_answers_in_order_and_names_what_is_gone": (m.LeavesOutWhatIsGone,),
    "test_drafts_are_no_orders": (m.DraftsAreOrders,),
    "test_an_order_in_the_trash_is_told_as_gone": (m.CachesByUpdateTime,),
    "test_a_request_to_wait_is_passed_on": (m.EverythingIsTransient,),
    "test_a_revoked_credential_is_expired_with_a_cure": (m.EverythingIsTransient,),
    "test_many_workers_share_one_connector": (m.NotReentrant,),
    "test_an_authentic_delivery_names_its_record": (m.HintsSayNothing,),
    "test_the_signature_is_of_the_bytes": (m.SignsParsedJson,),
    "test_an_old_delivery_played_again_is_refused": (m.AnyAge,),
    "test_four_orders_under_one_delivery_id_are_four_hints": (m.DedupesByDeliveryId,),
    "test_a_delivery_that_comes_again_says_the_same": (m.DedupesByDeliveryId,),
    "test_the_unsigned_ping_is_answered_and_says_nothing": (m.RefusesPings,),
    "test_a_dead_webhook_is_restored": (m.SubscribedOnce,),
    "test_stock_is_read_and_written": (m.OffByOne,),
    "test_a_sale_between_reading_and_writing_is_not_overwritten": (m.IgnoresVersions,),
    "test_bad_items_of_a_batch_are_told_one_by_one": (m.SuccessOn200,),
    "test_a_lost_answer_to_a_write_is_ambiguous": (m.AmbiguousIsTransient, m.Swallows),
    "test_a_write_that_failed_before_is_not_told_as_done": (m.Swallows,),
    "test_a_write_that_must_wait_has_not_happened": (m.Swallows, m.EverythingIsTransient),
    "test_writing_nothing_is_nothing": (m.NothingIsAnError,),
}

BOOKS: dict[str, tuple[type[Mutant], ...]] = {
    "test_it_says_what_it_is": (m.SaysOtherCurrency,),
    "test_every_source_can_be_read_to_its_end": (b.FloatRows,),
    "test_the_whole_chain_with_exact_totals": (b.FloatTotals,),
    "test_a_total_that_does_not_add_up_is_never_told_as_ours": (b.EchoesOurTotal,),
    "test_a_bad_item_inside_a_good_batch": (m.SuccessOn200,),
    "test_a_full_batch_keeps_its_order": (b.SortsOutcomes,),
    "test_writing_and_finding_nothing": (m.NothingIsAnError,),
    "test_a_reference_is_found_as_it_was_written": (b.FindsRoughly,),
    "test_a_reference_used_twice": (b.DuplicateIsDone,),
    "test_a_closed_period_is_told_as_such": (b.LockedIsRejected,),
    "test_a_contact_is_changed_in_its_place": (b.UpdatesByCreating, b.ForgetsThePhone),
    "test_an_order_is_changed_and_then_made_void": (b.UpdatesByCreating,),
    "test_changing_what_is_not_there_is_refused": (b.MissingIsFine,),
    "test_an_invoice_can_be_read_back": (b.RoundsToThousands,),
    "test_a_lost_answer_is_ambiguous_and_the_document_is_then_found": (m.AmbiguousIsTransient, m.TriesAgain),
    "test_the_declared_lag_is_honest": (b.NoLagDeclared,),
    "test_what_becomes_visible_late_is_not_missed_by_the_cursor": (b.NoOverlap,),
    "test_a_failure_before_the_effect_is_not_told_as_done": (m.Swallows,),
    "test_half_a_batch_is_found_item_by_item": (m.Swallows, m.AmbiguousIsTransient),
    "test_trouble_while_reading_is_transient": (b.ReadsAreAmbiguous,),
    "test_a_request_to_wait_is_passed_on_and_nothing_has_happened": (m.EverythingIsTransient, m.Swallows),
    "test_one_refresh_for_twenty_workers": (b.EverybodyRefreshes, b.NeverRefreshes),
    "test_tokens_can_expire_again_and_again": (b.NeverRefreshes,),
    "test_a_revoked_grant_is_expired_with_a_cure": (m.EverythingIsTransient,),
    "test_only_the_few_kinds_of_error_come_out": (b.LeaksKeyErrors,),
    "test_a_receipt_settles_its_money_and_its_write_offs": (b.ForgetsWriteOffs,),
    "test_money_of_another_currency_settles_what_is_owed": (
        b.ForgetsTheExchange,
        b.LosesOfTheExchange,
        b.VoidsNothing,
    ),
    "test_two_receipts_explain_one_bank_line": (b.OneReceiptALine,),
    "test_a_void_receipt_frees_what_it_explained": (b.VoidsNothing,),
    "test_a_journal_entry_explains_its_bank_line": (
        b.EntriesExplainNothing,
        b.EntriesAreTypedByHand,
        b.VoidsNothing,
        b.FloatTotals,
    ),
    "test_a_journal_entry_that_does_not_balance_is_refused": (b.BalancesItself, m.SuccessOn200),
    "test_a_journal_entry_written_twice": (b.DuplicateIsDone,),
    "test_a_lost_answer_to_a_journal_entry_is_looked_for": (m.AmbiguousIsTransient, m.TriesAgain),
    "test_a_journal_entry_in_a_closed_period_is_told_as_such": (b.LockedIsRejected,),
}


def cases(table: dict[str, tuple[type[Mutant], ...]]) -> list[Any]:
    return [
        pytest.param(name, kind, id=f"{kind.__name__}-{name[5:40]}") for name, kinds in table.items() for kind in kinds
    ]


async def must_fail(contract: object, name: str, rig: object) -> None:
    method = getattr(contract, name)
    arguments = {"zone": "US/Pacific", "skew": 600.0} if "zone" in inspect.signature(method).parameters else {}
    try:
        await method(rig, **arguments)
    except pytest.skip.Exception as skipped:
        raise AssertionError(f"skipped: {skipped}") from None
    except (NameError, AttributeError, TypeError):
        raise  # a slip in the mutant or in the kit, not a finding
    except (Exception, pytest.fail.Exception):
        return
    raise AssertionError(f"{name} did not notice")


@pytest.mark.parametrize(("name", "kind"), cases(STORE))
async def test_a_mistaken_store_connector_is_found_out(name: str, kind: type[Mutant]) -> None:
    async with store_rig(wrap=mutant(kind)) as rig:
        await must_fail(StoreContract(), name, rig)


@pytest.mark.parametrize(("name", "kind"), cases(BOOKS))
async def test_a_mistaken_books_connector_is_found_out(name: str, kind: type[Mutant]) -> None:
    doubled = kind is m.TriesAgain
    async with books_rig(wrap=mutant(kind), unique_references=not doubled) as rig:
        await must_fail(BooksContract(), name, rig)


@pytest.mark.parametrize(("contract", "table"), [(StoreContract, STORE), (BooksContract, BOOKS)])
def test_every_test_of_the_kit_has_its_mutant(contract: type, table: dict[str, Any]) -> None:
    assert {name for name in dir(contract) if name.startswith("test_")} == set(table)
