"""The tables of docs/attacks.md that come from docs/attacks/veth.json (tests/attack/run.py --json); scripts/performance_tables.py writes them."""

import json

from document_tables import ROOT, table

RESULTS = ROOT / "docs/attacks/veth.json"


def load():
    return json.loads(RESULTS.read_text(encoding="utf-8"))


def rows(family):
    return [row for row in load()["rows"] if row["family"] == family and "rate" in row]


def newest():
    """The commit of the latest measurements. Rows of another one say so behind their name."""
    return max(load()["rows"], key=lambda row: row["date"])["commit"]


def name_of(row):
    return f"`{row['attack']}`" + ("" if row["commit"] == newest() else f" ({row['commit']})")


def ms(value):
    return "-" if value is None else f"{value:,.0f}"


def served(family):
    """What the clients noticed, and what a packet costs."""
    def cost(row):
        cost = row["per_packet"]
        if cost["cycles"] is None:
            return "-"
        return f"{cost['cycles']:,}" + (f" ({cost['kernel_share']:.0%})" if cost["kernel_share"] is not None else "")
    return table(["attack", "packets/s sent (received)", "completed / offered", "p99 beside / without, ms", "cycles per packet (in the kernel)"],
                 [[name_of(row), f"{row['rate']:,} ({row['received_share']:.0%})", f"{row['during']['completed']:,} / {row['during']['offered']:,}",
                   f"{ms(row['during']['p99_ms'])} / {ms(row['quiet']['p99_ms'])}", cost(row)] for row in rows(family)])


def memory(family):
    """Resident memory and records."""
    def most(row):
        records = row["records"]["most"]
        return f"{records['open']:,} / {records['half_open']:,} / {records['time_wait']:,}"
    return table(["attack", "resident MiB before / first / second wave", "at most", "most open / half-open / TIME-WAIT", "all free after, s"],
                 [[name_of(row), f"{row['resident_mib']['before']:.0f} / {row['resident_mib']['first']:.0f} / {row['resident_mib']['second']:.0f}",
                   f"{row['resident_mib']['most']:.0f}", most(row), "never" if row["free_s"] is None else f"{row['free_s']:.0f}"] for row in rows(family)])


def meanings():
    seen = {row["attack"]: row.get("what", "") for row in load()["rows"]}
    return table(["attack", "what is sent"], [[f"`{name}`", what] for name, what in seen.items()])


def by_commit():
    """{commit: its rows}, the newest commit first."""
    groups = {newest(): []}
    for row in load()["rows"]:
        groups.setdefault(row["commit"], []).append(row)
    return groups


def conditions():
    kept = load()
    parts = [f"{len(group)} attacks: commit {commit}, {group[0]['date']}, two waves of {group[0]['waves_s']:g} s." for commit, group in by_commit().items()]
    return (f"{' '.join(parts)} Linux {kept['kernel']}, {kept['cores']} cores; "
            f"clients open {kept['rate']} connections per second, one request each.")


# How a fault begins (tests/attack/scene.py), and what the page calls it.
FAULTS = {"completed": "fewer completions", "not normal": "not normal 1 s after the attack", "grew": "more memory than the limit",
          "the second wave": "more memory in the second wave", "records not free": "records not free in time"}


def kind_of(fault):
    return next((name for begin, name in FAULTS.items() if fault.startswith(begin)), "the harness failed")


def verdict():
    """How many attacks meet all goals, which needed more than one run, and what the others missed, for each commit."""
    return "\n\n".join(verdict_of(commit, group) for commit, group in by_commit().items())


def verdict_of(commit, group):
    bad = [row for row in group if row["wrong"]]
    repeated = {}
    for row in group:
        for kind in {kind_of(fault) for fault in row["earlier"]}:
            repeated.setdefault(kind, []).append(f"`{row['attack']}` (IPv{row['family']})")
    first = sum(not row["wrong"] and not row["earlier"] for row in group)
    again = len(group) - len(bad) - first
    lines = [f"**Commit {commit}: {first} of {len(group)} attacks met every goal in the first run, {again} in a second or third, {len(bad)} in none.**", ""]
    lines += [f"- Not met in any run: `{row['attack']}`, IPv{row['family']}: {'; '.join(fault.partition(': {')[0] for fault in row['wrong'])}." for row in bad]
    lines += [f"- Repeated, {kind}: {', '.join(names)}." for kind, names in sorted(repeated.items())]
    return "\n".join(lines).rstrip()


TABLES = {"attacks-served-4": lambda: served(4), "attacks-served-6": lambda: served(6), "attacks-memory-4": lambda: memory(4),
          "attacks-memory-6": lambda: memory(6), "attacks-meanings": meanings, "attacks-conditions": conditions, "attacks-verdict": verdict}
