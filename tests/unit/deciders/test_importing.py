import importlib
import sys

from adjudge.deciders.importing import importable


def test_each_folder_has_its_own_module_of_the_same_name(tmp_path):
    found = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "a_model_module.py").write_text(f"NAME = {name!r}")
        with importable(folder):
            found.append(importlib.import_module("a_model_module").NAME)

    assert found == ["one", "two"]
    assert "a_model_module" not in sys.modules
    assert not {str(tmp_path / "one"), str(tmp_path / "two")} & set(sys.path)


def test_packages_are_forgotten_whole_and_installed_ones_stay(tmp_path):
    package = tmp_path / "a_model_package"
    installed = tmp_path / ".venv" / "lib"
    for folder in (package, installed):
        folder.mkdir(parents=True)
    (package / "__init__.py").write_text("import an_installed_module")
    (package / "inner.py").write_text("")
    (installed / "an_installed_module.py").write_text("")

    sys.path.append(str(installed))
    try:
        with importable(tmp_path):
            importlib.import_module("a_model_package.inner")

        assert "a_model_package" not in sys.modules
        assert "a_model_package.inner" not in sys.modules
        assert "an_installed_module" in sys.modules
    finally:
        sys.path.remove(str(installed))
        sys.modules.pop("an_installed_module", None)
