"""A check as JUnit XML, which build servers show: a suite for each data file, a case for a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from mlops_cli.core.redact import printable

from .results import ERROR, FAIL

if TYPE_CHECKING:
    from mlops_cli.quality import QualityReport, RuleOutcome

    from .results import DataResult, QualityCheck

_ELEMENTS = {FAIL: "failure", ERROR: "error"}


def to_junit(checked: QualityCheck) -> str:
    """Write a check as one document."""
    suites = ET.Element("testsuites", name=_xml(f"mlops quality check {checked.ruleset}"))
    for result in checked.results:
        suite = ET.SubElement(suites, "testsuite", name=_xml(result.data))
        if result.report is None:
            _no_report(suite, result)
        else:
            _report(suite, result, result.report)
        for name, element in (("tests", "testcase"), ("failures", "failure"), ("errors", "error")):
            suite.set(name, str(len(suite.findall(f".//{element}"))))
    ET.indent(suites)
    return ET.tostring(suites, encoding="unicode", xml_declaration=True) + "\n"


def _no_report(suite: ET.Element, result: DataResult) -> None:
    case = ET.SubElement(
        suite, "testcase", classname=_xml(result.data), name="The data can be read"
    )
    ET.SubElement(case, "error", message=_xml(result.reason)).text = _xml(result.hint or "")


def _report(suite: ET.Element, result: DataResult, report: QualityReport) -> None:
    suite.set("timestamp", f"{report.evaluated_at:%Y-%m-%dT%H:%M:%S}")
    for outcome in report.outcomes:
        name = f"{outcome.name}: {outcome.rule}"
        case = ET.SubElement(suite, "testcase", classname=_xml(result.data), name=_xml(name))
        if outcome.outcome in _ELEMENTS:
            found = ET.SubElement(case, _ELEMENTS[outcome.outcome], message=_xml(outcome.message))
            found.text = _xml(_metrics(outcome))
    if not report.outcomes:
        case = ET.SubElement(suite, "testcase", classname=_xml(result.data), name="There are rules")
        ET.SubElement(case, "error", message="The ruleset has analyzers only, and no rule")


def _metrics(outcome: RuleOutcome) -> str:
    return "\n".join(f"{name} = {value:.10g}" for name, value in outcome.metrics.items())


def _xml(text: str) -> str:
    # XML 1.0 has no way to write control characters, halves of pairs and two odd ones.
    shown = printable(text).replace("\ufffe", "?").replace("\uffff", "?")
    return shown.encode("utf-8", "backslashreplace").decode()
