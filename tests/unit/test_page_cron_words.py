"""What people choose becomes a cron expression, and is read back from it as they chose it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from http_api.pages.cron_words import HOURS, WEEKDAYS, Every, Preset, in_words, preset_of
from shared.core import cron

times = st.builds("{:02d}:{:02d}".format, st.integers(0, 23), st.integers(0, 59))
presets = st.one_of(
    st.builds(Preset, every=st.sampled_from([Every.DAY, Every.WEEKDAY]), at=times),
    st.builds(Preset, every=st.just(Every.WEEK), at=times, weekday=st.sampled_from(list(WEEKDAYS))),
    st.builds(Preset, every=st.just(Every.MONTH), at=times, month_day=st.integers(1, 28)),
    st.builds(Preset, every=st.just(Every.HOURS), hours=st.sampled_from(HOURS)),
)


@given(presets)
def test_a_preset_makes_an_expression_that_is_valid_and_is_that_preset(preset):
    text = preset.to_cron()
    cron.parse(text, "Europe/Berlin")
    found = preset_of(text)
    assert found.every == preset.every
    assert found.to_cron() == text
    assert in_words(text) != text


@given(st.text(alphabet="0123456789*/,-? abcdefghijklmnopqrstuvwxyz", max_size=30))
def test_whatever_is_typed_is_no_error(text):
    assert (
        preset_of(text).to_cron() in (text, " ".join(text.lower().split())) or preset_of(text).every is not Every.CRON
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("30 2 * * *", "every day at 02:30"),
        ("30 2 * * MON-FRI", "Monday to Friday at 02:30"),
        ("0 0 * * 0", "every Sunday at 00:00"),
        ("0 0 * * 7", "every Sunday at 00:00"),
        ("5 14 1 * *", "on day 1 of each month at 14:05"),
        ("0 * * * *", "every hour"),
        ("0 */6 * * *", "every 6 hours"),
        ("0 */5 * * *", "0 */5 * * *"),
        ("0 6 * * *", "every day at 06:00"),
        ("30 2 31 * *", "30 2 31 * *"),
        ("*/30 * * * *", "*/30 * * * *"),
    ],
)
def test_expressions_in_words(text, told):
    assert in_words(text) == told


def test_what_is_no_time_of_day_is_refused_as_an_expression():
    with pytest.raises(Exception, match="minute"):
        cron.parse(Preset(every=Every.DAY, at="noon").to_cron(), "UTC")
