"""Layered configuration: a folder of YAML documents, compiled to plans, every value with its origin."""

from adjudge.config.compiling import compile_documents, hash_of
from adjudge.config.configuration import Configuration
from adjudge.config.differences_in_words import difference_in_words
from adjudge.config.differing import ChangedLeaf, ChangedPlan, Difference, diff
from adjudge.config.errors import NoPlan, UnknownLocation, UnknownPool, UnknownType
from adjudge.config.explaining import Leaf, SetByHand
from adjudge.config.faults import Fault, InvalidConfiguration
from adjudge.config.folders import base_of, read_folder, with_packs
from adjudge.config.organisations import Organisation

__all__ = [
    "ChangedLeaf",
    "ChangedPlan",
    "Configuration",
    "Difference",
    "Fault",
    "InvalidConfiguration",
    "Leaf",
    "NoPlan",
    "Organisation",
    "SetByHand",
    "UnknownLocation",
    "UnknownPool",
    "UnknownType",
    "base_of",
    "compile_documents",
    "diff",
    "difference_in_words",
    "hash_of",
    "read_folder",
    "with_packs",
]
