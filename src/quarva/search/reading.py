"""Key and length of a gene in one reading, for breeding, which reads several genes for each child."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva.compiled import compiled
from quarva.karva.decode import _C as _ALONE
from quarva.karva.decode import join, mix, number_key

__all__ = ["Language", "read_gene"]

_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)


class Language(NamedTuple):
    """The alphabet as the kernels read it."""

    arity: NDArray[np.int8]
    letter: NDArray[np.uint64]
    mixed: NDArray[np.uint64]  # `decode.mix` of letter
    commutative: NDArray[np.bool_]
    has_constants: bool
    link: np.uint64
    link_commutative: bool


@compiled(forceinline=True)
def read_gene(gene, dc, constants, language, functions, keys):
    """`decode.gene_key` of the gene, and the positions that its expression takes.

    Branches that a processor can not foresee cost more here than arithmetic does. So terminals are passed
    over when arguments are put under their functions, and unary and binary functions take the same way
    (18 positions: 105 ns instead of 190).

    Args:
        gene, dc, constants: as `decode.gene_key` takes them.
        functions, keys: int64, as long as the gene, and uint64, longer by 3; to write to.
    """
    needed, many, i, seen = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        letter = np.int64(gene[i])
        arity = np.int64(language.arity[letter])
        keys[i] = language.letter[letter]
        if language.has_constants and keys[i] == 0:
            keys[i] = number_key(constants[dc[seen]])
            seen += 1
        functions[many] = (needed << (_BITS + _BITS)) | (letter << _BITS) | i
        many += arity > 0
        needed += arity
        i += 1
    for k in range(many - 1, -1, -1):
        at, letter, start = (
            functions[k] & _MASK,
            (functions[k] >> _BITS) & _MASK,
            functions[k] >> (_BITS + _BITS),
        )
        arity = language.arity[letter]
        left, right = keys[start], keys[start + 1]
        if arity == 3:
            right = join(_ALONE, right, keys[start + 2], False)
        right = right if arity > 1 else _ALONE
        turned = language.commutative[letter] & (right < left)
        first, second = right if turned else left, left if turned else right
        keys[at] = mix(mix(language.mixed[letter] ^ first) + second)
    return keys[0], i
