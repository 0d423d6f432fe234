"""The part of `selaras explain` that is about money: what it pays and why, what was undone, what is suggested."""

from __future__ import annotations

from rich.text import Text

from selaras.cli.money import paid_with, percent
from selaras.cli.show import kind_word, moment, money, say, show
from selaras.i18n import _
from selaras.sync.explain import Explanation
from selaras.sync.money_explaining import MoneyShare
from selaras.sync.sentences import spoken


def show_money(one: Explanation, zone: str) -> None:
    """What a line of money pays, or what money pays an order."""
    if one.money:
        of_order = one.kind not in ("bank_transaction", "payment")
        show(Text(_("Paid by") if of_order else _("Pays"), style="bold"))
        for share in one.money:
            _show_share(share, of_order, zone)
        show("")
    if one.suggested:
        show(Text(_("May pay"), style="bold"))
        for answer in one.suggested:
            numbers = " + ".join(answer.numbers)
            say(f"  {answer.rank}. {numbers}  {money(answer.amount, answer.currency)}  "
                f"{percent(answer.chance)} %  {answer.rule}")  # fmt: skip
            if answer.settles:
                say("       " + paid_with(numbers, answer.settles, answer.settles_currency), "dim")
            for reason in (*answer.reasons, answer.earned):
                if reason:
                    say(f"       {spoken(reason)}", "dim")
        show("")


def _show_share(one: MoneyShare, of_order: bool, zone: str) -> None:
    what = f"{kind_word(one.pays)} {one.number}"
    if of_order:
        what = f"{kind_word(one.kind)} {one.connection}:{one.line}"
    style, mark = ("", "") if one.undone_at is None else ("dim", "  " + _("(undone)"))
    say(f"  {what}  {money(one.amount, one.currency)}{mark}", style)
    for off in one.written_off:
        amount = money(off.amount, one.currency)
        say("       " + _("%(amount)s is written off: %(role)s", amount=amount, role=role_word(off.role)), style)
    if one.settles:
        say("       " + paid_with(one.number, one.settles, one.settles_currency), style)
    for reason in one.reasons:
        say(f"       {spoken(reason)}", "dim")
    if one.rule:
        rule = _("Rule %(rule)s, %(chance)s %%.", rule=one.rule, chance=percent(one.chance))
        say(f"       {rule} {spoken(one.earned)}", "dim")
    for other in one.others:
        say("       " + _("Not chosen: %(other)s", other=spoken(other)), "dim")
    if one.how == "person":
        say("       " + _("Accepted by %(who)s, %(at)s.", who=one.who or "?", at=moment(one.at, zone)), "dim")
    else:
        say("       " + _("Linked by itself, %(at)s.", at=moment(one.at, zone)), "dim")
    if one.undone_at is not None:
        undone = _("Undone by %(who)s, %(at)s.", who=one.undone_by or "?", at=moment(one.undone_at, zone))
        say("       " + undone + (f" {one.why_undone}" if one.why_undone else ""), "yellow")


def role_word(role: str) -> str:
    """The role of a write-off in the reader's language."""
    words = {
        "transfer_fee": _("transfer fee"), "withholding": _("tax withheld by the buyer"), "rounding": _("rounding"),
    }  # fmt: skip
    return words.get(role, role)
