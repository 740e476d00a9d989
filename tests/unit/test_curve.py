"""The paths of small charts."""

from http_api.pages.curve import HEIGHT, ROOM, WIDTH, curve


def test_a_curve_fills_its_box():
    found = curve([0, 5, 10])
    assert found.line == f"M0 {HEIGHT - ROOM:.1f}H200.0V{HEIGHT / 2:.1f}H400.0V{ROOM:.1f}H{WIDTH:.1f}"
    assert found.area == f"{found.line}V{HEIGHT}H0Z"


def test_what_stays_the_same_takes_no_more_than_a_step():
    assert curve([0, 0]).line == f"M0 {HEIGHT - ROOM:.1f}H300.0H600.0"
