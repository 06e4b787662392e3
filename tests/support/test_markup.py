"""HTML tables have a caption, rows, and a header where there is one."""

from __future__ import annotations

import re

from affekt.support.markup import html_table


def cells(html: str, tag: str) -> list[str]:
    return re.findall(rf"<{tag}\b[^>]*>(.*?)</{tag}>", html)


def test_a_table_has_caption_header_and_rows() -> None:
    html = html_table("scores", [("sad", 1), ("happy", 2)], ("emotion", "clips"))
    assert cells(html, "caption") == ["scores"]
    assert cells(html, "th") == ["emotion", "clips"]
    assert [cells(row, "td") for row in cells(html, "tr")] == [[], ["sad", "1"], ["happy", "2"]]


def test_a_table_without_header_has_rows_only() -> None:
    html = html_table("", [("a",)])
    assert (cells(html, "th"), cells(html, "td"), len(cells(html, "tr"))) == ([], ["a"], 1)


def test_texts_are_escaped() -> None:
    html = html_table("<b>", [("<script>",)], ("&",))
    assert "<b>" not in html and "<script>" not in html
    assert cells(html, "caption") == ["&lt;b&gt;"]
    assert cells(html, "th") == ["&amp;"]
