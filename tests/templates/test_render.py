"""What a template may not do, whoever wrote it; and what the user's own Copier settings cannot."""

from __future__ import annotations

import pytest
from trees import tree

from mlops_cli.core.errors import MlopsError, NotAllowedError, ProjectError, UsageError
from mlops_cli.core.progress import Silent
from mlops_cli.templates import Answers, create

MANIFEST = """\
version: 1
name: {{ name }}
owner: me
model:
  task: regression
  target: y
  features: {x: number}
  source: data/d.csv
  training: {families: {ridge: {}}, select_by: rmse}
  evaluation: {thresholds: {r2: {minimum: 0}}, compare_by: rmse}
environments: {local: {kind: local}}
"""
QUESTIONS = """\
_subdirectory: "project_templates/{{ template }}"
template: {type: str, help: Which, choices: {Small: small}, default: small}
name: {type: str, help: Name}
package: {type: str, help: Package}
"""


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    files = {
        "copier.yml": QUESTIONS,
        "project_templates/small/mlops.yaml.jinja": MANIFEST,
        "project_templates/small/.gitignore": "/data/\n",
        "project_templates/small/{{ package }}/__init__.py": "",
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def write(source, here, name="churn", template="small"):
    return create(
        name,
        template=template,
        into=here,
        answers=Answers(git=False),
        progress=Silent(),
        source=source,
    )


def test_a_template_of_text_needs_no_trust(source, here):
    made = write(source, here)
    assert set(tree(made.path, without=("_mlops",))) == {
        ".copier-answers.yml",
        ".gitignore",
        "churn/__init__.py",
        "mlops.yaml",
    }
    assert (made.path / ".copier-answers.yml").read_text().splitlines()[1] == (
        "_src_path: mlops:small"
    )


@pytest.mark.parametrize(
    "setting",
    [
        "_tasks: ['touch {canary}']",
        "_migrations: [{version: v1, command: 'touch {canary}'}]\n_tasks: ['touch {canary}']",
        "_jinja_extensions: [jinja2.ext.do]",
    ],
)
def test_a_template_that_runs_something_is_refused(source, here, tmp_path, setting):
    canary = tmp_path / "canary"
    questions = source / "copier.yml"
    questions.write_text(QUESTIONS + setting.replace("{canary}", str(canary)) + "\n")
    with pytest.raises(NotAllowedError):
        write(source, here)
    assert not canary.exists()
    assert list(here.iterdir()) == []


def test_trusting_everything_in_the_users_copier_settings_changes_nothing(
    source, here, tmp_path, monkeypatch
):
    canary = tmp_path / "canary"
    settings = tmp_path / "settings.yml"
    settings.write_text(f"trust: ['/', '{tmp_path}/']\ndefaults: {{owner: somebody}}\n")
    monkeypatch.setenv("COPIER_SETTINGS_PATH", str(settings))
    (source / "copier.yml").write_text(QUESTIONS + f"_tasks: ['touch {canary}']\n")
    with pytest.raises(NotAllowedError):
        write(source, here)
    assert not canary.exists()


def test_links_are_refused_wherever_they_lead(source, here, tmp_path):
    (tmp_path / "secret").write_text("sentinel")
    link = source / "project_templates/small/notes.txt"
    for target in (tmp_path / "secret", ".gitignore"):
        link.symlink_to(target)
        (source / "copier.yml").write_text(QUESTIONS + "_preserve_symlinks: true\n")
        with pytest.raises(NotAllowedError):
            write(source, here)
        link.unlink()
    link.symlink_to(tmp_path / "secret")
    (source / "copier.yml").write_text(QUESTIONS)
    with pytest.raises(NotAllowedError):
        write(source, here)
    assert list(here.iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "{{ '..' }}/evil.txt",
        "{{ '../' * 3 }}evil.txt",
        "{{ '/' }}evil.txt",
        "{{ '\\x2e\\x2e' }}/evil",
    ],
)
def test_a_file_name_cannot_lead_out_of_the_project(source, here, tmp_path, name):
    path = source / "project_templates/small" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("evil")
    before = tree(tmp_path, without=("source",))
    try:
        made = write(source, here)
    except MlopsError:
        assert tree(tmp_path, without=("source",)) == before
    else:
        assert not (made.path.parent / "evil.txt").exists()
    assert not list(tmp_path.glob("**/here/evil*"))


@pytest.mark.parametrize(
    "text", ["{{ undefined.attribute }}", "{% if %}", "{% include '/etc/passwd' %}"]
)
def test_a_template_that_cannot_be_rendered_is_an_error_not_a_crash(source, here, text):
    (source / "project_templates/small/x.txt.jinja").write_text(text)
    with pytest.raises(ProjectError, match="Could not render the template"):
        write(source, here)
    assert list(here.iterdir()) == []


def test_code_that_an_answer_broke_is_never_written(source, here):
    (source / "project_templates/small/{{ package }}/x.py.jinja").write_text('"{{ name }}')
    with pytest.raises(ProjectError, match="does not parse"):
        write(source, here)
    assert list(here.iterdir()) == []


def test_a_template_without_gitignore_is_refused(source, here):
    (source / "project_templates/small/.gitignore").unlink()
    with pytest.raises(ProjectError, match="gitignore"):
        write(source, here)


def test_a_template_nobody_has_is_a_usage_error(source, here):
    with pytest.raises(UsageError):
        write(source, here, template="tabular")
    with pytest.raises(UsageError):
        write(source, here, template="../small")
