"""docs/OBSERVABILITY.md names every metric as the code has it."""

from pathlib import Path

from shared.model.metric import METRICS

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "OBSERVABILITY.md"
BEGIN, END = "<!-- metrics:", "<!-- end of metrics -->"


def table():
    """The rows as they are to be written."""
    lines = ["| metric | kind | unit | labels | what it is | known by |", "|---|---|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{name}`" for name in metric.labels)
        cells = [f"`{metric.name}`", metric.kind.value, metric.unit, labels, metric.told, metric.source.value]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def test_the_table_of_metrics_is_that_of_the_code():
    text = DOCUMENT.read_text(encoding="utf-8")
    between = text[text.index(BEGIN) : text.index(END)]
    assert between.splitlines()[1:] == table(), "\n".join(table())


def test_alerts_name_metrics_that_there_are():
    import re

    known = {metric.name for metric in METRICS}
    for name in re.findall(r"\bafb_[a-z_]+", DOCUMENT.read_text(encoding="utf-8")):
        base = re.sub(r"_(total|bucket|sum|count)$", "", name)
        assert base in known or name in known, name
