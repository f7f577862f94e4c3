"""A comparison as JUnit XML, which CI systems show: a suite per benchmark, a case per row."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

from moa_cli.comparisons import WORSE, told_verdict
from moa_cli.words import interval, one_line


def xml(document: dict[str, Any]) -> bytes:
    """A comparison as a file in which a case fails where its row became worse than the baseline.

    A case is skipped where nobody can be sure; without a baseline all pass.
    """
    suites = ElementTree.Element("testsuites", name="moa compare")
    gate = document.get("gate") or {}
    for name, cases in _cases(document).items():
        suite = ElementTree.SubElement(suites, "testsuite", name=one_line(name))
        counts = {"tests": len(cases), "failures": 0, "skipped": 0}
        for method, (row, verdict) in cases.items():
            case = ElementTree.SubElement(suite, "testcase", classname=one_line(name), name=one_line(method))
            if verdict and verdict["verdict"] in WORSE:
                counts["failures"] += 1
                message = (
                    f"{told_verdict(verdict)}; tolerance {100 * gate['tolerance']:g} %, baseline {gate['baseline']}"
                )
                ElementTree.SubElement(case, "failure", message=one_line(message), type=verdict["verdict"])
            elif verdict and verdict["verdict"] == "unsure":
                counts["skipped"] += 1
                ElementTree.SubElement(case, "skipped", message=one_line(told_verdict(verdict)))
            if row:
                volume = interval(*(row["evaluator"][key] for key in ("hypervolume", "hv_low", "hv_high")))
                ElementTree.SubElement(case, "system-out").text = f"held-out hypervolume {volume}"
        suite.attrib.update({key: str(count) for key, count in counts.items()})
    ElementTree.indent(suites)
    return ElementTree.tostring(suites, encoding="utf-8", xml_declaration=True) + b"\n"


def _cases(document: dict[str, Any]) -> dict[str, dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]]]:
    """Row and verdict by benchmark and method; one of the two may be missing."""
    cases: dict[str, dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]]] = {}
    for benchmark in document["benchmarks"]:
        cases[benchmark["name"]] = {row["method"]: (row, None) for row in benchmark["rows"]}
    for verdict in (document.get("gate") or {"verdicts": []})["verdicts"]:
        suite = cases.setdefault(verdict["benchmark"], {})
        suite[verdict["method"]] = suite.get(verdict["method"], (None, None))[0], verdict
    return cases
