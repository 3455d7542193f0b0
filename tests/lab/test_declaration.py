import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.lab.declaration import InstrumentDeclaration, InterlockDeclaration, LabDeclaration, VirtualDeclaration
from autolab.model.errors import InputError

FILE = {
    "instruments": {
        "dosing": {
            "driver": "new_era.NE1000",
            "address": "serial:///dev/ttyUSB0?bus=1",
            "syringe_mm": 14.5,
            "limits": {"rate": [0.1, 8]},
        },
        "plate": {"driver": "ika.RCT", "address": "serial://COM4", "safe": {"heater": "off"}},
    },
    "plumbing": {"dosing": "beaker", "plate": ["beaker", "drain"]},
    "interlocks": [{"if": "plate.heater > 65", "then": "make_safe"}],
    "safe_order": ["plate", "pumps"],
    "virtual": {"world": "dosing", "vessels": {"beaker": {"volume_mL": 100}}, "noise": 0.5, "stock": {"water": 500}},
}

names = st.from_regex(r"[a-z][a-z_]{0,8}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-9, 9) | st.floats(-9, 9) | st.text(max_size=5)
settings = st.dictionaries(
    names.filter(lambda name: name not in {"driver", "address", "limits", "safe", "world", "vessels", "noise"}), scalars
)
places = names | st.tuples(names, names)


@st.composite
def declarations(draw: st.DrawFn) -> LabDeclaration:
    instruments = {
        name: InstrumentDeclaration(name, draw(names), draw(names), draw(settings), draw(settings), draw(settings))
        for name in draw(st.lists(names, unique=True, max_size=3))
    }
    vessels = draw(st.dictionaries(names, settings, max_size=2))
    virtual = VirtualDeclaration(draw(names), vessels, draw(st.floats(0, 9)), draw(settings))
    return LabDeclaration(
        instruments,
        draw(st.dictionaries(names, places, max_size=3)),
        tuple(InterlockDeclaration(text) for text in draw(st.lists(names, max_size=2))),
        tuple(draw(st.lists(names, max_size=3))),
        draw(st.none() | st.just(virtual)),
    )


def test_the_lab_files_mapping_comes_back_as_it_was() -> None:
    assert LabDeclaration.from_json(FILE).to_json(addresses=True) == FILE


@given(declarations())
def test_every_declaration_survives_json(declaration: LabDeclaration) -> None:
    text = json.dumps(declaration.to_json(addresses=True))
    assert LabDeclaration.from_json(json.loads(text)) == declaration


def test_the_mapping_without_addresses_names_none() -> None:
    text = json.dumps(LabDeclaration.from_json(FILE).to_json())
    assert "serial:" not in text
    assert "syringe_mm" in text


def test_two_labs_that_differ_in_addresses_alone_have_one_mapping() -> None:
    other = json.loads(json.dumps(FILE).replace("COM4", "COM9").replace("ttyUSB0", "ttyACM3"))
    one, two = LabDeclaration.from_json(FILE), LabDeclaration.from_json(other)
    assert one != two
    assert one.to_json() == two.to_json()


def test_what_to_json_gave_away_changes_nothing() -> None:
    declaration = LabDeclaration.from_json(FILE)
    given_away = declaration.to_json(addresses=True)
    given_away["instruments"]["dosing"]["limits"]["rate"][1] = 99  # type: ignore[index, call-overload]
    assert declaration.instruments["dosing"].limits == {"rate": [0.1, 8]}


@pytest.mark.parametrize(
    ("part", "value", "match"),
    [
        ("instruments", {"x": {"address": "a"}}, r"instruments\.x: names no driver"),
        ("instruments", {"x": 3}, r"instruments\.x: 3 must be a mapping"),
        ("plumbing", {"dosing": 7}, r"plumbing\.dosing: 7 must be the name of a vessel or \[from, to\]"),
        ("plumbing", {"dosing": ["a", "b", "c"]}, r"must be the name of a vessel or \[from, to\]"),
        ("interlocks", ["plate > 3"], r"must be like \{if"),
        ("interlocks", [{"when": "plate > 3"}], r"must be like \{if"),
        ("virtual", {"vessels": {}}, r"virtual\.world: None must name a world"),
        ("safe_oder", [], r"no part 'safe_oder': did you mean 'safe_order'"),
    ],
)
def test_a_mapping_of_another_shape_is_refused(part: str, value: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        LabDeclaration.from_json({**FILE, part: value})
