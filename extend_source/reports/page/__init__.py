"""The credit report as one HTML file that needs nothing else, and its charts as pictures."""

from extend_source.reports.page.pictures import write_pictures
from extend_source.reports.page.rendering import render_page, write_page

__all__ = ["render_page", "write_page", "write_pictures"]
