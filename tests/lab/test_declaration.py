import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolab.lab.declaration import InstrumentDeclaration, InterlockDeclaration, LabDeclaration, VirtualDeclaration
from autolab.model.errors import InputError
from autolab.model.stocks import Stock

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


def stocks(name: str) -> st.SearchStrategy[Stock]:
    salts = st.dictionaries(st.sampled_from(["LiPF6", "NaCl"]), st.floats(0, 3), max_size=2)
    price, loaded = st.floats(0, 9), st.none() | st.floats(0, 999)
    return st.builds(Stock, st.just(name), st.just({"EC": 0.25, "PC": 0.75}), salts, st.floats(0.5, 2), price, loaded)


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
        {name: draw(stocks(name)) for name in draw(st.lists(names, unique=True, max_size=2))},
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


STOCKED = {
    **FILE,
    "instruments": {
        "one": {"driver": "new_era.NE1000", "stock": "PC"},
        "two": {"driver": "new_era.NE1000", "stock": "EC"},
        "plate": {"driver": "ika.RCT"},
    },
    "stocks": {
        "PC": {"solvents": {"PC": 1.0}, "density": 1.2, "loaded_mL": 500},
        "salt": {"solvents": {"PC": 1.0}, "density": 1.2},
    },
}


def test_what_bottles_hold_is_no_part_of_the_digest_and_the_rest_of_a_stock_is() -> None:
    changes = {"loaded_mL": 900, "density": 1.3, "price_per_mL": 2.0}
    lab = LabDeclaration.from_json(STOCKED)
    same = []
    for key, value in changes.items():
        other = json.loads(json.dumps(STOCKED))
        other["stocks"]["PC"][key] = value
        changed = LabDeclaration.from_json(other)
        assert changed != lab
        same += [key] if changed.to_json() == lab.to_json() else []
    assert same == ["loaded_mL"]
    assert lab.loaded == {"PC": 500.0}


def test_a_lab_without_stocks_has_the_mapping_that_it_always_had() -> None:
    assert "stocks" not in LabDeclaration.from_json(FILE).to_json()


def test_stocks_are_found_by_the_roles_of_the_pumps_that_draw_from_them() -> None:
    lab = LabDeclaration.from_json(STOCKED)
    roles = {"pc": "one", "ec": "two", "heater": "plate.heater", "nobody": "ghost"}
    assert lab.stocks_of(roles) == {"pc": lab.stocks["PC"]}


@pytest.mark.parametrize(
    ("stock", "match"),
    [
        ({"density": 1.2}, "stock 'PC' lacks 'solvents'"),
        ({"solvents": {"PC": 0.9}, "density": 1.2}, "add up to 1, not 0.9"),
        ({"solvents": {"PC": 1.0}, "density": 1.2, "loaded": 3}, "has no 'loaded': did you mean 'loaded_mL'"),
        (3, r"stocks\.PC: 3 must be a mapping"),
    ],
)
def test_a_stock_that_cannot_be_is_refused(stock: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        LabDeclaration.from_json({**FILE, "stocks": {"PC": stock}})
