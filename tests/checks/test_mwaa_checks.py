"""What MWAA would install: one thing wrong at a time, against a small package index over HTTP."""

from __future__ import annotations

import functools
import shutil
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlops_cli.checks import validate
from mlops_cli.core.progress import Silent

MWAA = """
  prod:
    kind: mwaa
    environment_name: acme-prod
    account: "123456789012"
    region: eu-central-1
"""
GITHUB = "https://raw.githubusercontent.com/apache/airflow"
LINE = f'--constraint "{GITHUB}/constraints-3.3.1/constraints-3.12.txt"\n'
OFF = "# -c none, on purpose\n"
STATIC = ("MLP801", "MLP802", "MLP803", "MLP804", "MLP805", "MLP807")
NOWHERE = "http://127.0.0.1:9"
CONSTRAINTS = "constraints-3.3.1/constraints-3.12.txt"


@pytest.fixture
def project(pristine, tmp_path):
    """The Iris project with an environment of MWAA; it may be broken."""
    root = Path(shutil.copytree(pristine, tmp_path / "iris"))
    manifest = root / "mlops.yaml"
    text = manifest.read_text()
    assert "\n  local:\n" in text
    manifest.write_text(text.replace("environments:\n", f"environments:{MWAA}", 1))
    (root / "mwaa/plugins").mkdir(parents=True)
    return root


class Quiet(SimpleHTTPRequestHandler):
    """Serves files and says nothing of it."""

    def log_message(self, *_):
        """Keep the screen of the tests clean."""


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The address of an index with an Airflow, a provider, and a package for Macs alone."""
    root = tmp_path_factory.mktemp("index")
    wheel(root / "simple", "apache-airflow", "3.3.1", needs=["colours<2"])
    for version in ("1.0", "2.0"):
        wheel(root / "simple", "colours", version)
    wheel(root / "simple", "provider", "9.1", needs=["colours==2.0"])
    wheel(root / "simple", "provider", "9.2", needs=["colours==1.0"])
    wheel(root / "simple", "shapes", "1.0")
    wheel(root / "simple", "shapes", "2.0")
    wheel(root / "simple", "apples", "1.0", tag="cp312-cp312-macosx_11_0_arm64")
    wheel(root / "more", "colours", "0.5")
    (root / CONSTRAINTS).parent.mkdir()
    (root / CONSTRAINTS).write_text("shapes==1.0\n")
    with ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=root)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def asking(index, tmp_path, monkeypatch):
    """`uv` asks that index, and remembers nothing of another test."""
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{index}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    for name in ("UV_FIND_LINKS", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    return index


def wheel(folder, name, version, *, needs=(), tag="py3-none-any"):
    """A wheel with nothing in it, where an index of that folder shows it."""
    place = folder / name
    place.mkdir(parents=True, exist_ok=True)
    stem = f"{name.replace('-', '_')}-{version}"
    facts = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    facts += "".join(f"Requires-Dist: {need}\n" for need in needs)
    with zipfile.ZipFile(place / f"{stem}-{tag}.whl", "w") as archive:
        archive.writestr(f"{stem}.dist-info/METADATA", facts)
        archive.writestr(f"{stem}.dist-info/WHEEL", f"Wheel-Version: 1.0\nTag: {tag}\n")
        archive.writestr(f"{stem}.dist-info/RECORD", "")


def want(project, text):
    (project / "mwaa/requirements.txt").write_bytes(text.encode())


def found(project, *select, environment="prod"):
    chosen = select or STATIC
    report = validate(project, environment=environment, select=chosen, progress=Silent())
    return report.diagnostics


def the_one(project, *select):
    (one,) = found(project, *select)
    return one


def at(one):
    return (one.at.line, one.at.column)


def test_a_project_without_the_folder_has_nothing_to_say(project):
    assert found(project, "MLP8") == ()


def test_what_is_right_is_silent(project):
    (project / "mwaa/plugins/c.txt").write_text("a==1\n")
    (project / "mwaa/plugins/own-1-py3-none-any.whl").write_bytes(b"")
    (project / "mwaa/startup.sh").write_text("#!/bin/sh\necho hello\n")
    want(
        project,
        f"{LINE}apache-airflow[amazon]==3.3.1  # ours\r\n"
        "-c /usr/local/airflow/plugins/c.txt\n--find-links /usr/local/airflow/plugins\n"
        "/usr/local/airflow/plugins/own-1-py3-none-any.whl\n"
        'requests[socks] >= 2.0, < 3 ; python_version > "3.8" \\\n  --hash=sha256:00\n'
        f"x @ git+https://example.test/x.git@{'a' * 40}\n--only-binary :all:\n",
    )
    assert found(project) == ()


@pytest.mark.parametrize(
    ("code", "line", "column", "says", "hint"),
    [
        ("MLP801", "foo ==== 3", 5, "pip cannot read this line: ", None),
        ("MLP801", "  foo 1.0", 7, "pip cannot read this line: ", None),
        ("MLP801", "--lucky", 1, "pip takes no option `--lucky`", None),
        ("MLP801", "-c", 1, "`--constraint` has no value", None),
        ("MLP801", '-c "x', 1, "a quote is not closed", None),
        ("MLP802", "-r more.txt", 1, "`more.txt` is not there", "Write the lines"),
        ("MLP802", "-e .", 1, "`.` cannot be installed as editable", "uv build --wheel"),
        ("MLP802", "./own.zip", 1, "`./own.zip` is a path of this machine", "cp ./own.zip mwaa"),
        ("MLP802", "-c own.txt", 1, "`own.txt` is a path of this machine", "mwaa/plugins/"),
        ("MLP802", "a @ file:///x/a.zip", 1, "`/x/a.zip` is a path", "cp /x/a.zip mwaa/plugins/"),
        (
            "MLP802",
            "/usr/local/airflow/plugins/a-1-py3-none-any.whl",
            1,
            "`mwaa/plugins/a-1-py3-none-any.whl` does not exist",
            "cp a-1-py3-none-any.whl mwaa/plugins",
        ),
        ("MLP802", "a @ git+ssh://git@example.test/a.git", 1, "needs a key of SSH", "a wheel"),
        ("MLP802", "a @ git+https://example.test/a.git@main", 1, "no commit", "git ls-remote"),
        ("MLP803", "apache-airflow==3.3.2", 1, "is another Airflow than", "apache-airflow==3.3.1"),
        ("MLP803", "Apache_Airflow[x]<3", 1, "is another Airflow than", "Delete the line"),
        ("MLP803", "apache-airflow-core==3.2.1", 1, "another Airflow", "Delete the line"),
        (
            "MLP805",
            "https://example.test/a-1.0-cp312-cp312-macosx_11_0_arm64.whl",
            1,
            "is for another machine or Python: cp312-cp312-macosx_11_0_arm64",
            "pip download --no-deps --only-binary :all: --python-version 3.12",
        ),
        (
            "MLP805",
            "a @ https://example.test/a-1.0-cp311-cp311-manylinux_2_28_x86_64.whl",
            1,
            "is for another machine or Python",
            "a==1.0",
        ),
        (
            "MLP805",
            "https://example.test/a-1.0-cp312-cp312-manylinux_2_28_aarch64.whl",
            1,
            "is for another machine or Python",
            "a==1.0",
        ),
    ],
)
def test_the_line_to_change_is_named(project, code, line, column, says, hint):
    want(project, f"{LINE}# what we need\n{line}\n")
    one = the_one(project)
    assert (one.code, at(one)) == (code, (3, column))
    assert says in one.summary
    assert hint is None or hint in one.hint
    assert found(project, environment="local") == ()


def test_everything_wrong_is_said_at_once(project):
    want(project, f"{LINE}foo ==== 3\n-e .\napache-airflow==2.10.1\n")
    said = [(one.code, one.at.line) for one in found(project, "MLP8")]
    assert said == [("MLP801", 2), ("MLP802", 3), ("MLP803", 4)]


def test_without_constraints_the_line_to_add_is_said(project):
    want(project, "requests\n")
    one = the_one(project)
    assert (one.code, one.severity, at(one)) == ("MLP804", "warning", (1, 1))
    assert LINE.strip() in one.hint
    want(project, f"{OFF}requests\n")
    assert found(project) == ()


@pytest.mark.parametrize("pair", ["3.0.6/constraints-3.12", "3.3.1/constraints-3.11"])
def test_the_constraints_of_another_version_are_refused(project, pair):
    want(project, f"-c {GITHUB}/constraints-{pair}.txt\nrequests\n")
    one = the_one(project)
    assert (one.code, one.severity, at(one)) == ("MLP804", "error", (1, 1))
    assert LINE.strip() in one.hint


@pytest.mark.parametrize(
    ("tag", "fits"),
    [
        ("py3-none-any", True),
        ("cp312-cp312-manylinux_2_28_x86_64", True),
        ("cp39-abi3-manylinux_2_17_x86_64.manylinux2014_x86_64", True),
        ("cp312-cp312-manylinux_2_39_x86_64", False),
        ("cp313-cp313-manylinux_2_28_x86_64", False),
        ("cp312-cp312-musllinux_1_2_x86_64", False),
        ("cp312-cp312-win_amd64", False),
    ],
)
def test_a_wheel_among_the_plugins_has_to_fit(project, tag, fits):
    path = project / f"mwaa/plugins/own-1.0-{tag}.whl"
    path.write_bytes(b"")
    said = found(project)
    assert [(one.code, str(one.at)) for one in said] == (
        [] if fits else [("MLP805", f"mwaa/plugins/{path.name}")]
    )


@pytest.mark.parametrize(
    ("content", "severity", "place", "says"),
    [
        (b"#!/bin/sh\necho a\r\n", "error", (2, 7), "as on Windows"),
        (b"\xef\xbb\xbf#!/bin/sh\n", "error", (1, 1), "byte order mark"),
        (b"#!/bin/sh\n\0", "error", (None, None), "no text in UTF-8"),
        (b"echo a\n", "warning", (1, 1), "does not say what runs it"),
    ],
)
def test_the_startup_script_is_one_for_linux(project, content, severity, place, says):
    (project / "mwaa/startup.sh").write_bytes(content)
    one = the_one(project)
    assert (one.code, one.severity, at(one)) == ("MLP807", severity, place)
    assert says in one.summary


def test_a_password_in_an_address_is_a_secret_and_not_shown(project):
    want(project, f"{LINE}-i https://me:hunter2hunter2@example.test/packages\nrequests\n")
    report = validate(project, environment="prod", select=(*STATIC, "MLP701"), progress=Silent())
    (one,) = report.diagnostics
    assert (one.code, one.at.line) == ("MLP701", 2)
    assert "hunter2" not in repr(report)


@pytest.mark.parametrize("more", ["", "--extra-index-url {}/more\n"], ids=["one", "two indexes"])
def test_requirements_that_go_together_are_silent(project, asking, more):
    want(project, f"-c {asking}/{CONSTRAINTS}\n{more.format(asking)}provider\nshapes\n")
    assert found(project, "MLP8") == ()


@pytest.mark.parametrize(
    ("line", "hint"),
    [("provider==9.1", "Write `provider==9.2` in line 4"), ("shapes==2.0", "Write `shapes==1.0`")],
    ids=["with Airflow", "with the constraints"],
)
def test_the_version_that_would_do_is_proposed(project, asking, line, hint):
    want(project, f"-c {asking}/{CONSTRAINTS}\n\ncolours\n{line}\n")
    one = the_one(project, "MLP806")
    assert (one.severity, at(one)) == ("error", (4, 1))
    assert f"`{line}` cannot be installed together with the rest and Airflow 3.3.1" in one.summary
    assert hint in one.hint
    assert line in one.detail


@pytest.mark.parametrize("line", ["apples==1.0", "nobody-has-this"])
def test_a_package_without_a_fitting_wheel_is_refused(project, asking, line):
    want(project, f"{OFF}{line}\n")
    one = the_one(project, "MLP806")
    assert (one.severity, at(one)) == ("error", (2, 1))
    assert f"`{line}` cannot be installed with Airflow 3.3.*" in one.summary


@pytest.mark.parametrize(
    ("named", "code"), [("own-1.0", None), ("own-2.0", "MLP806")], ids=["there", "missing"]
)
def test_without_an_index_the_plugins_have_what_is_named(
    project, monkeypatch, tmp_path, named, code
):
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{NOWHERE}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    wheel(project / "mwaa", "plugins", "0")
    wheel(project / "made", "own", "1.0", needs=["in-the-image"])
    (whole,) = (project / "made/own").iterdir()
    whole.rename(project / "mwaa/plugins" / whole.name)
    want(
        project,
        f"{OFF}--no-index\n--find-links /usr/local/airflow/plugins\n{named.replace('-', '==')}\n",
    )
    assert [one.code for one in found(project, "MLP8")] == ([code] if code else [])


def test_constraints_that_cannot_be_read_are_noted_and_the_rest_is_resolved(project, asking):
    lost = f"{NOWHERE}/{CONSTRAINTS}"
    want(project, f"-c {lost}\nshapes==2.0\n")
    note = the_one(project, "MLP806")
    assert (note.severity, at(note)) == ("note", (1, 1))
    assert note.summary == f"Not checked against `{lost}`: it could not be read"
    want(project, f"-c {lost}\nprovider==9.1\n")
    error, note = sorted(found(project, "MLP806"), key=lambda one: one.severity)
    assert (error.severity, note.severity) == ("error", "note")
    assert error.hint == "Write `provider` in line 2: the constraints choose its version"


def test_an_index_that_does_not_answer_is_noted_and_fails_nothing(project, monkeypatch, tmp_path):
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{NOWHERE}/simple")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "uv"))
    want(project, f"{OFF}requests\n")
    report = validate(project, environment="prod", select=("MLP8",), strict=True, progress=Silent())
    (note,) = report.diagnostics
    assert (note.code, note.severity, report.exit_code) == ("MLP806", "note", 0)
    assert note.summary == "Not resolved: no answer of the package index"
    assert "127.0.0.1:9" in note.detail


def test_what_only_the_environment_knows_is_noted(project, asking):
    want(
        project,
        "-c /usr/local/airflow/dags/c.txt\n"
        f"x @ git+https://example.test/x.git@{'a' * 40}\nprovider\n",
    )
    said = found(project, "MLP806")
    assert [(one.severity, at(one)) for one in said] == [("note", (1, 1)), ("note", (2, 1))]
    assert all(one.summary.startswith("Not checked: ") for one in said)


def test_what_could_not_be_asked_is_asked_again(project, asking, monkeypatch):
    def report():
        made = validate(project, environment="prod", progress=Silent())
        return made.cached, [one.code for one in made.diagnostics]

    (project / "quality/raw.dqdl").unlink()  # an error, so that no Airflow is started
    want(project, f"{OFF}provider\n")
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{NOWHERE}/simple")
    assert report() == (False, ["MLP401", "MLP806"])
    monkeypatch.setenv("UV_DEFAULT_INDEX", f"{asking}/simple")
    assert report() == (False, ["MLP401"])
    assert report() == (True, ["MLP401"])
