"""quarva search."""


def search() -> None:
    pass
