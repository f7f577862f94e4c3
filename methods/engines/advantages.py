"""What policy-gradient methods make of rewards: advantages and the loss of PPO, as functions of tensors."""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid, pad

CLIP, LAMBDA, VALUE_COEF = 0.2, 0.95, 0.1
"""PPO as MORLHF and Rewarded Soups run it: clip range, lambda of GAE, weight of the value loss.
Ratios and values are clipped alike; gamma is 1."""


def dpo_advantages(rewards: torch.Tensor, log_ratios: torch.Tensor, beta: float) -> torch.Tensor:
    """Advantages (P, G) whose policy gradient, averaged over all answers, is that of DPO averaged over P pairs.

    d/dtheta -log sigmoid(beta D) = -beta sigmoid(-beta D) (d log pi(best) - d log pi(worst)), D the difference of the
    two log-ratios log pi / pi_0. All others get zero, and so does a group whose rewards are equal.
    """
    best, worst = rewards.argmax(1, keepdim=True), rewards.argmin(1, keepdim=True)
    margin = log_ratios.gather(1, best) - log_ratios.gather(1, worst)
    strength = rewards.shape[1] * beta * logsigmoid(-beta * margin).exp()
    strength = strength * (rewards.gather(1, best) > rewards.gather(1, worst))
    return torch.zeros_like(log_ratios).scatter_add(1, best, strength).scatter_add(1, worst, -strength)


def gae(rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Generalised advantage estimates (B, T), gamma = 1 (arXiv 1506.02438, eq. 16).

    A_t = sum_l lambda^l delta_{t+l}, delta_t = r_t + V_{t+1} - V_t, where nothing comes after an answer's end.
    """
    following = pad(values * mask, (0, 1))[:, 1:]
    deltas = (rewards + following - values) * mask
    advantages, running = torch.zeros_like(deltas), torch.zeros_like(deltas[:, 0])
    for t in reversed(range(deltas.shape[1])):
        running = deltas[:, t] + LAMBDA * running
        advantages[:, t] = running
    return advantages * mask


def whiten(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean 0 and standard deviation 1 over what the mask shows; zero elsewhere."""
    mean = (values * mask).sum() / mask.sum()
    variance = ((values - mean) ** 2 * mask).sum() / mask.sum()
    return (values - mean) * (variance + 1e-8).rsqrt() * mask


def ppo_loss(
    logps: torch.Tensor,
    values: torch.Tensor,
    old_logps: torch.Tensor,
    old_values: torch.Tensor,
    advantages: torch.Tensor,
    returns: torch.Tensor,
    mask: torch.Tensor,
) -> torch.Tensor:
    """Mean over tokens of max(-rho A, -clip(rho) A) + VALUE_COEF / 2 max((V - R)^2, (clip(V) - R)^2), all (B, T)."""
    ratio = (logps - old_logps).exp()
    surrogate = torch.maximum(-ratio * advantages, -ratio.clamp(1 - CLIP, 1 + CLIP) * advantages)
    near = old_values + (values - old_values).clamp(-CLIP, CLIP)
    error = torch.maximum((values - returns) ** 2, (near - returns) ** 2)
    return ((surrogate + 0.5 * VALUE_COEF * error) * mask).sum() / mask.sum()
