"""The outcome as Markdown and as a picture.

Every figure is the median over the rounds of the ratio to the baseline in the same round: what the
machine does in between hits both. The absolute medians stand beside it.
"""

from html import escape
from statistics import median

UNITS = {
    "requests/s": "{:,.0f}", "CPU us/request": "{:.2f}", "p99 ms": "{:.2f}", "bytes/key": "{:.1f}",
}
LOWER_IS_BETTER = {"CPU us/request", "p99 ms", "bytes/key"}
BAR_COLOURS = ["#2f6fb0", "#c9622b", "#3b8f5a", "#8a5fb0", "#777777"]


def ratio(results, load, metric, name, baseline):
    """Median over rounds of `name` to `baseline`."""
    ours = results[load][name][metric]
    theirs = results[load][baseline][metric]
    return median(own / other for own, other in zip(ours, theirs) if other)


def markdown(results, names, baseline, facts):
    """Tables of ratios, one per metric."""
    lines = [f"# Compared with {baseline}", "", *(f"- {fact}" for fact in facts), ""]
    for metric, shape in UNITS.items():
        loads = [load for load in results if metric in results[load][baseline]]
        if not loads:
            continue
        better = "lower" if metric in LOWER_IS_BETTER else "higher"
        lines += [f"## {metric} ({better} is better)", ""]
        lines.append("| load | " + " | ".join(names) + " |")
        lines.append("|---|" + "---:|" * len(names))
        for load in loads:
            cells = []
            for name in names:
                shown = shape.format(median(results[load][name][metric]))
                if name != baseline:
                    shown += f" (**{ratio(results, load, metric, name, baseline):.2f}**)"
                cells.append(shown)
            lines.append(f"| {load} | " + " | ".join(cells) + " |")
        lines.append("")
    lines.append(f"In brackets: the ratio to {baseline}, median over rounds.")
    return "\n".join(lines) + "\n"


def svg(results, names, baseline):
    """Bars of the ratios, a group per load, a panel per metric; the line is the baseline."""
    others = [name for name in names if name != baseline]
    parts, top = [], 40
    for metric in UNITS:
        loads = [load for load in results if metric in results[load][baseline]]
        if loads:
            panel, top = _panel(results, metric, loads, others, baseline, top)
            parts += panel
    legend = [
        f'<rect x="{20 + 170 * at}" y="12" width="12" height="12" fill="{_colour(at)}"/>'
        f'<text x="{37 + 170 * at}" y="22">{escape(name)}</text>'
        for at, name in enumerate(others)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="760" height="{top}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="760" height="{top}" fill="white"/>\n'
        + "\n".join(legend + parts) + "\n</svg>\n"
    )


def _panel(results, metric, loads, others, baseline, top):
    ratios = {(load, name): ratio(results, load, metric, name, baseline)
              for load in loads for name in others}
    longest = max([1.0, *ratios.values()])
    left, width, bar = 170, 520, 14
    better = "shorter" if metric in LOWER_IS_BETTER else "longer"
    parts = [f'<text x="20" y="{top + 14}" font-weight="bold">{escape(metric)}, ratio to '
             f'{escape(baseline)} ({better} is better)</text>']
    top += 24
    start = top
    for load in loads:
        parts.append(f'<text x="20" y="{top + 11}">{escape(load)}</text>')
        for at, name in enumerate(others):
            value = ratios[load, name]
            length = value / longest * width
            parts.append(f'<rect x="{left}" y="{top}" width="{length:.1f}" height="{bar - 2}" '
                         f'fill="{_colour(at)}"/>')
            parts.append(f'<text x="{left + length + 4:.1f}" y="{top + 10}">{value:.2f}</text>')
            top += bar
        top += 6
    line = left + width / longest
    parts.append(f'<line x1="{line:.1f}" y1="{start}" x2="{line:.1f}" y2="{top}" stroke="black" '
                 'stroke-dasharray="3"/>')
    return parts, top + 14


def _colour(at):
    return BAR_COLOURS[at % len(BAR_COLOURS)]
