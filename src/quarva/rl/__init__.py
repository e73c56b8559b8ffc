"""Reinforcement learning: two games, three learners, and agents that trade."""

from quarva.rl.dqn import DQN, Dueling
from quarva.rl.game import Game, Step
from quarva.rl.gradient import PolicyGradient
from quarva.rl.line import LineGame
from quarva.rl.naf import NAF
from quarva.rl.policy import TradingPolicy
from quarva.rl.trader import Trader
from quarva.rl.trading import TradingGame

__all__ = [
    "DQN",
    "NAF",
    "Dueling",
    "Game",
    "LineGame",
    "PolicyGradient",
    "Step",
    "Trader",
    "TradingGame",
    "TradingPolicy",
]
