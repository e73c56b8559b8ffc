"""Key and length of a gene in a single pass, for breeding, which reads several genes for each child."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quarva._runtime.compiled import compiled
from quarva.karva.alphabet import Alphabet
from quarva.karva.decode import _C as _ABSENT
from quarva.karva.decode import join_keys, mix, number_key
from quarva.karva.expression import Symbol
from quarva.karva.genes import GeneShape

__all__ = ["KeyTables", "key_tables", "read_gene"]

_BITS, _MASK = np.int64(16), np.int64(2**16 - 1)
_ANY_CONSTANT = mix(np.uint64(1))  # the key of `?` in a skeleton


class KeyTables(NamedTuple):
    """The parts of an alphabet of V symbols that the key kernels read.

    Attributes
    ----------
    arity : int8 array, shape (V,)
        Arity of each symbol.
    symbol_keys : uint64 array, shape (V,)
        `Alphabet.symbol_keys`.
    mixed_keys : uint64 array, shape (V,)
        `decode.mix` of `symbol_keys`.
    commutative : bool array, shape (V,)
        Whether each symbol is commutative.
    has_constants : bool
        Whether `?` is a terminal.
    skeletons : bool
        If True, values of `?` are ignored: the key is that of the formula's skeleton. A function of `?`
        alone is then itself a `?`, because a free constant can take its value.
    link : uint64
        Key of the linking function.
    link_commutative : bool
        Whether the linking function is commutative.
    """

    arity: NDArray[np.int8]
    symbol_keys: NDArray[np.uint64]
    mixed_keys: NDArray[np.uint64]
    commutative: NDArray[np.bool_]
    has_constants: bool
    skeletons: bool
    link: np.uint64
    link_commutative: bool


@compiled(forceinline=True)
def read_gene(gene, dc, constants, tables, functions, keys):
    """Return `decode.gene_key` of a gene, or of its skeleton, and the length of its expression.

    Mispredicted branches cost more here than arithmetic does. So arguments are combined in a loop over
    functions only, and unary and binary functions share one code path (18 positions: 105 ns, not 190 ns).

    Parameters
    ----------
    gene, dc, constants
        As in `decode.gene_key`.
    tables : KeyTables
        Tables of the alphabet.
    functions : int64 array, shape (L,)
        Work space.
    keys : uint64 array, shape (L + 3,)
        Work space.
    """
    needed, n_functions, i, n_constants = np.int64(1), np.int64(0), np.int64(0), 0
    while needed > i:
        symbol = np.int64(gene[i])
        arity = np.int64(tables.arity[symbol])
        keys[i] = tables.symbol_keys[symbol]
        if tables.has_constants and keys[i] == 0:
            keys[i] = _ANY_CONSTANT if tables.skeletons else number_key(constants[dc[n_constants]])
            n_constants += 1
        functions[n_functions] = (needed << (_BITS + _BITS)) | (symbol << _BITS) | i
        n_functions += arity > 0
        needed += arity
        i += 1
    for k in range(n_functions - 1, -1, -1):
        position, symbol, start = (
            functions[k] & _MASK,
            (functions[k] >> _BITS) & _MASK,
            functions[k] >> (_BITS + _BITS),
        )
        arity = tables.arity[symbol]
        left, right = keys[start], keys[start + 1]
        if arity == 3:
            right = join_keys(_ABSENT, right, keys[start + 2], False)
        right = right if arity > 1 else _ABSENT
        swapped = tables.commutative[symbol] & (right < left)
        first, second = right if swapped else left, left if swapped else right
        keys[position] = mix(mix(tables.mixed_keys[symbol] ^ first) + second)
        if tables.skeletons and left == _ANY_CONSTANT and (arity == 1 or keys[start + 1] == _ANY_CONSTANT):
            keys[position] = (
                keys[position] if arity == 3 and keys[start + 2] != _ANY_CONSTANT else _ANY_CONSTANT
            )
    return keys[0], i


def key_tables(alphabet: Alphabet, shape: GeneShape, *, skeletons: bool = False) -> KeyTables:
    """Return the key tables of an alphabet and a linking function."""
    link = Alphabet([Symbol(shape.linking), Symbol()]).symbol_keys[0]
    mixed = np.array([mix(key) for key in alphabet.symbol_keys], np.uint64)
    return KeyTables(
        alphabet.arity, alphabet.symbol_keys, mixed, alphabet.commutative, alphabet.has_constants, skeletons,
        link, shape.linking.commutative,
    )  # fmt: skip
