"""A report as the files other tools read: SARIF for code hosts, JUnit for build servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from mlops_cli import __version__
from mlops_cli.core.diagnostics import Severity
from mlops_cli.core.errors import UsageError
from mlops_cli.core.files import write_atomic
from mlops_cli.core.redact import printable, redact

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_cli.core.diagnostics import Diagnostic

    from .report import CheckReport

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def write(report: CheckReport, *, sarif: Path | None = None, junit: Path | None = None) -> None:
    """Write the report to the files asked for.

    Raises:
        UsageError: A file could not be written.
    """
    for path, text in ((sarif, to_sarif), (junit, to_junit)):
        if path is None:
            continue
        try:
            write_atomic(path, redact(text(report)))
        except OSError as error:
            raise UsageError(f"Could not write `{path}`: {error.strerror}") from error


def to_sarif(report: CheckReport) -> str:
    """The findings as SARIF 2.1.0; every check that ran is one of its rules."""
    from .registry import checks

    rules = [
        {
            "id": code,
            "shortDescription": {"text": checks()[code].title},
            "fullDescription": {"text": checks()[code].documentation},
            "defaultConfiguration": {"level": _LEVELS[checks()[code].severity]},
        }
        for code in report.checks_run
        if code in checks()
    ]
    run = {
        "tool": {"driver": {"name": "mlops", "semanticVersion": __version__, "rules": rules}},
        "originalUriBaseIds": {"PROJECT": {"uri": f"{report.root.absolute().as_uri()}/"}},
        "results": [_result(item) for item in report.diagnostics],
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": _SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _result(item: Diagnostic) -> dict[str, Any]:
    lines = (item.summary, item.hint and f"Fix: {item.hint}")
    result: dict[str, Any] = {
        "ruleId": item.code,
        "level": _LEVELS[item.severity],
        "message": {"text": "\n".join(line for line in lines if line)},
    }
    if item.at:
        place: dict[str, Any] = {
            "artifactLocation": {"uri": item.at.path.as_posix(), "uriBaseId": "PROJECT"}
        }
        if item.at.line:
            region = {"startLine": item.at.line, "startColumn": item.at.column}
            place["region"] = {key: value for key, value in region.items() if value}
        result["locations"] = [{"physicalLocation": place}]
    return result


def to_junit(report: CheckReport) -> str:
    """One test case for each check: failed when it found what fails this validation."""
    from xml.etree import ElementTree as ET

    failing = {Severity.ERROR, Severity.WARNING} if report.strict else {Severity.ERROR}
    suite = ET.Element("testsuite", name="mlops validate", time=f"{report.seconds:.3f}")
    failures = 0
    for code in report.checks_run:
        case = ET.SubElement(suite, "testcase", classname="mlops.validate", name=code)
        for item in report.diagnostics:
            if item.code != code:
                continue
            text = _xml(f"{item.at or ''}\n{item.detail or ''}\n{item.hint or ''}".strip())
            if item.severity in failing:
                failures += 1
                ET.SubElement(case, "failure", message=_xml(item.summary)).text = text
            else:
                ET.SubElement(case, "system-out").text = f"{_xml(item.summary)}\n{text}"
    for left_out in report.skipped:
        case = ET.SubElement(suite, "testcase", classname="mlops.validate", name=left_out.code)
        ET.SubElement(case, "skipped", message=_xml(left_out.reason))
    total = len(report.checks_run) + len(report.skipped)
    suite.set("tests", str(total))
    suite.set("failures", str(failures))
    suite.set("skipped", str(len(report.skipped)))
    return ET.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _xml(text: str) -> str:
    # XML 1.0 has no way to write most control characters.
    return printable(text)
