"""The memory of servos: registers as their table says."""

from __future__ import annotations

from sim2real.buses.wire_tables import Register, RegisterTable
from sim2real.virtual_bus.scale import nearest_fitting


class Layout:
    """Where registers are; shared by all servos of a kind."""

    def __init__(self, table: RegisterTable) -> None:
        self.table = table
        self.size = max(register.end for register in table.registers)
        self._spans: dict[tuple[int, int], tuple[Register, ...]] = {}

    def holds(self, address: int, size: int) -> bool:
        """Whether there are `size` bytes, at least one, from an address on."""
        return size > 0 and address + size <= self.size

    def registers(self, address: int, size: int) -> tuple[Register, ...]:
        """Registers of which at least one byte is among these, which `holds`."""
        span = self._spans.get((address, size))
        if span is None:
            span = self._spans[address, size] = tuple(
                register
                for register in self.table.registers
                if register.address < address + size and address < register.end
            )
        return span


class Memory:
    """The registers of one servo, with their defaults; measured ones are 0 until they are set.

    Args:
        layout: which registers there are.
        settings: values by register that this servo was set to before it was built in; they are
            kept without supply.
    """

    def __init__(self, layout: Layout, settings: dict[str, int]) -> None:
        self.layout = layout
        self._values = {
            register.name: settings.get(register.name, register.default or 0)
            for register in layout.table.registers
        }

    def __getitem__(self, name: str) -> int:
        return self._values[name]

    def __setitem__(self, name: str, value: int) -> None:
        """Store a value, or the nearest that fits its register."""
        self._values[name] = nearest_fitting(self.layout.table[name], value)

    def read(self, address: int, size: int) -> bytes | None:
        """Bytes from an address on, 0 where there is no register; None beyond the memory."""
        if not self.layout.holds(address, size):
            return None
        data = bytearray(size)
        for register in self.layout.registers(address, size):
            value = register.encode(self._values[register.name])
            for at, byte in enumerate(value, register.address - address):
                if 0 <= at < size:
                    data[at] = byte
        return bytes(data)

    def write(self, address: int, data: bytes) -> None:
        """Store bytes that the memory `holds` where registers are; what falls between is lost."""
        for register in self.layout.registers(address, len(data)):
            value = bytearray(register.encode(self._values[register.name]))
            for at, byte in enumerate(data, address - register.address):
                if 0 <= at < register.size:
                    value[at] = byte
            self._values[register.name] = register.decode(bytes(value))

    def restart(self) -> None:
        """Forget what is not kept without supply."""
        for register in self.layout.table.registers:
            if register.area == "ram":
                self._values[register.name] = register.default or 0
