"""Filters of lists. A name that is neither configured nor on record is misspelt: an empty list would not say so."""

from adjudge.api.problems import Problem
from adjudge.api.services import Services
from adjudge.config import UnknownLocation, UnknownType
from adjudge.core.errors import AdjudgeError
from adjudge.engine.intake.places import UnknownHere
from adjudge.store import decisions
from adjudge.store.scope import Scope


async def check_names(here: Services, scope: Scope, question_type: str | None, location: str | None) -> None:
    """Raise Problem where nothing can be listed, now or later under what is in force."""
    for name, given in (("type", question_type), ("location", location)):
        if given == "":
            raise Problem("invalid-body", "is empty: leave it out to list all", pointer=f"#/{name} (query)")
    in_force = here.revisions.in_force
    if location is not None and not scope.sees(location):
        raise _in_query(UnknownHere(location))
    if location is not None and not any(location in each.sites for each in in_force.all()):
        async with here.pool.acquire() as connection:
            if not await decisions.is_on_record(connection, scope, "location", location):
                raise _in_query(UnknownLocation(location, filter(scope.sees, in_force.sites())))
    if question_type is not None and not any(question_type in each.types for each in in_force.all()):
        async with here.pool.acquire() as connection:
            if not await decisions.is_on_record(connection, scope, "type", question_type):
                seen = [site for name, site in in_force.sites().items() if scope.sees(name)]
                raise _in_query(UnknownType(question_type, {name for site in seen for name in site.types}))


def _in_query(error: AdjudgeError) -> Problem:
    return Problem(error.kind, error.detail, pointer=f"{error.pointer} (query)")
