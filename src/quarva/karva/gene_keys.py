"""Key and length of a gene in one reading, for breeding, which reads several genes for each child."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.decode import _C as _ALONE
from quarva.karva.decode import join, mix, number_key
from quarva.karva.expression import Symbol
from quarva.karva.genes import GeneShape

__all__ = ["Language", "language_of", "read_gene"]

_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)
_OPEN = mix(np.uint64(1))  # the key of `?` where its value does not count


class Language(NamedTuple):
    """The alphabet as the kernels read it.

    With `is_open` the values of `?` do not count: a key is then a formula's skeleton, and what is made of `?`
    alone is one more `?`, for whatever it gives a `?` gives as well.
    """

    arity: NDArray[np.int8]
    letter: NDArray[np.uint64]
    mixed: NDArray[np.uint64]  # `decode.mix` of letter
    commutative: NDArray[np.bool_]
    has_constants: bool
    is_open: bool
    link: np.uint64
    link_commutative: bool


@compiled(forceinline=True)
def read_gene(gene, dc, constants, language, functions, keys):
    """`decode.gene_key` of the gene (or its skeleton's), and the positions that its expression takes.

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
            keys[i] = _OPEN if language.is_open else number_key(constants[dc[seen]])
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
        if language.is_open and left == _OPEN and (arity == 1 or keys[start + 1] == _OPEN):
            keys[at] = keys[at] if arity == 3 and keys[start + 2] != _OPEN else _OPEN
    return keys[0], i


def language_of(alphabet: Alphabet, shape: GeneShape, *, is_open: bool = False) -> Language:
    """The language of an alphabet and a linking function."""
    link = Alphabet([Symbol(shape.linking), Symbol()]).letter[0]
    mixed = np.array([mix(key) for key in alphabet.letter], np.uint64)
    return Language(
        alphabet.arity, alphabet.letter, mixed, alphabet.commutative, alphabet.has_constants, is_open, link,
        shape.linking.commutative,
    )  # fmt: skip
