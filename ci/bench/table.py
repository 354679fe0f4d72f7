"""Rows as a table for people and as JSON. Measures nothing."""

import json


def as_json(machine, rows):
    return json.dumps({"machine": machine, "rows": [_row(row) for row in rows]}, indent=1)


def _row(row):
    def shown(figure):
        return {"missing": figure} if isinstance(figure, str) else figure.json()

    return {
        "name": row.name,
        "what": row.what,
        "unit": row.unit,
        "budget": row.budget,
        "held": held(row),
        "wiz": shown(row.wiz),
        "peers": {name: {**shown(figure), "ratio": ratio(row, figure)} for name, figure in row.peers.items()},
    }


def as_text(machine, rows):
    """One line a row, and a line for each peer that is not there."""
    facts = "{date}, {cores} cores, {processor}, Linux {kernel}, load average {load}, scheduling {scheduling}"
    lines = [facts.format(**machine)]
    lines.append("median (least-most); behind each peer how many times faster wiz is: below 1, slower\n")
    cells = [("what", "budget", "", "wiz", "peers")] + [_cells(row) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(4)]
    for *most, last in cells:
        lines.append("  ".join([cell.ljust(width) for cell, width in zip(most, widths)] + [last]).rstrip())
    reasons = {figure for row in rows for figure in row.peers.values() if isinstance(figure, str)}
    return "\n".join(lines + [f"not measured: {reason}" for reason in sorted(reasons)])


def _cells(row):
    budget = f"{number(row.budget)} {row.unit}" if row.budget else ""
    verdict = {None: "", True: "held", False: "MISSED"}[held(row)]
    peers = [
        f"{name} -" if isinstance(figure, str) else f"{name} {number(figure.median)} ({ratio(row, figure):.2f})"
        for name, figure in row.peers.items()
    ]
    return row.what, budget, verdict, spread(row.wiz) + f" {row.unit}", ", ".join(peers)


def held(row):
    """Whether wiz keeps its budget; None where there is none or nothing was measured."""
    if not row.budget or isinstance(row.wiz, str):
        return None
    return row.wiz.median >= row.budget if row.more_is_better else row.wiz.median <= row.budget


def ratio(row, figure):
    """How many times better wiz is than a peer; None where one of them has no figure."""
    if isinstance(figure, str) or isinstance(row.wiz, str):
        return None
    pair = (row.wiz.median, figure.median) if row.more_is_better else (figure.median, row.wiz.median)
    return pair[0] / pair[1] if pair[1] else None


def spread(figure):
    if len(figure.samples) == 1:
        return number(figure.median)
    return f"{number(figure.median)} ({number(min(figure.samples))}-{number(max(figure.samples))})"


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
