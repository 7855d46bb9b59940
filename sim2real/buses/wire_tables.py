"""Tables of registers and commands: what a servo understands, as data (`tables/*.yaml`).

Servos with memory (Dynamixel, Feetech) have registers; the others have commands with fields.
"""

from __future__ import annotations

import itertools
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sim2real.buses.bus import Alert

TABLES_FOLDER: Final = Path(__file__).with_name("tables")

# the compiled one, which most installations have, reads a table in a tenth of the time
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class WireTableError(ValueError):
    """A table that cannot be used; the message names the file and what is wrong in it."""


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Value(_Row):
    """A number on the wire, low byte first."""

    name: str
    size: Literal[1, 2, 4]
    """Bytes."""
    signed: bool = False
    """In two's complement."""
    sign_bit: int | None = None
    """Number of the sign's bit where sign and magnitude are kept apart."""
    default: int | None = None
    """Of a new servo; None where it is measured."""
    count: float = 1.0
    """What one count is worth, in `unit`."""
    unit: str = "counts"

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.sign_bit is not None and (self.signed or not 0 < self.sign_bit < 8 * self.size):
            raise ValueError(f"sign_bit {self.sign_bit} of {self.name} does not fit")
        return self

    def encode(self, value: int) -> bytes:
        """Return the bytes of a value.

        Raises:
            ValueError: it does not fit.
        """
        try:
            if self.sign_bit is None:
                return value.to_bytes(self.size, "little", signed=self.signed)
            if abs(value) >> self.sign_bit:
                raise OverflowError
            return (abs(value) | (value < 0) << self.sign_bit).to_bytes(self.size, "little")
        except OverflowError as error:
            raise ValueError(f"{self.name}: {value} does not fit on the wire") from error

    def decode(self, data: bytes) -> int:
        """Return the value of `size` bytes."""
        value = int.from_bytes(data, "little", signed=self.signed)
        if self.sign_bit is None:
            return value
        sign = -1 if value >> self.sign_bit & 1 else 1
        return sign * (value & (1 << self.sign_bit) - 1)


class Register(Value):
    """A value in a servo's memory."""

    address: Annotated[int, Field(ge=0, le=0xFFFF)]
    access: Literal["r", "rw"]
    area: Literal["eeprom", "ram"]

    @property
    def end(self) -> int:
        """Address of the first byte behind it."""
        return self.address + self.size


class Parameter(Value):
    """A value that goes with a command or an answer."""

    lowest: int | None = None
    highest: int | None = None


class Command(_Row):
    """Something that a servo or controller is told or asked."""

    name: str
    code: Annotated[int, Field(ge=0, le=0xFF)]
    sends: tuple[Parameter, ...] = ()
    answers: tuple[Parameter, ...] = ()
    repeats: int = 0
    """Bytes that follow `sends`, as often as the first parameter says."""

    @property
    def sent_bytes(self) -> int:
        """Size of `sends`."""
        return sum(parameter.size for parameter in self.sends)

    @property
    def answered_bytes(self) -> int:
        """Size of `answers`; 0: there is no answer."""
        return sum(parameter.size for parameter in self.answers)


class _Table(_Row):
    source: str
    model: str
    alerts: dict[int, Alert] = {}
    """By bit of what tells the errors: a register, or the answer to a command."""

    def alerts_of(self, bits: int) -> frozenset[Alert]:
        """What the bits say."""
        return frozenset(alert for bit, alert in self.alerts.items() if bits >> bit & 1)


class RegisterTable(_Table):
    """All registers of a kind of servo; they do not overlap."""

    registers: tuple[Register, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        ordered = sorted(self.registers, key=lambda register: register.address)
        for before, after in itertools.pairwise(ordered):
            if before.end > after.address:
                raise ValueError(f"{before.name} reaches into {after.name}")
        _check_names([register.name for register in self.registers])
        return self

    @cached_property
    def _by_name(self) -> dict[str, Register]:
        return {register.name: register for register in self.registers}

    def __getitem__(self, name: str) -> Register:
        return self._by_name[name]


class CommandTable(_Table):
    """All commands of a kind of servo or controller."""

    commands: tuple[Command, ...]

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_names([command.name for command in self.commands])
        _check_names([f"code {command.code}" for command in self.commands])
        return self

    @cached_property
    def _by_name(self) -> dict[str, Command]:
        return {command.name: command for command in self.commands}

    @cached_property
    def by_code(self) -> dict[int, Command]:
        """Commands by the number that is on the wire."""
        return {command.code: command for command in self.commands}

    def __getitem__(self, name: str) -> Command:
        return self._by_name[name]


Table = TypeVar("Table", RegisterTable, CommandTable)


def load_table(kind: type[Table], path: Path) -> Table:
    """Read a table.

    Raises:
        WireTableError: the file is missing or wrong; names the place in it.
    """
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _LOADER)
        return kind.model_validate(content)
    except (OSError, yaml.YAMLError) as error:
        raise WireTableError(f"{path}: cannot be read: {error}") from error
    except ValidationError as error:
        details = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']} (is {one['input']!r:.60})"
            for one in error.errors()
        )
        raise WireTableError(f"{path}: {details}") from error


def _check_names(names: list[str]) -> None:
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"used twice: {', '.join(sorted(twice))}")


DYNAMIXEL: Final = load_table(RegisterTable, TABLES_FOLDER / "dynamixel.yaml")
FEETECH: Final = load_table(RegisterTable, TABLES_FOLDER / "feetech.yaml")
LX16A: Final = load_table(CommandTable, TABLES_FOLDER / "lx16a.yaml")
MAESTRO: Final = load_table(CommandTable, TABLES_FOLDER / "maestro.yaml")
