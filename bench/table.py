"""The table of bench/run: one row a figure, one column a contender, as Markdown."""
import statistics

KIB, MIB = 1024, 1 << 20


class Row:
    """`value(name, load, memory)` gives a contender's figure of each round. `hold` is what Mooring
    shall hold; `of_haproxy` the same as a share of HAProxy's figure on the machine where the bounds
    were set."""

    def __init__(self, text, value, hold=None, of_haproxy=None, more_is_better=False, digits=1):
        self.text, self.value, self.hold, self.of_haproxy = text, value, hold, of_haproxy
        self.more_is_better, self.digits = more_is_better, digits


def load_value(workload, field, scale=1.0):
    def value(name, load, memory):
        return [report[field] * scale for report in load.get((workload, name), [])]
    return value


def processor_time(workload):
    def value(name, load, memory):
        return [] if name == "direct" else load_value(workload, "program_us")(name, load, memory)
    return value


def added_latency(name, load, memory):
    direct = load.get(("one", "direct"), [])
    if name == "direct":
        return [report["p50_us"] for report in direct]
    return [report["p50_us"] - base["p50_us"]
            for report, base in zip(load.get(("one", name), []), direct)]


def memory_value(state, field, scale):
    def value(name, load, memory):
        return [found[state][field] / scale for found in memory.get(name, [])]
    return value


def memory_per_client(name, load, memory):
    return [found["per client"] / KIB for found in memory.get(name, [])]


def memory_left(name, load, memory):
    return [found["left"]["VmRSS"] / found["rest"]["VmRSS"] for found in memory.get(name, [])]


def most_upstream(name, load, memory):
    peaks = [report["upstream"] for (_, who), reports in load.items() if who == name
             for report in reports]
    return [max(peaks + [found["upstream"] for found in memory.get(name, [])], default=0)]


def rows(most):
    rss = [memory_value(state, "VmRSS", MIB) for state in ("rest", "1,000", "most")]
    return [
        Row("latency added at 1 client, p50, µs (direct: its own)", added_latency, 17, 17 / 19),
        Row("processor time per operation, 1 client, µs", processor_time("one"), 14, 14 / 16),
        Row("… 64 clients over 16, µs", processor_time("busy"), 12.5, 12.5 / 10),
        Row("… 2,000 clients, 20 active, µs", processor_time("many"), 14.5, 14.5 / 14.5),
        Row("… find of 16 KiB, µs", processor_time("16 KiB"), 15, 15 / 18),
        Row("… find of 1 MiB, µs", processor_time("1 MiB"), 350, 350 / 362, digits=0),
        Row("… connect, hello, find, close, µs", processor_time("churn"), 45, 45 / 67),
        Row("… TLS upstream, 64 clients, µs", processor_time("TLS busy"), 17, 17 / 13),
        Row("… TLS upstream, 1 client, µs", processor_time("TLS one"), 19, 19 / 20),
        Row("throughput, 64 clients over 16, thousands/s", load_value("busy", "per_second", 1e-3),
            of_haproxy=0.85, more_is_better=True),
        Row("p99, 64 clients over 16, µs", load_value("busy", "p99_us"), digits=0),
        Row("connect, hello, find, close, thousands/s", load_value("churn", "per_second", 1e-3),
            of_haproxy=1.3, more_is_better=True),
        Row("… new upstream connections", load_value("churn", "dials"), 0, digits=0),
        Row("resident at rest, MiB", rss[0], 14),
        Row("… of it private (RssAnon), MiB", memory_value("rest", "RssAnon", MIB), 5),
        Row("resident with 1,000 idle clients, MiB", rss[1]),
        Row(f"resident with {most:,} idle clients, MiB", rss[2], 24),
        Row("… of it private (RssAnon), MiB", memory_value("most", "RssAnon", MIB)),
        Row("… per idle client, KiB", memory_per_client, 1, digits=2),
        Row("resident after they left, times that at rest", memory_left, 1.2, digits=2),
        Row("most upstream connections that served at once", most_upstream, 16, digits=0),
    ]


def cell(values, digits):
    if not values:
        return "–"
    middle = f"{statistics.median(values):,.{digits}f}"
    if len(values) == 1 or min(values) == max(values):
        return middle
    return f"{middle} ({min(values):,.{digits}f}–{max(values):,.{digits}f})"


def ratios(mine, other):
    return [a / b for a, b in zip(mine, other) if b]


def verdict(row, mine, ratio):
    """How the median stands to the row's bound. Where there is one on the ratio to HAProxy, that
    one counts: machines differ in it less."""
    by_ratio = row.of_haproxy is not None and ratio
    bound, values = (row.of_haproxy, ratio) if by_ratio else (row.hold, mine)
    if bound is None or not values:
        return "–"
    middle = statistics.median(values)
    if (middle >= bound) if row.more_is_better else (middle <= bound):
        return "holds"
    off = bound / max(middle, 1e-9) if row.more_is_better else middle / max(bound, 1e-9)
    return f"{off:.2f}× off" if bound else "off"


def bounds(row):
    sign = "≥" if row.more_is_better else "≤"
    parts = [] if row.hold is None else [f"{sign} {row.hold:g}"]
    if row.of_haproxy is not None:
        parts.append(f"{sign} {row.of_haproxy:.2f} of HAProxy")
    return "; ".join(parts) or "–"


def line(row, names, load, memory):
    found = {name: row.value(name, load, memory) for name in names}
    mine, ratio = found.get("Mooring", []), []
    if mine and found.get("HAProxy"):
        ratio = ratios(mine, found["HAProxy"])
    return [row.text, *(cell(found[name], row.digits) for name in names), cell(ratio, 2),
            bounds(row), verdict(row, mine, ratio)]


def count_wrong(load, memory):
    found = [report["wrong"] for reports in load.values() for report in reports]
    return sum(found) + sum(one["wrong"] for ones in memory.values() for one in ones)


def show(names, load, memory, most):
    """Prints it; returns how many replies were another's."""
    names = [{"Direct": "direct", "Mongobetween": "mongobetween"}.get(name, name) for name in names]
    lines = [["figure: median (min–max)", *names, "Mooring / HAProxy", "hold", "Mooring"]]
    lines += [line(row, names, load, memory) for row in rows(most)
              if any(row.value(name, load, memory) for name in names)]
    widths = [max(len(one[i]) for one in lines) for i in range(len(lines[0]))]
    lines.insert(1, ["-" * width for width in widths])
    for one in lines:
        print("| " + " | ".join(text.ljust(width) for text, width in zip(one, widths)) + " |")
    return count_wrong(load, memory)
