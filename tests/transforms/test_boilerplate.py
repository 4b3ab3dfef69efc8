import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.boilerplate import strip_image_credit

BODY = "The council met on Monday.\n\nNobody agreed."


@pytest.mark.parametrize(
    "credit",
    [
        "Featured image is a screenshot from YouTube",
        "Featured Image via Flickr",
        "Image credit: NASA/JPL",
        "Photo by Jane Doe on Unsplash",
        "(Photo by Jane Doe/Agency)",
        "*Photo: Jane Doe*",
        "Photos courtesy of the museum",
        "Image © Jane Doe",
        "Header image: Jane Doe",
        "Crédit photo : Agence",
        "Crédits photos : Agence",
        "Photo d'illustration : Agence",
        "Image à la une : Jeanne Doe",
        "Bildquelle: Agentur",
        "Titelbild: Erika Muster",
        "Foto: Agentur",
        "Imagen destacada: Agencia",
        "Foto: Agencia",
        "Créditos de la imagen: Agencia",
        "Foto di Mario Rossi",
        "Foto: Reprodução",
        "Beeld: Bureau",
        "Zdjęcie: Agencja",
        "Фото: Агентство",
    ],
)
def test_an_image_credit_at_the_end_goes(credit: str) -> None:
    assert strip_image_credit(f"{BODY}\n\n{credit}\n") == f"{BODY}\n"
    assert strip_image_credit(f"{BODY}\n\n{credit}") == BODY


@pytest.mark.parametrize(
    "last",
    [
        "Photo by photo, she put the album together again.",
        "Images of the harbour were shown to the council.",
        "Photo: Agency. The council will meet again on Tuesday next.",
        "Picture this: a harbour without ships.",
        "Image recognition: " + "a field of study in which much has happened lately, " * 3,
        "Source: the council",
        "Featured guests came from the museum",
        "Bilder einer Ausstellung",
    ],
)
def test_other_last_lines_stay(last: str) -> None:
    assert strip_image_credit(f"{BODY}\n\n{last}") == f"{BODY}\n\n{last}"


def test_a_credit_elsewhere_or_alone_stays() -> None:
    for text in (
        f"Photo: Agency\n\n{BODY}",
        "Photo: Agency",
        "\n\nPhoto: Agency",
        f"{BODY}\nPhoto: A",
    ):
        assert strip_image_credit(text) == text


def test_several_credits_go() -> None:
    assert strip_image_credit(f"{BODY}\n\nPhoto: A\n\nImage credit: B") == BODY


@given(st.lists(st.sampled_from(["Photo: A", "Words.", "", "More"]), max_size=6))
def test_text_is_never_emptied_and_the_rest_is_a_prefix(lines: list[str]) -> None:
    text = "\n\n".join(lines)
    rest = strip_image_credit(text)
    assert text.startswith(rest.rstrip())
    assert bool(rest.strip()) == bool(text.strip())
