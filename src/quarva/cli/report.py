"""quarva report."""


def report() -> None:
    pass
