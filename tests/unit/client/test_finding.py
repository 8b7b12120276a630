"""Where the client finds the API and its key."""

import inspect
import json

import pytest

from adjudge.client import Adjudge, AsyncAdjudge, NotConnected
from adjudge.client.finding import Connection, find_connection

URL = "http://127.0.0.1:8400"


@pytest.fixture
def project(tmp_path):
    (tmp_path / ".adjudge").mkdir()
    (tmp_path / ".adjudge" / "api.json").write_text(json.dumps({"url": URL, "key": "admin"}))
    return tmp_path


def test_the_environment_comes_first(project):
    environment = {"ADJUDGE_URL": "https://adjudge.example/", "ADJUDGE_KEY": "mine"}

    assert find_connection(environment, project) == Connection("https://adjudge.example", "mine")


def test_the_project_of_a_parent_folder_is_found(project):
    deep = project / "config" / "groups"
    deep.mkdir(parents=True)

    assert find_connection({}, deep) == Connection(URL, "admin")


def test_another_key_may_be_used_for_the_project(project):
    assert find_connection({"ADJUDGE_KEY": "anna"}, project) == Connection(URL, "anna")


def test_the_key_of_the_project_never_goes_to_another_address(project):
    with pytest.raises(NotConnected, match="no key is known for https://elsewhere"):
        find_connection({"ADJUDGE_URL": "https://elsewhere.example"}, project)


def test_without_either_the_newcomer_is_told_what_to_do(tmp_path):
    with pytest.raises(NotConnected, match="adjudge up"):
        find_connection({}, tmp_path)


def test_a_broken_file_is_named(project):
    (project / ".adjudge" / "api.json").write_text("{")

    with pytest.raises(NotConnected, match=r"cannot read .*api\.json"):
        find_connection({}, project)


def test_a_key_is_not_shown_by_accident():
    assert "secret" not in repr(Connection(URL, "secret"))


def test_the_awaited_client_has_every_call_of_the_other(server):
    plain, awaited = server.client(), server.async_client()

    assert calls_of(plain) == calls_of(awaited)


def calls_of(client: Adjudge | AsyncAdjudge) -> dict[str, list[str]]:
    return {
        f"{name}.{method}": [str(parameter) for parameter in inspect.signature(getattr(resource, method)).parameters]
        for name, resource in vars(client).items()
        if not name.startswith("_")
        for method in dir(resource)
        if not method.startswith("_")
    }


@pytest.mark.parametrize("key", ["two\nlines", "a b", "schlüssel"])
def test_what_cannot_be_a_key_is_refused_without_being_shown(project, key):
    with pytest.raises(NotConnected, match="that is no API key") as refused:
        find_connection({"ADJUDGE_KEY": key}, project)

    assert key not in str(refused.value)
