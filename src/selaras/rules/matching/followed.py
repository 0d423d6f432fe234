"""The lines of each payer, followed from payout to payout by the days on which its orders are due."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import METHODS, LineColumns, OrderColumns
from selaras.rules.matching.due import NEVER, RULES, Rule, banking_days, due_days
from selaras.rules.matching.fees import Channel
from selaras.rules.matching.flow import comes_out, explain
from selaras.rules.matching.mixed import closest, schedules
from selaras.rules.matching.transfers import Link
from selaras.rules.matching.ways import Payout

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_LEAST_CLAIMS: Final = 3
_RULE_HOLDS: Final = 0.8
_FAR_OFF: Final = 0.4
_OPEN: Final = 0.6
_ROLLED: Final = 10
_REFUND_DAYS: Final = 30
_SURE: Final = 0.998
_ASKED: Final = 0.95
_WORTH: Final = 0.5


class Plan(msgspec.Struct):
    """A channel with its orders (rows of the whole), what they bring, and the day on which each is due."""

    rows: Ints
    gross: Ints
    net: Ints
    due: Ints
    payers: frozenset[str]
    certain: bool
    loose: bool = False


class Followed:
    """All channels of one currency under way."""

    def __init__(
        self,
        orders: OrderColumns,
        lines: LineColumns,
        payers: Mapping[int, str],
        told: Bools,
        currency: str,
        taken: Bools,
        paid: Bools,
    ) -> None:
        self.taken, self.paid = taken, paid
        self.order_ids, self.line_ids = orders.ids, lines.ids
        rows = [i for i in np.flatnonzero(told).tolist() if lines.currencies[i] == currency]
        self.lines = sorted(rows, key=lambda i: (lines.booked[i], lines.ids[i]))
        self.booked = {i: lines.booked[i] for i in rows}
        self.amount = {i: lines.amount[i] for i in rows}
        self.payer = {i: payers[i] for i in rows}
        self.days = np.asarray([self.booked[i] for i in rows], dtype=np.int64)
        method = np.frombuffer(orders.method, dtype=np.int64)
        captured = np.frombuffer(orders.captured, dtype=np.int64).copy()
        ordered = np.frombuffer(orders.ordered, dtype=np.int64)
        for number in range(len(METHODS)):
            # Where no capture is known at all, the day of the order stands.
            if not (captured[method == number] > 0).any():
                captured[method == number] = ordered[method == number]
        alike = np.asarray([code == currency for code in orders.currencies], dtype=bool)
        self.rows_of = {
            number: np.flatnonzero(alike & (method == number) & (captured > 0))
            for number, name in enumerate(METHODS) if name != "transfer"
        }  # fmt: skip
        self.captured, self.gross = captured, np.frombuffer(orders.due, dtype=np.int64)
        self.plans: list[Plan] = []

    def single(self, channel: Channel, claims: Sequence[tuple[int, tuple[int, int]]]) -> None:
        """A channel of which some lines came out exactly: its other lines follow the same days."""
        if len(claims) < _LEAST_CLAIMS:
            return
        payers = Counter(self.payer[line] for line, _ in claims)
        usual = frozenset(payer for payer, many in payers.items() if many * 10 >= len(claims))
        own = np.unique([self.booked[i] for i in self.lines if self.payer[i] in usual])
        banking = banking_days(own, self.days)
        best: tuple[int, Rule] | None = None
        for rule in RULES:
            due = due_days(channel.days, rule, banking, own)
            fits = sum(bool((due[first : last + 1] == self.booked[line]).all()) for line, (first, last) in claims)
            if best is None or fits > best[0]:
                best = (fits, rule)
        if best is not None and best[0] >= _RULE_HOLDS * len(claims):
            due = due_days(channel.day, best[1], banking, own)
            self._plan(channel.rows, channel.gross, channel.net, due, usual, certain=True, loose=channel.loose)

    def mixed(self) -> None:
        """Payers of which hardly a line came out: two ways of paying in one sum, or fees that nobody can know."""
        by_payer: defaultdict[str, list[int]] = defaultdict(list)
        for line in self.lines:
            by_payer[self.payer[line]].append(line)
        methods = {
            number: (self.gross[open_], self.captured[open_])
            for number, rows in self.rows_of.items()
            if len(rows) and (open_ := rows[~self.paid[rows]]).size * 2 > rows.size
        }  # fmt: skip
        followed = {payer for plan in self.plans for payer in plan.payers}
        for payer, lines in sorted(by_payer.items()):
            left = [line for line in lines if not self.taken[line]]
            if not methods or len(left) < _OPEN * len(lines):
                continue
            days = np.asarray([self.booked[i] for i in left], dtype=np.int64)
            amounts = np.asarray([self.amount[i] for i in left], dtype=np.int64)
            parts = closest(days, amounts, methods, banking_days(days, self.days))
            if parts is None:
                continue
            learnt = schedules(days, amounts, parts)
            fees, loose = learnt or (None, False)
            if fees is None and payer in followed:
                continue  # what its exact lines have told says more than the days alone
            rows = [self.rows_of[part.method][~self.paid[self.rows_of[part.method]]] for part in parts]
            nets = [part.gross - s.fees(part.gross) for part, s in zip(parts, fees, strict=True)] if fees else [
                part.gross for part in parts
            ]  # fmt: skip
            self._plan(
                np.concatenate(rows), np.concatenate([part.gross for part in parts]), np.concatenate(nets),
                np.concatenate([part.due for part in parts]), frozenset({payer}), certain=fees is not None,
                loose=loose,
            )  # fmt: skip

    def _plan(
        self,
        rows: Ints,
        gross: Ints,
        net: Ints,
        due: Ints,
        payers: frozenset[str],
        *,
        certain: bool,
        loose: bool = False,
    ) -> None:
        """Keep a plan, its orders sorted by their ids: the answer must not hang on the order of the rows."""
        sort = np.asarray(sorted(range(len(rows)), key=lambda at: self.order_ids[rows[at]]), dtype=np.int64)
        self.plans.append(Plan(rows[sort], gross[sort], net[sort], due[sort], payers, certain, loose))

    def links(self) -> list[Link]:
        """Links of the lines that were open, with the orders that they must bring."""
        links: list[Link] = []
        for plan, at_day in zip(self.plans, self._assigned(), strict=True):
            if not plan.certain:
                links += self._asked(plan, at_day)
                continue
            payouts: list[Payout] = []
            waiting: list[int] = []
            by_day: defaultdict[int, list[int]] = defaultdict(list)
            for at, day in enumerate(plan.due.tolist()):
                if day != NEVER and not self.paid[plan.rows[at]]:
                    by_day[day].append(at)
            for day in sorted({*by_day, *at_day}):
                # What no line came for comes with the next one.
                waiting = [at for at in waiting if day - int(plan.due[at]) <= _ROLLED] + by_day.get(day, [])
                line = at_day.get(day)
                if line is None:
                    continue
                payouts.append(Payout(line, day, self.amount[line], waiting, self._before(plan, day)))
                waiting = []
            for payout, chances in zip(payouts, explain(payouts, plan.gross, plan.net, loose=plan.loose), strict=True):
                self.taken[payout.line] = True
                for at, chance in sorted(chances.items()):
                    if chance > _WORTH:
                        links.append(
                            Link(
                                payout.line, int(plan.rows[at]), int(plan.net[at]), chance, "payout",
                                ("fee_schedule", "sum"), 1, auto=chance >= _SURE,
                            )
                        )  # fmt: skip
        return links

    def _asked(self, plan: Plan, at_day: dict[int, int]) -> list[Link]:
        """Where nobody can know the fee of an order, its day is all there is: a person decides."""
        links = []
        for day, line in sorted(at_day.items()):
            self.taken[line] = True
            links += [
                Link(line, row, int(gross), _ASKED, "payout", ("due_day", "sum"))
                for row, gross, due in zip(plan.rows.tolist(), plan.net.tolist(), plan.due.tolist(), strict=True)
                if due == day and not self.paid[row]
            ]
        return links

    @staticmethod
    def _before(plan: Plan, day: int) -> list[int]:
        """The orders that were due in the weeks before: a refund may concern them."""
        return np.flatnonzero((plan.due >= day - _REFUND_DAYS) & (plan.due < day)).tolist()

    def _assigned(self) -> list[dict[int, int]]:
        """For each plan the line of each day: the open line of its payers that is closest to what is due."""
        found: list[dict[int, int]] = [{} for _ in self.plans]
        by_day: defaultdict[int, list[int]] = defaultdict(list)
        for line in self.lines:
            if not self.taken[line]:
                by_day[self.booked[line]].append(line)
        offers: list[tuple[bool, float, str, int, int, int]] = []
        sharing = [sum(bool(plan.payers & other.payers) for other in self.plans) for plan in self.plans]
        for number, plan in enumerate(self.plans):
            open_ = ~self.paid[plan.rows] & (plan.due != NEVER)
            days, where = np.unique(plan.due[open_], return_inverse=True)
            nets = np.bincount(where, weights=plan.net[open_], minlength=len(days))
            places = np.flatnonzero(open_)
            for day, net in zip(days.tolist(), nets.tolist(), strict=True):
                of_payer = [line for line in by_day.get(day, ()) if self.payer[line] in plan.payers]
                for line in of_payer:
                    off = abs(self.amount[line] - net) / max(net, 1)
                    if off > _FAR_OFF and (len(of_payer) > 1 or sharing[number] > 1):
                        continue
                    # Two lines of one payer on one day: the one that comes out by itself.
                    due = places[plan.due[places] == day].tolist() if len(of_payer) > 1 else []
                    open_line = Payout(line, day, self.amount[line], due, self._before(plan, day) if due else [])
                    strange = not due or not comes_out(open_line, plan.gross, plan.net, loose=plan.loose)
                    offers.append((strange, off, self.line_ids[line], number, day, line))
        gone: set[int] = set()
        for _, _, _, number, day, line in sorted(offers):
            if line not in gone and day not in found[number]:
                gone.add(line)
                found[number][day] = line
        return found
