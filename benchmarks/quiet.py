"""How quiet a machine is while something is timed: work of others, and the spread of a matrix product's time.

Needs neither TensorFlow nor PyTorch: the caller brings the product.
"""

import os
import statistics
import time
from pathlib import Path

MOST = 0.05  # spread of the product's times, and share of the processors that other processes take


def processor_seconds():
    """Seconds of all processors since the start of the machine: (busy, stolen by other machines). None if not Linux."""
    file = Path("/proc/stat")
    if not file.exists():
        return None
    user, nice, system, _, _, irq, softirq, steal = map(int, file.read_text().split("\n")[0].split()[1:9])
    tick = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / tick, steal / tick


def own_seconds():
    """Processor seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


class Watch:
    """Watches the machine from its making on.

    Args:
        product: A function that computes a matrix product and returns its seconds.
        times: How often it is called each time; the fastest counts. Defaults to 5.
    """

    def __init__(self, product, times=5):
        self.product, self.number, self.times = product, times, []
        self.load_before = _load()
        self.start, self.own, self.before = time.monotonic(), own_seconds(), processor_seconds()
        product()  # the first may be slower

    def look(self):
        """Times the product, between two rounds."""
        self.times.append(min(self.product() for _ in range(self.number)))
        return self.times[-1]

    def report(self):
        """What was seen, as a dict. `quiet` is the conclusion."""
        middle = statistics.median(self.times)
        spread = (max(self.times) - min(self.times)) / middle
        report = {
            "load_before": self.load_before,
            "load_after": _load(),
            "product_ms": [round(1e3 * each, 3) for each in self.times],
            "product_spread": round(spread, 4),
        }
        others = stolen = None
        if self.before is not None:
            available = (time.monotonic() - self.start) * (os.cpu_count() or 1)
            busy, steal = (after - before for after, before in zip(processor_seconds(), self.before))
            others = round(max(busy - (own_seconds() - self.own), 0.0) / available, 4)
            stolen = round(steal / available, 4)
        report |= {"share_of_others": others, "share_stolen": stolen}
        report["quiet"] = spread <= MOST and (others or 0.0) <= MOST and (stolen or 0.0) <= MOST
        return report


def _load():
    return [round(each, 2) for each in os.getloadavg()] if hasattr(os, "getloadavg") else None


def words(report):
    """The report in a sentence or two."""
    if report["quiet"]:
        start = "The machine was quiet"
    else:
        start = "**The machine was not quiet, so these times mean little**"
    others = report["share_of_others"]
    told = "" if others is None else f", and other processes took {100 * others:.1f}% of the processors' time"
    return f"{start}: a matrix product between rounds varied by {100 * report['product_spread']:.1f}%{told}."
