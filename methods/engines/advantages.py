"""What policy-gradient methods make of rewards: advantages, the loss of PPO and what holds it back, as functions."""

from __future__ import annotations

import torch
from torch.nn.functional import logsigmoid, pad


def adapted(kl_coef: float, kl: float, target: float, answers: int, horizon: int) -> float:
    """The coefficient after a batch of so many answers whose KL was `kl` nats (arXiv 1909.08593, section 2.2).

    kl_coef (1 + clip(kl / target - 1, -.2, .2) answers / horizon).
    """
    return kl_coef * (1 + min(max(kl / target - 1, -0.2), 0.2) * answers / horizon)


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


def gae(rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, decay: float) -> torch.Tensor:
    """Generalised advantage estimates (B, T), gamma = 1 (arXiv 1506.02438, eq. 16).

    A_t = sum_l decay^l delta_{t+l}, delta_t = r_t + V_{t+1} - V_t, where nothing comes after an answer's end.
    """
    following = pad(values * mask, (0, 1))[:, 1:]
    deltas = (rewards + following - values) * mask
    advantages, running = torch.zeros_like(deltas), torch.zeros_like(deltas[:, 0])
    for t in reversed(range(deltas.shape[1])):
        running = deltas[:, t] + decay * running
        advantages[:, t] = running
    return advantages * mask


def whiten(values: torch.Tensor, mask: torch.Tensor, centre: bool = True) -> torch.Tensor:
    """Standard deviation 1 over what the mask shows, and mean 0 unless the mean is kept; zero elsewhere."""
    mean = (values * mask).sum() / mask.sum()
    variance = ((values - mean) ** 2 * mask).sum() / mask.sum()
    whitened = (values - mean) * (variance + 1e-8).rsqrt()
    return (whitened if centre else whitened + mean) * mask


def policy_kl(logps: torch.Tensor, old_logps: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """KL from the policy that answered to the one in training, estimated in nats per token; logps (B, T).

    The mean of rho - 1 - log rho, rho = pi / pi_old: never negative, and without bias (Schulman 2020).
    """
    change = logps - old_logps
    return ((change.exp() - 1 - change) * mask).sum() / mask.sum()


def ppo_loss(
    logps: torch.Tensor,
    values: torch.Tensor,
    old_logps: torch.Tensor,
    old_values: torch.Tensor,
    advantages: torch.Tensor,
    returns: torch.Tensor,
    mask: torch.Tensor,
    *,
    clip: float,
    value_coef: float,
) -> torch.Tensor:
    """Mean over tokens of max(-rho A, -clip(rho) A) + value_coef / 2 max((V - R)^2, (clip(V) - R)^2), all (B, T).

    rho is clipped to 1 -+ clip, V to the old value -+ clip (arXiv 1707.06347, eq. 7 and 9).
    """
    ratio = (logps - old_logps).exp()
    surrogate = torch.maximum(-ratio * advantages, -ratio.clamp(1 - clip, 1 + clip) * advantages)
    near = old_values + (values - old_values).clamp(-clip, clip)
    error = torch.maximum((values - returns) ** 2, (near - returns) ** 2)
    return ((surrogate + 0.5 * value_coef * error) * mask).sum() / mask.sum()
