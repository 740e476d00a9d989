"""HTML out."""

from pathlib import Path
from typing import Final

import azure.functions as func
import jinja2

from http_api.guard import PAGE_HEADERS

_TEMPLATES: Final = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def page(template: str, **values: object) -> func.HttpResponse:
    """Render a whole page. It loads nothing from anywhere but here: the policy says so to the browser."""
    return func.HttpResponse(
        _TEMPLATES.get_template(template).render(**values), mimetype="text/html", charset="utf-8", headers=dict(PAGE_HEADERS)
    )
