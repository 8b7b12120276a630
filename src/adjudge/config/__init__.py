"""Layered configuration: a folder of YAML documents, compiled to plans, every value with its origin."""

from adjudge.config.compiling import compile_documents, hash_of
from adjudge.config.configuration import Configuration
from adjudge.config.considering import Considered, Routed, consider
from adjudge.config.differences_in_words import difference_in_words
from adjudge.config.differing import ChangedLeaf, ChangedPlan, Difference, EndingCertificates, diff
from adjudge.config.documents.faults import Fault, InvalidConfiguration
from adjudge.config.errors import NoPlan, UnknownLocation, UnknownPool, UnknownType
from adjudge.config.explaining import Leaf, SetByHand
from adjudge.config.folders import base_of, read_folder, with_packs
from adjudge.config.routing import Request, Way
from adjudge.config.schemas import document_schema
from adjudge.config.sections.organisations import Organisation
from adjudge.config.sites import Site

__all__ = [
    "ChangedLeaf",
    "ChangedPlan",
    "Configuration",
    "Considered",
    "Difference",
    "EndingCertificates",
    "Fault",
    "InvalidConfiguration",
    "Leaf",
    "NoPlan",
    "Organisation",
    "Request",
    "Routed",
    "SetByHand",
    "Site",
    "UnknownLocation",
    "UnknownPool",
    "UnknownType",
    "Way",
    "base_of",
    "compile_documents",
    "consider",
    "diff",
    "difference_in_words",
    "document_schema",
    "hash_of",
    "read_folder",
    "with_packs",
]
