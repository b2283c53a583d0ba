"""Tables of results, for reports and for the pages of the benchmarks."""

import html as markup
from collections.abc import Iterable, Sequence

import numpy as np


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Formats a table in Markdown."""
    first, *lines = ["|" + "".join(f" {cell} |" if cell else " |" for cell in cells) for cells in (head, *rows)]
    return "\n".join([first, f"|{'-|' * len(head)}", *lines])


def html(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Formats a table in HTML, which scrolls if it is wider than the page."""

    def line(cells: Sequence[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{markup.escape(cell)}</{tag}>" for cell in cells) + "</tr>\n"

    body = "".join(line(cells, "td") for cells in rows)
    return f'<div class="scroll"><table><thead>{line(head, "th")}</thead><tbody>{body}</tbody></table></div>'


def spread(values: Sequence[float], scale: float = 100.0) -> str:
    """Mean ± standard deviation, by default in per cent. "-" if all are NaN; a single value has no deviation."""
    scaled = np.asarray(values, np.float64) * scale
    if np.isnan(scaled).all():
        return "-"
    deviation = f" ± {np.nanstd(scaled, ddof=1):.1f}" if len(scaled) > 1 else ""
    return f"{np.nanmean(scaled):.1f}{deviation}"


def mean(values: Sequence[float], form: str = ".1f") -> str:
    """The mean in per cent. "-" if all are NaN."""
    scaled = 100 * np.asarray(values, np.float64)
    return "-" if np.isnan(scaled).all() else f"{np.nanmean(scaled):{form}}"
