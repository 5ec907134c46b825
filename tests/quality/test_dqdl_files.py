"""Rules about files: FileFreshness, FileSize, FileMatch, FileUniqueness."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime

import pytest

from mlops_cli.quality import check

NOW = datetime(2026, 6, 15, 12, 30, 45, tzinfo=UTC)


def stamp(path, *moment):
    at = datetime(*moment, tzinfo=UTC).timestamp()
    os.utime(path, (at, at))


@pytest.fixture
def folder(tmp_path):
    """Three files: of 2 KiB, of 10 bytes, and one below with the content of the second."""
    found = tmp_path / "in"
    (found / "below").mkdir(parents=True)
    (found / "a.csv").write_bytes(b"a" * 2048)
    (found / "b.csv").write_bytes(b"0123456789")
    (found / "below" / "c.txt").write_bytes(b"0123456789")
    stamp(found / "a.csv", 2026, 6, 15, 12, 0)
    stamp(found / "b.csv", 2026, 6, 14, 23, 30)
    stamp(found / "below" / "c.txt", 2026, 6, 10)
    return found


@pytest.fixture
def judged(folder, csv):
    """Check a rule; `{in}` in it is the folder."""
    data = csv("n\n1\n2\n")

    def run(rule):
        text = f"Rules = [ {rule.replace('{in}', str(folder))} ]"
        (found,) = check(text, data, now=NOW).outcomes
        return found

    return run


SHA = hashlib.sha256(b"0123456789").hexdigest()
MD5 = hashlib.md5(b"0123456789").hexdigest()

OUTCOMES = [
    ('FileSize "{in}" > 5 B', "PASS"),
    ('FileSize "{in}" > 10 B', "FAIL"),
    ('FileSize "{in}" > 10 B with threshold > 0.3', "PASS"),
    ('FileSize "{in}" > 10 B with threshold > 0.4', "FAIL"),
    ('FileSize "{in}/a.csv" = 2 KB', "PASS"),  # 1024 bytes each
    ('FileSize "{in}/a.csv" = 2048', "PASS"),
    ('FileSize "{in}/a.csv" between 1 KB and 2 KB', "FAIL"),  # both ends are excluded
    ('FileSize "{in}/a.csv" not between 1 KB and 2 KB', "PASS"),
    ('FileSize "{in}/*.csv" in [10 B, 2 KB]', "PASS"),
    ('FileSize "{in}/*.csv" not in [10 B]', "FAIL"),
    ('FileSize "{in}" > 1 KB with recentFiles = 1', "PASS"),
    ("FileSize < 1 KB", "PASS"),  # the data file itself
    ('FileFreshness "{in}" > (now() - 6 days)', "PASS"),
    ('FileFreshness "{in}" > (now() - 2 days)', "FAIL"),
    ('FileFreshness "{in}" > (now() - 2 days) with threshold > 0.6', "PASS"),
    ('FileFreshness "{in}" > (now() - 2 days) with recentFiles = 2', "PASS"),
    ('FileFreshness "{in}/a.csv" between (now() - 31 minutes) and now()', "PASS"),
    ('FileFreshness "{in}/a.csv" between (now() - 30 minutes) and now()', "FAIL"),
    ('FileFreshness "{in}/a.csv" > "11:59 AM"', "PASS"),
    ('FileFreshness "{in}/a.csv" > "12:01"', "FAIL"),
    ('FileFreshness "{in}/a.csv" > "1:59 PM" with timeZone = "Europe/Berlin"', "PASS"),
    ('FileFreshness "{in}/a.csv" > "2:01 PM" with timeZone = "Europe/Berlin"', "FAIL"),
    ('FileFreshness "{in}/b.csv" = "2026-06-14"', "PASS"),
    ('FileFreshness "{in}/b.csv" = "2026-06-15" with timeZone = "Europe/Berlin"', "PASS"),
    ('FileFreshness "{in}" >= "2026-06-10"', "PASS"),
    (f'FileMatch "{{in}}/b.csv" in ["{SHA}"]', "PASS"),
    (f'FileMatch "{{in}}/b.csv" = "{SHA.upper()}"', "PASS"),
    (f'FileMatch "{{in}}" in ["{SHA}"]', "FAIL"),
    (f'FileMatch "{{in}}" not in ["{SHA}"]', "FAIL"),
    (f'FileMatch "{{in}}/a.csv" != "{SHA}"', "PASS"),
    (f'FileMatch "{{in}}/b.csv" in ["{MD5}"] with hashAlgorithm = "MD5"', "PASS"),
    ('FileMatch "{in}/b.csv" "{in}/below/c.txt"', "PASS"),
    ('FileMatch "{in}/a.csv" "{in}/b.csv"', "FAIL"),
    ('FileMatch "{in}" "{in}"', "PASS"),
    ('FileMatch "{in}" "{in}/below"', "FAIL"),
    ('FileUniqueness "{in}" > 0.3', "PASS"),
    ('FileUniqueness "{in}" = 1', "FAIL"),
    ('FileUniqueness "{in}/*.csv" = 1', "PASS"),
    ('FileUniqueness "{in}/*.csv" = 1 with matchFileName = "true"', "PASS"),
    ("FileUniqueness = 1", "PASS"),
]


@pytest.mark.parametrize(("rule", "expected"), OUTCOMES, ids=[rule for rule, _ in OUTCOMES])
def test_a_rule_has_its_outcome(rule, expected, judged):
    found = judged(rule)
    assert found.outcome == expected, found.message
    assert found.metrics["Dataset.*.FileCount"] >= 1


ERRORS = [
    ('FileSize "{in}/none.csv" > 1 B', "There is no file at"),
    ('FileSize "{in}/*.parquet" > 1 B', "There is no file at"),
    ('FileSize "s3://bucket/" > 1 B', "only local files are read"),
    ('FileSize "{in}/link.csv" > 1 B', "is a link: only plain files"),
    ('FileSize "{in}/pipes" > 1 B', "is not a plain file: only plain files"),
    ('FileSize "{in}/linked" > 1 B', "is a link: only plain files"),
    ('FileSize "{in}/b.*" between 5 KB and 1 KB', "the first end is not below the second"),
    ('FileSize "{in}/b.*" > 1 B with recentFile = 1', "Did you mean `recentFiles`?"),
    ('FileSize "{in}/b.*" > 1 B with recentFiles = "x"', "is no number of files"),
    ('FileFreshness "{in}/b.*" > "9:00 AM" with timeZone = "Mars"', "There is no time zone `Mars`"),
    ('FileFreshness "{in}/b.*" > "9:00 AM" with timeZone = "../UTC"', "There is no time zone"),
    (f'FileMatch "{{in}}/b.csv" in ["{MD5}"]', 'write `with hashAlgorithm = "MD5"`'),
    ('FileMatch "{in}/b.csv" in ["x"] with hashAlgorithm = "CRC"', "no hash algorithm `CRC`"),
    ('FileMatch "{in}/b.csv" matches "x"', "FileMatch takes `=`, `!=`, `in` and `not in`"),
    ('FileUniqueness "{in}/none" = 1', "There is no file at"),
]


@pytest.mark.parametrize(("rule", "message"), ERRORS, ids=[rule for rule, _ in ERRORS])
def test_what_is_no_plain_local_file_is_an_error(rule, message, judged, folder):
    if "link.csv" in rule:
        (folder / "link.csv").symlink_to(folder / "a.csv")
    if "pipes" in rule:
        (folder / "pipes").mkdir()
        os.mkfifo(folder / "pipes" / "pipe")
    if "linked" in rule:
        (folder / "linked").mkdir()
        (folder / "linked" / "up").symlink_to(folder)
    found = judged(rule)
    assert (found.outcome, message in found.message) == ("ERROR", True), found.message


def test_a_name_with_signs_of_a_pattern_is_that_name(judged, folder):
    (folder / "x[1].csv").write_bytes(b"12345")
    (folder / "x1.csv").write_bytes(b"1")
    assert judged('FileSize "{in}/x[1].csv" = 5 B').outcome == "PASS"


def test_the_message_names_a_file_that_is_not_as_it_should_be(judged):
    assert judged('FileSize "{in}" > 10 B').message == (
        "2 of 3 files: `b.csv` does not meet `FileSize > 10 B`"
    )
    assert judged('FileMatch "{in}" "{in}/below"').message.startswith(
        "3 of 3 files: `a.csv` is not in `"
    )
    assert "is not the same in" in judged('FileMatch "{in}/a.csv" "{in}/b.csv"').message


def test_the_metrics_have_the_names_of_glue(judged):
    assert judged('FileUniqueness "{in}" > 0.5').metrics == pytest.approx(
        {"Dataset.*.FileUniquenessRatio": 1 / 3, "Dataset.*.FileCount": 3.0}
    )
    assert judged('FileSize "{in}" > 1 KB').metrics == pytest.approx(
        {"Dataset.*.FileSize.Compliance": 1 / 3, "Dataset.*.FileCount": 3.0}
    )


def test_a_file_that_cannot_be_read_is_an_error(judged, folder):
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    (folder / "a.csv").chmod(0)
    assert judged('FileUniqueness "{in}" = 1').outcome == "ERROR"
