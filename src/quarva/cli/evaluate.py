"""quarva evaluate."""


def evaluate() -> None:
    pass
