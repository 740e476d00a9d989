"""What an owner may choose per share, as the API takes it."""

import pytest
from pydantic import ValidationError

from http_api.models.shares import NewSettings
from shared.model.share import ShareSettings


def test_the_defaults_of_the_api_are_those_of_the_model():
    assert ShareSettings(**NewSettings().model_dump()) == ShareSettings()


def test_settings_from_before_have_the_defaults_of_what_is_new():
    assert ShareSettings.from_wire({"large_file_bytes": 5 << 20}) == ShareSettings(large_file_bytes=5 << 20)
    assert ShareSettings.from_wire(ShareSettings(keep_share_snapshot=False).to_wire()).keep_share_snapshot is False


@pytest.mark.parametrize("value", ["yes", 1, None])
def test_keeping_a_share_snapshot_is_true_or_false(value):
    with pytest.raises(ValidationError, match="keep_share_snapshot"):
        NewSettings(keep_share_snapshot=value)
