"""New projects from templates: Copier for the text, our own engine and runner beside it."""

from .catalog import Template, TemplateList, templates
from .create import Answers, NewProject, create
from .request import prepare

__all__ = ["Answers", "NewProject", "Template", "TemplateList", "create", "prepare", "templates"]
