"""Tables of registers and commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim2real.buses.bus import Alert
from sim2real.buses.wire_tables import (
    DYNAMIXEL,
    FEETECH,
    LX16A,
    MAESTRO,
    TABLES_FOLDER,
    Register,
    RegisterTable,
    WireTableError,
    load_table,
)

REGISTERS = [*DYNAMIXEL.registers, *FEETECH.registers]


def test_drivers_find_the_registers_that_they_use() -> None:
    for table in (DYNAMIXEL, FEETECH):
        for name in ("torque_enable", "goal_position", "present_position", "present_temperature"):
            assert table[name].area == "ram"
        assert table["goal_position"].access == "rw"
        assert table["present_position"].access == "r"
        assert table["id"].default == 1
    # the addresses of the makers' own libraries
    assert [DYNAMIXEL[name].address for name in ("torque_enable", "goal_position")] == [64, 116]
    assert [FEETECH[name].address for name in ("torque_enable", "goal_position")] == [40, 42]
    assert (DYNAMIXEL["present_position"].address, DYNAMIXEL["present_position"].size) == (132, 4)
    assert (FEETECH["present_position"].address, FEETECH["present_position"].size) == (56, 2)


def test_defaults_fit_on_the_wire() -> None:
    for table in (DYNAMIXEL, FEETECH):
        for register in table.registers:
            if register.default is not None:
                assert register.decode(register.encode(register.default)) == register.default


@given(register=st.sampled_from(REGISTERS), wire=st.binary(min_size=4, max_size=4))
def test_values_survive_the_wire(register: Register, wire: bytes) -> None:
    value = register.decode(wire[: register.size])
    assert register.decode(register.encode(value)) == value


def test_signs_are_written_as_each_maker_does() -> None:
    assert DYNAMIXEL["present_position"].encode(-1) == b"\xff\xff\xff\xff"
    assert FEETECH["present_position"].encode(-1) == b"\x01\x80"
    assert FEETECH["present_position"].decode(b"\x01\x80") == -1
    assert FEETECH["homing_offset"].encode(-5) == b"\x05\x08"
    assert LX16A["pos_read"].answers[0].decode(b"\xf6\xff") == -10


@pytest.mark.parametrize(
    ("value", "register"), [(256, "id"), (-1, "id"), (1 << 15, "goal_position")]
)
def test_values_that_do_not_fit_are_refused(value: int, register: str) -> None:
    with pytest.raises(ValueError, match=f"{register}: {value} does not fit"):
        FEETECH[register].encode(value)


def test_error_bits_become_alerts() -> None:
    assert DYNAMIXEL.alerts_of(0) == frozenset()
    assert DYNAMIXEL.alerts_of(0b100100) == {Alert.OVERHEATING, Alert.OVERLOAD}
    assert FEETECH.alerts_of(0b100101) == {Alert.VOLTAGE, Alert.OVERHEATING, Alert.OVERLOAD}
    assert MAESTRO.alerts_of(0b11) == {Alert.COMMUNICATION}
    assert MAESTRO.alerts_of(1 << 6) == frozenset()  # scripts are not ours


def test_lx16a_lengths_are_those_of_the_manual() -> None:
    """Length bytes of the manual's list: parameters and three more."""
    lengths = {"move_time_write": 7, "id_write": 4, "move_stop": 3, "or_motor_mode_write": 7}
    for name, length in lengths.items():
        assert LX16A[name].sent_bytes + 3 == length
    answers = {"id_read": 4, "vin_limit_read": 7, "temp_read": 4, "vin_read": 5, "pos_read": 5}
    for name, length in answers.items():
        assert LX16A[name].answered_bytes + 3 == length
        assert not LX16A[name].sends
    assert LX16A.by_code[28].name == "pos_read"


REGISTER = "{name: a, address: 1, size: 2, access: r, area: ram}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"registers: [{REGISTER}, {REGISTER.replace('1', '2').replace('a,', 'b,')}]", "reaches"),
        (f"registers: [{REGISTER}, {REGISTER.replace('1', '7')}]", "used twice: a"),
        ("registers: [{name: a, address: 1, size: 3, access: r, area: ram}]", r"0\.size"),
        (f"registers: [{REGISTER}]\nalerts: {{0: hunger}}", "hunger"),
        (f"registers: [{REGISTER}]\ncolour: red", "colour"),
        (f"registers: [{REGISTER.replace('size', 'sign_bit: 16, size')}]", "sign_bit 16"),
        ("registers: [", "cannot be read"),
    ],
)
def test_wrong_tables_say_where(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "servo.yaml"
    path.write_text(f"source: here\nmodel: none\n{text}\n", encoding="utf-8")
    with pytest.raises(WireTableError, match=message) as caught:
        load_table(RegisterTable, path)
    assert str(path) in str(caught.value)


def test_missing_table_is_named() -> None:
    with pytest.raises(WireTableError, match=r"none\.yaml: cannot be read"):
        load_table(RegisterTable, TABLES_FOLDER / "none.yaml")
