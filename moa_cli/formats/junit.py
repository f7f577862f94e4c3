"""A comparison as JUnit XML, which CI systems show: a suite per benchmark, a case per row."""

from __future__ import annotations

from xml.etree import ElementTree

from moa_cli.comparisons import Comparison, GateVerdict, Row, alike, failed_words
from moa_cli.words import interval, one_line


def xml(comparison: Comparison) -> bytes:
    """A comparison as a file in which a case fails where its row became worse than the baseline.

    A case is skipped where nobody can be sure. Without a baseline those fail of which a training failed.
    """
    suites = ElementTree.Element("testsuites", name="moa compare")
    gate = comparison.gate
    words = {benchmark.name: benchmark.word("scores") for benchmark in comparison.benchmarks}
    warnings = {benchmark.name: benchmark.warnings for benchmark in comparison.benchmarks}
    for name, cases in _cases(comparison).items():
        suite = ElementTree.SubElement(suites, "testsuite", name=one_line(name))
        counts = {"tests": len(cases), "failures": 0, "skipped": 0}
        failed = _failed(comparison, name)
        for method, (row, verdict) in cases.items():
            case = ElementTree.SubElement(suite, "testcase", classname=one_line(name), name=one_line(method))
            if gate and verdict and verdict.worse:
                counts["failures"] += 1
                message = f"{verdict.told}; tolerance {100 * gate.tolerance:g} %, baseline {gate.baseline}"
                ElementTree.SubElement(case, "failure", message=one_line(message), type=verdict.verdict)
            elif method in failed:
                counts["failures"] += 1
                ElementTree.SubElement(case, "failure", message="; ".join(failed[method]), type="failed")
            elif verdict and verdict.verdict == "unsure":
                counts["skipped"] += 1
                ElementTree.SubElement(case, "skipped", message=one_line(verdict.told))
            if row:
                volume = f"{words[name]} hypervolume {interval(*row.scores.volume)}"
                told = [volume, *(f"warning: {warning}" for warning in warnings[name])]
                ElementTree.SubElement(case, "system-out").text = "\n".join(told)
        suite.attrib.update({key: str(count) for key, count in counts.items()})
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _cases(comparison: Comparison) -> dict[str, dict[str, tuple[Row | None, GateVerdict | None]]]:
    """Row and verdict by benchmark and method; one of the two may be missing."""
    cases: dict[str, dict[str, tuple[Row | None, GateVerdict | None]]] = {}
    for benchmark in comparison.benchmarks:
        cases[benchmark.name] = {row.method: (row, None) for row in benchmark.rows}
    for verdict in comparison.gate.verdicts if comparison.gate else ():
        suite = cases.setdefault(verdict.benchmark, {})
        suite[verdict.method] = suite.get(verdict.method, (None, None))[0], verdict
    for failure in comparison.failures:
        suite = cases.setdefault(failure.benchmark, {})
        suite.setdefault(comparison.case_of(failure), (None, None))
    return cases


def _failed(comparison: Comparison, name: str) -> dict[str, list[str]]:
    """What failed on a benchmark, by the case that it belongs to."""
    failed: dict[str, list[str]] = {}
    for group in alike(failure for failure in comparison.failures if failure.benchmark == name):
        failed.setdefault(comparison.case_of(group[0]), []).append(failed_words(group))
    return failed
