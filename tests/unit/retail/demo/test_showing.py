import io

import pytest
from rich.console import Console

from adjudge_retail.demo.showing import show_news

WORDS = "confirm · fresh: vision-sku@2 answers alone from 0.761 on, after 458 audits (c-4fc72c7238e13eb5)"


@pytest.fixture
def shown():
    def show(*, is_terminal):
        console = Console(file=io.StringIO(), width=60, force_terminal=is_terminal, color_system=None, highlight=False)
        show_news(console, "1:06 [green]certified      [/]", WORDS)
        return [line.rstrip() for line in console.file.getvalue().splitlines()]

    return show


def test_words_keep_to_their_column_on_a_terminal(shown):
    first, *others = shown(is_terminal=True)

    assert first.startswith("1:06 certified       confirm")
    assert others
    assert all(line.startswith(" " * len("1:06 certified       ")) for line in others)


def test_news_is_one_line_elsewhere_for_a_search_to_find(shown):
    assert shown(is_terminal=False) == [f"1:06 certified       {WORDS}"]
