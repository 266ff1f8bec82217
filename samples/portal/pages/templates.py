"""Jinja2 with the filters that the templates use. Everything is escaped; a missing value is an error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.responses import HTMLResponse

from samples.portal.reading.dutchtime import long_day, near_day, near_moment, week_day
from samples.portal.reading.timeline import marked

FOLDER: Final = Path(__file__).parent.parent / "templates"


def data_block(value: object) -> Markup:
    """Return JSON for a ``<script type="application/json">``: no ``<`` in it, so it can't end the block."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))  # noqa: S704


def masked(address: str) -> str:
    """Return a telephone number or e-mail address of which only its owner sees whose it is."""
    name, at, domain = address.rpartition("@")
    return f"{name[:1]}…@{domain}" if at else f"{address[:2]}…{address[-2:]}"


def environment() -> Environment:
    """Return the templates."""
    templates = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters.update(
        data_block=data_block,
        long_day=long_day,
        marked=marked,
        masked=masked,
        near_day=near_day,
        near_moment=near_moment,
        week_day=week_day,
    )
    return templates


TEMPLATES: Final = environment()


def page(template: str, values: Mapping[str, Any], status: int = 200) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(TEMPLATES.get_template(template).render(values), status)
