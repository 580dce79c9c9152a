"""A report as JSON, HTML or CSV: which one a caller wants, and the answer in it."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from fxpool.mapping.report_formats import AccountReport
from fxpool.reports import MEDIA_TYPES, Form, file_name, written

_MEDIA: Final[dict[str, Form]] = {
    **{media: form for form, media in MEDIA_TYPES.items()},
    "*/*": "json",
    "application/*": "json",
    "text/*": "html",
}


def accepted_form(accept: str) -> Form:
    """Return the form that an Accept header likes best, JSON where it names none of ours."""
    best: Form = "json"
    weight = 0.0
    for offer in accept.split(","):
        media, *parameters = (part.strip() for part in offer.lower().split(";"))
        form = _MEDIA.get(media)
        quality = _quality(parameters)
        if form is not None and quality > weight:
            best, weight = form, quality
    return best


def report_answer(report: AccountReport, form: Form) -> Response:
    """Return a report in a form. ``X-Total-Count`` is how many closings the period has."""
    response = Response(written(report, form), media_type=MEDIA_TYPES[form])
    headers = {"Vary": "Accept", "X-Total-Count": str(report["summary"]["closings"])}
    if form == "html":
        # The page forbids itself everything but its style; the header says it before it is read.
        headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
        headers["X-Content-Type-Options"] = "nosniff"
    elif form == "csv":
        headers["Content-Disposition"] = f'attachment; filename="{file_name(report, form)}"'
    response.headers.update(headers)
    return response


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0
