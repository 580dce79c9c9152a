"""Reports as people and spreadsheets read them: one HTML page, or CSV, from a report's JSON shape.

Knows no account, no database and no network: what it is given is all there is.
"""

from fxpool.reports.forms import LIMITS, MEDIA_TYPES, Form, file_name, written
from fxpool.reports.page import html_of
from fxpool.reports.sheet import csv_of

__all__ = ["LIMITS", "MEDIA_TYPES", "Form", "csv_of", "file_name", "html_of", "written"]
