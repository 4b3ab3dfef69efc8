import pytest

from transforms.resources import resource


def test_shipped_data_is_found() -> None:
    assert resource("config/models.yaml").is_file()


def test_data_that_is_not_shipped_is_said_to_be_missing() -> None:
    with pytest.raises(FileNotFoundError, match="installed without its 'models/none'"):
        resource("models/none")
