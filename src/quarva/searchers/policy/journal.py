"""A log of training metrics for TensorBoard."""

from quarva.errors import RecipeError

__all__ = ["Journal"]


class Journal:
    """Writes metrics to a folder for `tensorboard --logdir FOLDER`.

    Parameters
    ----------
    folder : str
        Folder of the log.

    Raises
    ------
    RecipeError
        If the package tensorboard is not installed, or the folder cannot be written.
    """

    def __init__(self, folder: str) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter  # requires the package tensorboard
        except ImportError:
            raise RecipeError(
                "policy: a log needs the package tensorboard: pip install 'quarva[log]'"
            ) from None
        try:
            self._writer = SummaryWriter(folder)
        except OSError as error:
            raise RecipeError(f"policy: the log cannot be written to {folder} ({error.strerror})") from None

    def write(self, metrics: dict[str, float], batch: int) -> None:
        """Write the metrics of a batch."""
        for name, value in metrics.items():
            self._writer.add_scalar(f"policy/{name}", value, batch)
        self._writer.flush()
