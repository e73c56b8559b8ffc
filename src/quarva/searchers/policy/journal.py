"""Figures of learning as TensorBoard reads them."""

from quarva.errors import RecipeError

__all__ = ["Journal"]


class Journal:
    """Writes figures into a folder that `tensorboard --logdir FOLDER` shows.

    Raises:
        RecipeError: the package tensorboard is not installed, or the folder can not be written.
    """

    def __init__(self, folder: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # with the package tensorboard
        except ImportError:
            raise RecipeError(
                "policy: a log needs the package tensorboard: pip install 'quarva[log]'"
            ) from None
        try:
            self._writer = SummaryWriter(folder)
        except OSError as error:
            raise RecipeError(f"policy: the log can not be written to {folder} ({error.strerror})") from None

    def write(self, figures: dict[str, float], batch: int) -> None:
        """Note the figures of a batch."""
        for name, value in figures.items():
            self._writer.add_scalar(f"policy/{name}", value, batch)
        self._writer.flush()
