"""A number or date of a text, and when another text says the same."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

Offers = frozenset[tuple[str, float]]
# What dates offer besides: year, month and day as one number, the day 0 if it is not told.
DATED, YEARLESS = "dated", "yearless"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number or date in a text, `text[start:end]`.

    `kind`: "date", "time", "percent", "money", "number", or what its unit measures ("length").
    `needs`: what another text must offer to say the same, all of it. `offers`: what this one says.
    `value`: in the kind's base unit.
    """

    kind: str
    start: int
    end: int
    needs: Offers
    offers: Offers
    value: float | None = None


def offers_of(quantities: Iterable[Quantity]) -> Offers:
    """All that these say together."""
    return frozenset(chain.from_iterable(quantity.offers for quantity in quantities))


def is_offered(quantity: Quantity, offers: Offers) -> bool:
    """Whether texts that offer these say the quantity; tables often leave out its unit."""
    if quantity.needs <= offers:
        return _is_one_date(quantity, offers)
    if quantity.kind in ("date", "time", "number"):
        return False
    return any(("bare", value) in offers for name, value in quantity.offers if name == "number")


def _is_one_date(quantity: Quantity, offers: Offers) -> bool:
    """Whether year and month are offered as one date, or the year beside a date without one."""
    needs = dict(quantity.needs)
    if "year" not in needs or not needs.keys() & {"day", "month"}:
        return True
    day = needs.get("day", 100 * needs.get("month", 0))
    return (DATED, 10_000 * needs["year"] + day) in offers or (YEARLESS, day) in offers
