"""Contacts that are not sure are believed while there are no more than speech has."""

from hypothesis import given
from hypothesis import strategies as st

from policies.learned.usual_rate import MEMORY_S, SURE, UsualRate

FPS = 30.0


def spoken(seconds: float, speaking: bool = True) -> UsualRate:
    rate = UsualRate(FPS)
    for _ in range(round(seconds * FPS)):
        rate.go_on(speaking)
    return rate


@given(seconds=st.floats(0.1, 10.0), likelihood=st.floats(0.0, 1.0))
def test_the_likeliest_so_far_is_believed(seconds: float, likelihood: float) -> None:
    rate = spoken(seconds)
    for _ in range(50):
        rate.remember(likelihood)
    assert rate.believes(likelihood)


@given(count=st.integers(0, 200), likelihood=st.floats(SURE, 1.0))
def test_who_is_sure_is_believed_however_often(count: int, likelihood: float) -> None:
    rate = spoken(1.0)
    for _ in range(count):
        rate.remember(1.0)
    assert rate.believes(likelihood)


def test_who_is_not_sure_is_believed_as_often_as_speech_has_it() -> None:
    for seconds, most in ((1.0, 3), (3.0, 6), (MEMORY_S, 10), (3 * MEMORY_S, 10)):
        rate, believed = spoken(seconds), 0
        while rate.believes(0.2):
            rate.remember(0.3)
            believed += 1
        assert believed == most  # 0.5 + 1.55 for each second that is remembered, rounded up


def test_silence_earns_nothing() -> None:
    rate = spoken(5.0, speaking=False)
    assert rate.believes(0.2)
    rate.remember(0.4)
    assert not rate.believes(0.2)


def test_what_was_long_ago_is_forgotten() -> None:
    rate = spoken(MEMORY_S)
    for _ in range(20):
        rate.remember(0.4)
    assert not rate.believes(0.2)
    for _ in range(round(MEMORY_S * FPS)):
        rate.go_on(True)
    assert rate.believes(0.2)
