from __future__ import annotations

from dataclasses import fields

import pytest

from extend_source.api import GENERATIONS, RunFilters
from extend_source.config.groups import GROUPS


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_each_endpoint_of_a_version_has_names_of_its_own(api_version):
    names = [name for each in GENERATIONS[api_version] for name in (each.get_name, each.list_name) if name]
    assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_the_first_endpoint_of_a_version_has_a_list(api_version):
    first = GENERATIONS[api_version][0]
    assert all((first.list_name, first.list_path, first.list_key))


@pytest.mark.parametrize("api_version", GENERATIONS)
def test_endpoints_name_filters_that_there_are(api_version):
    known = {each.name for each in fields(RunFilters)}
    assert all(endpoint.filters.keys() <= known for endpoint in GENERATIONS[api_version])


def test_an_object_belongs_to_the_same_group_in_each_version():
    found = {(each.object_type, each.group) for endpoints in GENERATIONS.values() for each in endpoints}
    assert sorted(name for name, _ in found) == sorted({name for name, _ in found})
    assert {group for _, group in found} == {"", *GROUPS}
