from adjudge.config.documents.authorship import line_revisions


def test_a_line_dates_from_the_revision_that_it_came_in_with():
    versions = [(1, "a\nb\nc\n"), (4, "a\nB\nc\n"), (6, "new\na\nB\nc\n")]

    assert line_revisions(versions) == [6, 1, 4, 1]


def test_a_line_that_went_and_came_back_dates_from_when_it_came_back():
    assert line_revisions([(1, "a\nb\n"), (2, "a\n"), (3, "a\nb\n")]) == [1, 3]


def test_a_document_that_is_not_there_has_no_lines():
    assert line_revisions([]) == []
