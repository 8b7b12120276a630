"""The copy of what is in force, with which a process begins while the database is down."""

import msgspec
from tests.unit.config.documents import CLAIMS

from adjudge.cli.processes.beginning import Copy, keep
from adjudge.config import compile_documents
from adjudge.engine.configuration.revisions import InForce


def test_a_copy_leaves_alone_what_another_process_is_writing(tmp_path):
    """`adjudge up` runs three that share it: one put in place what another had begun, torn or to that one's loss."""
    in_force = InForce(compile_documents({"config/claims.yaml": CLAIMS}, base=tmp_path))
    begun = tmp_path / ".revision.json.new"
    begun.write_text('{"number":')

    keep(tmp_path / "revision.json", in_force)

    kept = msgspec.json.decode((tmp_path / "revision.json").read_bytes(), type=Copy)
    assert kept.documents == {"config/claims.yaml": CLAIMS}
    assert begun.read_text() == '{"number":'
    assert sorted(each.name for each in tmp_path.iterdir()) == [".revision.json.new", "revision.json"]
