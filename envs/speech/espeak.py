"""Binding to the espeak-ng library: text in, samples and the times of phones out.

espeak-ng is licensed under the GPL and therefore optional: `espeakng-loader`, which ships the
library and its data, comes with the extra `tts`.

**Repeatable.** The library carries state from one utterance to the next (the phase of its
oscillators), which shifts samples and phone times. So it is loaded afresh each time, which costs
a few milliseconds. The noise of some variants (`f3`, `Reed`, ...) depends on the time of day and on
the C library's generator, so both are seeded anew.
"""

from __future__ import annotations

import _ctypes
import ctypes
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


class SynthesisError(ValueError):
    """Text cannot be spoken: the message says why and what to do."""


@dataclass(frozen=True)
class Voice:
    """A voice: a language, or a variant (such as `f3`) that any language combines with.

    Attributes:
        name: what `synthesise` takes; a variant follows the language and a plus sign.
        description: the name in espeak-ng's own list.
        gender: "male", "female" or "".
        is_variant: whether it changes a language's timbre rather than being a language.
        file: name of its file in espeak-ng's data, by which the library loads it.
    """

    name: str
    description: str
    gender: str
    is_variant: bool
    file: str


PHONE_GAP = "|"
"""Parts the phones of a word in `Espeak.pronounce`."""


@dataclass(frozen=True)
class PhoneEvent:
    """Where a phone begins to sound; `name` is "" for pauses and other unnamed spans."""

    sample: int
    name: str


class _EventId(ctypes.Union):
    _fields_ = (
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_ubyte * 8),
    )


class _Event(ctypes.Structure):
    """`espeak_EVENT` of espeak-ng's `speak_lib.h`."""

    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position_ms", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _VoiceEntry(ctypes.Structure):
    """`espeak_VOICE` of espeak-ng's `speak_lib.h`."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
)

# Constants of espeak-ng's `speak_lib.h`.
_OUTPUT_SYNCHRONOUS = 2
_PHONEME_EVENTS, _PHONEMES_AS_IPA, _DO_NOT_EXIT = 0x0001, 0x0002, 0x8000
_EVENT_LIST_END, _EVENT_PHONEME = 0, 7
_CHARS_UTF8, _PHONEMES_IN_BRACKETS = 0x0001, 0x0100
_PHONEME_MODE_IPA = 0x02
_PARAMETER_RATE, _PARAMETER_PITCH = 1, 3
_NOISE_SEED = 1
_GENDERS = {1: "male", 2: "female"}


class Espeak:
    """A freshly loaded espeak-ng library; valid until its context ends."""

    def __init__(self, library: ctypes.CDLL, native_hz: int) -> None:
        self._library = library
        self._native_hz = native_hz

    def speak(
        self, text: str, voice: str, rate_wpm: int, pitch: int
    ) -> tuple[int, NDArray[np.float32], list[PhoneEvent]]:
        """Sample rate in Hz, samples (n,) in [-1, 1], and phone events in order of time."""
        return self._speak(text, voice, rate_wpm, pitch, _CHARS_UTF8)

    def speak_phonemes(
        self, phonemes: str, voice: str, rate_wpm: int, pitch: int
    ) -> tuple[int, NDArray[np.float32], list[PhoneEvent]]:
        """The same for phonemes as `phonemes` gives them."""
        flags = _CHARS_UTF8 | _PHONEMES_IN_BRACKETS
        return self._speak(f"[[{phonemes}]]", voice, rate_wpm, pitch, flags)

    def _speak(
        self, text: str, voice: str, rate_wpm: int, pitch: int, flags: int
    ) -> tuple[int, NDArray[np.float32], list[PhoneEvent]]:
        chunks: list[NDArray[np.int16]] = []
        events: list[PhoneEvent] = []

        def receive(samples: Any, count: int, event_list: Any) -> int:
            if samples and count > 0:
                chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
            _append_phonemes(events, event_list)
            return 0

        callback = _Callback(receive)  # must live as long as the library may call it
        library = self._library
        library.espeak_SetSynthCallback(callback)
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesisError(f"espeak-ng cannot load voice {voice!r}; choose another one")
        library.espeak_SetParameter(_PARAMETER_RATE, rate_wpm, 0)
        library.espeak_SetParameter(_PARAMETER_PITCH, pitch, 0)
        data = text.encode()
        status = library.espeak_Synth(
            data, ctypes.c_size_t(len(data) + 1), 0, 0, 0, flags, None, None
        )
        if status != 0:
            raise SynthesisError(f"espeak-ng failed on {text[:40]!r} (status {status})")
        pcm = np.concatenate([np.zeros(0, np.int16), *chunks])
        return self._native_hz, (pcm / 32768).astype(np.float32), events

    def pronounce(self, text: str, voice: str) -> str:
        """IPA of a text, words parted by spaces and phones by `PHONE_GAP`; punctuation is lost."""
        return self._transcribed(text, voice, _PHONEME_MODE_IPA | ord(PHONE_GAP) << 8)

    def phonemes(self, text: str, voice: str) -> str:
        """espeak-ng's own phonemes of a text, words parted by spaces; punctuation is lost."""
        return self._transcribed(text, voice, 0)

    def _transcribed(self, text: str, voice: str, mode: int) -> str:
        library = self._library
        if library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SynthesisError(f"espeak-ng cannot load voice {voice!r}; choose another one")
        rest = ctypes.c_void_p(ctypes.addressof(data := ctypes.create_string_buffer(text.encode())))
        clauses: list[str] = []
        while rest.value and ctypes.addressof(data) + len(data) > rest.value:
            spoken = library.espeak_TextToPhonemes(ctypes.byref(rest), _CHARS_UTF8, mode)
            clauses.append(spoken.decode("utf-8", errors="ignore"))
        return " ".join(clauses)

    def voices(self) -> list[Voice]:
        """Languages and variants. Where languages share a code, it means the preferred one."""
        preferred: dict[str, tuple[int, Voice]] = {}
        for entry in self._entries(None):
            for priority, code in _language_codes(entry.languages):
                voice = _voice(entry, code)
                if code not in preferred or priority < preferred[code][0]:
                    preferred[code] = (priority, voice)
        variant_list = ctypes.create_string_buffer(b"variant")
        wanted = _VoiceEntry(languages=ctypes.addressof(variant_list))
        variants = [_voice(entry, None) for entry in self._entries(ctypes.byref(wanted))]
        return [voice for _, voice in preferred.values()] + variants

    def _entries(self, wanted: object) -> Iterator[_VoiceEntry]:
        entries = self._library.espeak_ListVoices(wanted)
        index = 0
        while entries[index]:
            yield entries[index].contents
            index += 1


def _append_phonemes(events: list[PhoneEvent], event_list: Any) -> None:
    index = 0
    while event_list[index].type != _EVENT_LIST_END:
        event = event_list[index]
        index += 1
        if event.type == _EVENT_PHONEME:
            name = bytes(event.id.string).split(b"\0")[0].decode("utf-8", errors="ignore")
            is_language_switch = name.startswith("(")
            events.append(PhoneEvent(event.sample, "" if is_language_switch else name))


def _language_codes(address: int) -> Iterator[tuple[int, str]]:
    """Priority (less is preferred) and code of each entry of espeak-ng's packed language list."""
    while priority := ctypes.string_at(address, 1)[0]:
        code = ctypes.string_at(address + 1)
        yield priority, code.decode("ascii", errors="replace")
        address += 1 + len(code) + 1


def _voice(entry: _VoiceEntry, code: str | None) -> Voice:
    """A language by one of its codes; without a code, a variant."""
    file = _text(entry.identifier).rpartition("/")[2]
    gender = _GENDERS.get(entry.gender, "")
    return Voice(code or file, _text(entry.name), gender, code is None, file)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace").strip()


_lock = threading.Lock()


def _renew_lock() -> None:
    """In a forked child no thread holds the lock, even if one of the parent's did."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock)


@contextmanager
def open_espeak() -> Iterator[Espeak]:
    """The library, loaded afresh and held by this thread alone."""
    try:
        import espeakng_loader
    except ImportError as error:
        raise SynthesisError(
            'speech synthesis needs espeak-ng: run pip install "liptwin[tts]"'
        ) from error
    with _lock:
        data_path = str(espeakng_loader.get_data_path())
        try:
            library = ctypes.CDLL(str(espeakng_loader.get_library_path()))
        except OSError as error:
            raise SynthesisError(
                f"the espeak-ng library cannot be loaded ({error}); reinstall espeakng-loader"
            ) from error
        try:
            library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_VoiceEntry))
            library.espeak_TextToPhonemes.restype = ctypes.c_char_p
            options = _PHONEME_EVENTS | _PHONEMES_AS_IPA | _DO_NOT_EXIT
            native_hz = library.espeak_Initialize(
                _OUTPUT_SYNCHRONOUS, 0, os.fsencode(data_path), options
            )
            if native_hz <= 0:
                raise SynthesisError(
                    f"espeak-ng cannot read its data in {data_path}; reinstall espeakng-loader "
                    "(a path of more than 150 characters is too long for it)"
                )
            _seed_noise(library)
            try:
                yield Espeak(library, native_hz)
            finally:
                library.espeak_Terminate()
        finally:
            _unload(library)


def _seed_noise(library: ctypes.CDLL) -> None:
    library.espeak_ng_SetRandSeed(ctypes.c_long(_NOISE_SEED))
    c_library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
    c_library.srand(ctypes.c_uint(_NOISE_SEED))


def _unload(library: ctypes.CDLL) -> None:
    if sys.platform == "win32":
        _ctypes.FreeLibrary(library._handle)
    else:
        _ctypes.dlclose(library._handle)
