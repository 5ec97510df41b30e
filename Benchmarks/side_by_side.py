"""Alternating rounds: what is measured and its reference take turns, so that a busy machine is busy for both."""
import statistics


class Comparison:
    """The outcome of one row: medians, their ratio, and how far single rounds were from it."""

    def __init__(self, name, target, unit, measured, reference, ratios, holds):
        self.name = name
        self.target = target
        self.unit = unit
        self.measured = measured
        self.reference = reference
        self.ratios = sorted(ratios)
        self.holds = holds

    @property
    def ratio(self):
        return self.measured / self.reference if self.reference else None

    def as_json(self):
        return {"name": self.name, "target": self.target, "unit": self.unit, "measured": self.measured,
                "reference": self.reference, "ratio": self.ratio, "round_ratios": self.ratios, "holds": self.holds}


def at_most(limit):
    return lambda figure: figure <= limit


def at_least(limit):
    return lambda figure: figure >= limit


def alternate(measure, refer, rounds):
    """The figures of both, a pair for each round; who comes first changes from round to round. The first round of each
    warms caches and does not count."""
    measure()
    refer()
    pairs = []
    for number in range(rounds):
        if number % 2:
            reference = refer()
            measured = measure()
        else:
            measured = measure()
            reference = refer()
        pairs.append((measured, reference))
    return pairs


def compare(name, target, holds, unit, measure, refer, rounds):
    """A row whose target is a ratio of medians."""
    pairs = alternate(measure, refer, rounds)
    measured = statistics.median(m for m, _ in pairs)
    reference = statistics.median(r for _, r in pairs)
    return Comparison(
        name, target, unit, measured, reference, [m / r for m, r in pairs], holds(measured / reference))


def figure(name, target, holds, unit, measure, rounds):
    """A row whose target is a figure of its own."""
    measure()
    found = [measure() for _ in range(rounds)]
    measured = statistics.median(found)
    return Comparison(name, target, unit, measured, None, [], holds(measured))


UNITS = {
    "us": (1e6, "{:.2f} us"), "ms": (1e3, "{:.1f} ms"), "s": (1, "{:.4f} s"),
    "MB/s": (1e-6, "{:.0f} MB/s"), "MB": (1e-6, "{:.1f} MB"), "per s": (1, "{:,.0f}/s"),
}


def shown(value, unit):
    if value is None:
        return "-"
    factor, form = UNITS[unit]
    return form.format(value * factor)


def table(rows):
    """The table of docs/performance.md."""
    out = ["| what | target | measured | reference | ratio (rounds) | target met |", "|---|---|---|---|---|---|"]
    for row in rows:
        ratio = "-"
        if row.ratio is not None:
            ratio = f"{row.ratio:.2f} ({row.ratios[0]:.2f} to {row.ratios[-1]:.2f})"
        out.append(f"| {row.name} | {row.target} | {shown(row.measured, row.unit)} | "
                   f"{shown(row.reference, row.unit)} | {ratio} | {'yes' if row.holds else '**no**'} |")
    return "\n".join(out)
