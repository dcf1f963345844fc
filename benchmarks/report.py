"""What is printed: tables for people, and one line of JSON at the end for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.latency import Latency
from benchmarks.race import Result

BATCH = 200


@dataclass(frozen=True, slots=True)
class Measured:
    """All runs on one database."""

    service: Sequence[Result]
    batcher: Sequence[Result]
    latency: Mapping[str, Latency]

    def document(self) -> dict[str, Any]:
        """Return the numbers as they stand in the last line."""
        ours, bare = summary(self.service), summary(self.batcher)
        both = self.latency["both"]
        return {
            "leads_per_s": ours["leads_per_s"],
            "ratio": round(ours["leads_per_s"] / bare["leads_per_s"], 3),
            "calls": ours["calls"],
            "p50_ms": round(both.p50, 1),
            "p99_ms": round(both.p99, 1),
            "service": ours | statements(self.service),
            "batcher": bare,
        }


def summary(results: Sequence[Result]) -> dict[str, Any]:
    """Return the medians of several runs; CPU in seconds per 1,000 leads."""

    def per_thousand(name: str) -> float:
        values: list[float] = [getattr(r, name) / r.leads * 1000 for r in results]
        return round(median(values), 4)

    return {
        "leads_per_s": round(median(r.rate for r in results), 1),
        "calls": int(median(r.calls for r in results)),
        "most_in_flight": max(r.most_in_flight for r in results),
        "cpu_s_per_1000": per_thousand("cpu"),
        "broker_cpu_s_per_1000": per_thousand("broker_cpu"),
        "database_cpu_s_per_1000": per_thousand("database_cpu"),
        "peak_mb": round(max(r.peak_mb for r in results), 1),
    }


def statements(results: Sequence[Result]) -> dict[str, float]:
    """Return what the service's processes sent to the database for every 200 leads."""

    def per_batch(name: str) -> float:
        values: list[float] = [sum(p[name] for p in r.reports.values()) / (r.leads / BATCH) for r in results]
        return round(median(values), 1)

    return {"statements_per_batch": per_batch("statements"), "commits_per_batch": per_batch("commits")}


def show(console: Console, databases: Mapping[str, Measured]) -> None:
    """Print the tables."""
    table = Table(title="Throughput (medians)")
    columns = ("leads/s", "ratio", "calls", "in flight", "CPU s/1,000", "broker", "database", "SQL/200", "commits/200")
    for column in ("", *columns, "peak MB"):
        table.add_column(column, justify="right" if column else "left")
    for kind, measured in databases.items():
        for name, results in (("service", measured.service), ("batcher", measured.batcher)):
            table.add_row(f"{kind} {name}", *_row(measured, results, ours=name == "service"))
    console.print(table)
    _show_latency(console, databases)


def _row(measured: Measured, results: Sequence[Result], *, ours: bool) -> list[str]:
    s = summary(results)
    sql = statements(results) if ours else {}
    ratio = measured.document()["ratio"] if ours else 1.0
    return [
        f"{s['leads_per_s']:,.0f}", f"{ratio:.2f}", str(s["calls"]), str(s["most_in_flight"]),
        f"{s['cpu_s_per_1000']:.3f}", f"{s['broker_cpu_s_per_1000']:.3f}", f"{s['database_cpu_s_per_1000']:.3f}",
        str(sql.get("statements_per_batch", "")), str(sql.get("commits_per_batch", "")), f"{s['peak_mb']:.0f}",
    ]  # fmt: skip


def _show_latency(console: Console, databases: Mapping[str, Measured]) -> None:
    table = Table(title="Latency from publish to receipt, ms")
    for column in ("", "from", "p50", "p99", "worst"):
        table.add_column(column, justify="left" if column in {"", "from"} else "right")
    for kind, measured in databases.items():
        for source, took in measured.latency.items():
            table.add_row(kind, source, f"{took.p50:.1f}", f"{took.p99:.1f}", f"{took.worst:.1f}")
    console.print(table)


def show_profile(console: Console, kind: str, result: Result, top: int) -> None:
    """Print where each process spent its time, in microseconds per lead, and its statements."""
    for name, report in result.reports.items():
        profile = report["profile"]
        per_lead = 1e6 / result.leads
        title = f"{kind}, {name}: {profile['seconds'] * per_lead:.1f} µs CPU per lead in {result.leads:,} leads"
        table = Table("own µs", "with callees", "function", "its lines: µs", title=title)
        for function, own, under, lines in profile["functions"][:top]:
            places = ", ".join(f"{line}: {seconds * per_lead:.1f}" for line, seconds in lines)
            table.add_row(f"{own * per_lead:.1f}", f"{under * per_lead:.1f}", function, places)
        console.print(table)
        below = Table("with callees µs", "function", title=f"{kind}, {name}: with what it calls")
        for function, seconds in profile["below"][:top]:
            below.add_row(f"{seconds * per_lead:.1f}", function)
        console.print(below)
        _show_statements(console, f"{kind}, {name}", report, result.leads)


def _show_statements(console: Console, title: str, report: Mapping[str, Any], leads: int) -> None:
    if "by_statement" not in report:
        return
    batches = leads / BATCH
    table = Table("a batch", "statement", title=f"{title}: statements, {report['commits'] / batches:.1f} commits")
    for statement, count in sorted(report["by_statement"].items(), key=lambda pair: -pair[1]):
        table.add_row(f"{count / batches:.2f}", statement)
    console.print(table)
