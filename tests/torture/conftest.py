"""Tests marked ``torture`` take minutes and are left out unless somebody asks for them."""


def pytest_collection_modifyitems(config, items):
    if "torture" in config.getoption("-m"):
        return
    left_out = [item for item in items if item.get_closest_marker("torture")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
