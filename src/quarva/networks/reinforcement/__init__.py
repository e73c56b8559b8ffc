"""Reinforcement learning: games that answer with a reward alone, and three learners that play them."""

from quarva.networks.reinforcement.dqn import DQN, Dueling
from quarva.networks.reinforcement.game import Game, Step
from quarva.networks.reinforcement.gradient import PolicyGradient
from quarva.networks.reinforcement.line import LineGame
from quarva.networks.reinforcement.naf import NAF
from quarva.networks.reinforcement.policy import Policy
from quarva.networks.reinforcement.trader import Trader
from quarva.networks.reinforcement.trading import TradingGame

__all__ = [
    "DQN",
    "NAF",
    "Dueling",
    "Game",
    "LineGame",
    "Policy",
    "PolicyGradient",
    "Step",
    "Trader",
    "TradingGame",
]
