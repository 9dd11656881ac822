"""The table of conventions is what is computed."""

from docs.conventions import PAGE, page


def test_the_table_is_current():
    assert PAGE.read_text() == page()
