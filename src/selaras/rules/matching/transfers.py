"""Transfers: which order each line pays, how sure that is, and who its rivals are."""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from selaras.model.claims import METHODS, LineColumns, OrderColumns
from selaras.rules.matching.amounts import EXACT, KINDS, OTHER
from selaras.rules.matching.answers import Answer, why
from selaras.rules.matching.asking import asked
from selaras.rules.matching.candidates import Pool, gather
from selaras.rules.matching.evidence import Evidence
from selaras.rules.matching.foreign import foreign
from selaras.rules.matching.parameters import Parameters
from selaras.rules.matching.payers import vouched
from selaras.rules.matching.rates import NAME_PART, NAME_WHOLE, Rates, learnt
from selaras.rules.matching.reading import CORE, FULL, Buyers, Told
from selaras.rules.matching.sets import OF_SEVERAL, Sets, columns, combined, joined, parts
from selaras.rules.matching.solve import ROUGHLY, ROUNDS, probabilities
from selaras.rules.matching.unnamed import unnamed

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
_HOPELESS: Final = -9.0
_FAR_BEHIND: Final = 14.0
_CERTAIN: Final = 0.99


class Link(msgspec.Struct, frozen=True):
    """A line pays an order (row numbers of the columns given) with `amount` of it, in `FINE` units.

    `kind` says how the amount fits, `evidence` names what speaks for it: "reference", "name", "amount" …
    """

    line: int
    order: int
    amount: int
    posterior: float
    kind: str
    evidence: tuple[str, ...]
    rank: int = 1
    auto: bool = False


def match_transfers(
    orders: OrderColumns,
    lines: LineColumns,
    free: npt.NDArray[np.bool_],
    payouts: npt.NDArray[np.bool_],
    said: Parameters,
) -> list[Link]:
    """Links of the lines that are `free` (not a payout, not money out) with orders paid by transfer."""
    method = np.frombuffer(orders.method, dtype=np.int64) if len(orders) else np.zeros(0, dtype=np.int64)
    order_rows = np.flatnonzero(method == METHODS.index("transfer"))
    line_rows = np.flatnonzero(free)
    if not len(order_rows) or not len(line_rows):
        return []
    pool = Pool(orders, order_rows, lines, line_rows)
    buyers = Buyers(orders, order_rows.tolist())
    told = Told(lines, line_rows.tolist(), buyers, payouts)
    line, order = gather(pool, buyers, told, said)
    seen = Evidence(pool, buyers, told, said, line, order)
    copies = _copies(lines, line_rows)
    # Of a copy nothing is as sure as that it is one.
    ceiling = float(np.log(0.3 / said.repeated))
    named = columns(combined(pool, seen, said) + parts(pool, seen, said))
    others, of_others = unnamed(pool, buyers, told, seen, said)
    # Twice: under the shipped rates, and under those that the shop's own payments show.
    named.weigh(seen)
    sets = joined([named, others])
    posterior, of_sets, keep = _weigh(pool, seen, sets, copies, ceiling, ROUGHLY)
    kept = np.flatnonzero(keep)
    seen.name_share[kept] += vouched(buyers, told, line[kept], order[kept], seen.name[kept], posterior)
    seen.weigh(_rates(pool, seen, told, said, keep, posterior, sets, of_sets, copies))
    of_others.weigh(seen.rates)
    named.weigh(seen)
    others.weigh(of_others)
    sets = joined([named, others, foreign(orders, lines, pool, buyers, told, said, seen.rates)])
    posterior, of_sets, keep = _weigh(pool, seen, sets, copies, ceiling)
    sure = _sure(pool, seen, told, said, keep, posterior, sets, of_sets)
    links = [link for answer in sure for link in _links(pool, [answer], auto=True)]
    for answers in asked(pool, buyers, told, said, seen, keep, posterior, sets, of_sets, copies, sure):
        links += _links(pool, answers, auto=False)
    return links


def _copies(lines: LineColumns, rows: Ints) -> npt.NDArray[np.bool_]:
    """Lines that say exactly what another one says: more often imported twice than paid twice."""
    first: dict[tuple[int, int, str, str], int] = {}
    copies = np.zeros(len(rows), dtype=bool)
    for at, row in enumerate(rows.tolist()):
        key = (lines.booked[row], lines.amount[row], lines.currencies[row], lines.descriptions[row])
        other = first.setdefault(key, at)
        if other != at:
            # The one with the lower id is the first, whatever the order of the rows.
            later = at if lines.ids[row] > lines.ids[int(rows[other])] else other
            copies[later] = True
            first[key] = other if later == at else at
    return copies


def _worth(seen: Evidence, lines: int) -> npt.NDArray[np.bool_]:
    """Pairs that can still matter."""
    best = np.full(lines, -np.inf)
    np.maximum.at(best, seen.line, seen.weight)
    result: npt.NDArray[np.bool_] = (seen.weight > _HOPELESS) & (seen.weight > best[seen.line] - _FAR_BEHIND)
    return result


def _rates(
    pool: Pool, seen: Evidence, told: Told, said: Parameters, keep: npt.NDArray[np.bool_], posterior: Floats,
    sets: Sets, of_sets: Floats, copies: npt.NDArray[np.bool_],
) -> Rates:  # fmt: skip
    """What the first round tells of the shop. Copies and lines without a candidate tell nothing."""
    rows = np.flatnonzero(keep)
    lines = seen.line[rows]
    explained = np.bincount(lines, weights=posterior, minlength=len(pool.line_rows)).astype(np.float64)
    np.add.at(explained, sets.line[sets.new_line], of_sets[sets.of[sets.new_line]])
    counts = np.zeros(len(pool.line_rows), dtype=bool)
    counts[lines] = True
    counts &= ~copies & ~told.payout
    single = ~copies[lines]
    return learnt(
        said, len(pool.order_rows), seen.lag[rows][single], seen.kind[rows][single], seen.name[rows][single],
        posterior[single], np.maximum(1.0 - explained, 0.0)[counts], (told.payer == 0)[counts],
    )  # fmt: skip


def _weigh(
    pool: Pool,
    seen: Evidence,
    sets: Sets,
    copies: npt.NDArray[np.bool_],
    ceiling: float,
    rounds: int = ROUNDS,
) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
    """The probability of each pair that can still matter and of each set, and which pairs those are."""
    seen.weight[copies[seen.line]] = np.minimum(seen.weight[copies[seen.line]], ceiling)
    keep = _worth(seen, len(pool.line_rows))
    rows = np.flatnonzero(keep)
    lines = len(pool.line_rows)
    singles = len(rows)
    copied = np.zeros(len(sets), dtype=bool)
    copied[sets.of[copies[sets.line]]] = True
    of_sets = np.where(copied, np.minimum(sets.weight, ceiling), sets.weight)
    weights = np.concatenate([seen.weight[rows], of_sets])
    # Hypothesis by hypothesis: the pairs touch a line and an order each, the sets all that they use.
    of_set = np.concatenate((sets.of[sets.new_line], sets.of[sets.new_order]))
    touched = np.concatenate((sets.line[sets.new_line], sets.order[sets.new_order] + lines))
    sort = np.argsort(of_set, kind="stable")
    found = probabilities(
        weights,
        np.concatenate((np.repeat(np.arange(singles), 2), of_set[sort] + singles)),
        np.concatenate((np.column_stack((seen.line[rows], seen.order[rows] + lines)).ravel(), touched[sort])),
        lines + len(pool.order_rows),
        rounds,
    )
    return found[:singles], found[singles:], keep


def _sure(
    pool: Pool,
    seen: Evidence,
    told: Told,
    said: Parameters,
    keep: npt.NDArray[np.bool_],
    posterior: Floats,
    sets: Sets,
    of_sets: Floats,
) -> list[Answer]:
    """The answers that are linked without asking, by line."""
    best: dict[int, tuple[Answer, bool]] = {}

    def offer(line: int, answer: Answer, sure: bool) -> None:
        known = best.get(line)
        if known is None or (-answer.chance, answer.pairs[0][1]) < (-known[0].chance, known[0].pairs[0][1]):
            best[line] = (answer, sure)

    worth = posterior >= said.auto
    rows = np.flatnonzero(keep)[worth]
    found = (rows, seen.line[rows], seen.order[rows], pool.amount[seen.line[rows]], seen.kind[rows], posterior[worth])
    for row, line, order, amount, fits, chance in zip(*(column.tolist() for column in found), strict=True):
        answer = Answer(chance, [(line, order, amount)], KINDS[fits], why(seen, row))
        offer(line, answer, may_be_automatic(seen, told, pool, row, chance))
    for at in np.flatnonzero(of_sets >= said.auto).tolist():
        chance, all_pairs, kind = float(of_sets[at]), sets.pairs(at), OF_SEVERAL[int(sets.kind[at])]
        for line in sorted({p[0] for p in all_pairs}):
            offer(line, Answer(chance, [p for p in all_pairs if p[0] == line], kind, ("name", "sum")), True)
    return [answer for _, (answer, sure) in sorted(best.items()) if sure]


def _links(pool: Pool, answers: list[Answer], *, auto: bool) -> list[Link]:
    """Answers for one line, the likeliest first, as links."""
    line_rows, order_rows = pool.line_rows, pool.order_rows
    return [
        Link(int(line_rows[line]), int(order_rows[order]), amount, one.chance, one.kind, one.why, rank, auto)
        for rank, one in enumerate(answers, start=1)
        for line, order, amount in one.pairs
    ]


def may_be_automatic(seen: Evidence, told: Told, pool: Pool, row: int, chance: float) -> bool:
    """Whatever the figure says, some links are never made without asking.

    A number alone is no proof when amount and name speak against it, and money paid in over the counter names nobody.
    """
    reference, name, kind = int(seen.reference[row]), int(seen.name[row]), int(seen.kind[row])
    if kind == OTHER:
        return (reference == FULL and name in (NAME_WHOLE, NAME_PART)) or (name == NAME_WHOLE and chance >= _CERTAIN)
    if reference >= CORE or name == NAME_WHOLE:
        return True
    order = int(seen.order[row])
    coded = int(pool.due[order]) != int(pool.total[order])
    return (kind == EXACT and coded) or not bool(told.cash[int(seen.line[row])])
