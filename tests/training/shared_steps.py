"""What test_distributed.py lets torchrun start as two processes: steps taken together and alone, of every network.

The first process takes each step twice, with its helper and without, and prints how far the two are apart.
"""

import torch

from framecast.cli.together import end_at_once
from framecast.networks.build import bare_network
from framecast.networks.contract import NETWORKS
from framecast.networks.wrap import Padded, Residual
from framecast.training.batches import TrainingData
from framecast.training.distributed import Group, joined
from framecast.training.optimising import optimizer_of
from framecast.training.scaled import Scaled
from framecast.training.scaling import Scaler
from framecast.training.settings import TrainingSettings
from framecast.training.team import Team, help_train

CONTEXT, SIDE = 4, 24
COMMON = {"precision": "float32", "clip": 0.0, "loss": "l1+mse", "ssim_weight": 0.3, "gradient_weight": 0.2}
CASES = {
    "masked crops": {"crop": 16, "flips": True, "turns": True, "input_noise": 0.3, "sampling": "scheduled", "unroll": 3},
    "pushed": {"pushforward": 3, "unroll": 4, "truncate": 2, "sampling": "reverse", "loss": "half sum of squares"},
    "in parts": {"parts": 2, "recompute": True, "unroll": 2, "crop": 16},
}
BATCHES = ([0, 5, 9], [3])
"""An uneven one, and one with fewer windows than processes."""
STEPS = 3
SET_BACK_BEFORE = 1
"""Then weights and optimiser are told anew, as after a loss that exploded and at the beginning of a run that goes on."""


def main() -> None:
    torch.set_num_threads(1)
    with joined() as group:
        for name in NETWORKS:
            for case, changes in CASES.items():
                settings = TrainingSettings(**{**COMMON, **changes, **({} if NETWORKS[name].any_size else {"crop": 0})})
                if group.rank:
                    for _ in BATCHES:
                        assert group.hear().word == "train"
                        assert help_train(group, network(name), [data()], settings, CONTEXT, SCALER) == "leave"
                    continue
                apart = together_and_alone(group, name, settings)
                print(f"{name}, {case}: " + " ".join(f"{one:.3g}" for one in apart), flush=True)
        agree(group)
        if not group.rank:
            group.release()


def together_and_alone(group: Group, name: str, settings: TrainingSettings) -> list[float]:
    """How far apart gradients and losses are, relative to their size, over batches and steps: the largest of each."""
    ours, alone = network(name), network(name, perturbed=True)
    ours.load_state_dict(alone.state_dict())  # the helper begins with other weights, and must be given these
    worst = [0.0, 0.0]
    for batch in BATCHES:
        with Team(group) as team, Team() as by_itself:
            states = []
            for trained, one in ((ours, team), (alone, by_itself)):
                trained.train()
                optimizer = optimizer_of(trained, settings)
                one.begin(trained, settings, CONTEXT, SCALER, optimizer)
                states.append((trained, one, optimizer, torch.Generator().manual_seed(7)))
            for step in range(STEPS):
                if step == SET_BACK_BEFORE:
                    team.begin_again(states[0][2])
                found = []
                for trained, one, optimizer, generator in states:
                    chosen = torch.tensor(batch) + step
                    loss, _, n_frames = one.step(optimizer, [data()], 0, chosen, settings.unroll, 0.5, generator)
                    gradient = torch.cat([w.grad.flatten() for w in trained.parameters() if w.grad is not None])
                    found.append((float(loss), gradient, n_frames, generator.get_state()))
                (one_loss, one, n_one, state), (loss, gradient, n, other_state) = found
                assert n_one == n and torch.equal(state, other_state), "the same chance was drawn"
                worst[0] = max(worst[0], float((one - gradient).norm() / gradient.norm()))
                worst[1] = max(worst[1], abs(one_loss - loss) / abs(loss))
                alone.load_state_dict(ours.state_dict())  # an optimiser makes much of the last bits; see the test
    return worst


def agree(group: Group) -> None:
    """Nothing is left unsaid: a sum over all processes is the number of them."""
    assert float(group.sum(torch.ones(()))) == group.size
    assert not group.rank or group.hear().word == "end"


def network(name: str, *, perturbed: bool = False) -> torch.nn.Module:
    """Small, its last layer not zero, so that every weight has a gradient. Weights by chance, the same in each process."""
    kind = NETWORKS[name]
    torch.manual_seed(3 if perturbed else 4)
    settings = kind.settings.from_mapping({"context": CONTEXT})
    bare = bare_network(name, settings, SIDE, SIDE, 1)
    wrapped = Residual(Scaled(Padded(bare, kind.stride(settings)), SCALER, answers_change=True))
    for weight in bare.head.parameters():
        torch.nn.init.normal_(weight, std=0.05)
    return wrapped


def data() -> TrainingData:
    t, y, x = torch.meshgrid(torch.arange(24.0), torch.arange(SIDE * 1.0), torch.arange(SIDE * 1.0), indexing="ij")
    frames = (127 + 100 * torch.sin(0.6 * x + 0.3 * y - 0.5 * t)).to(torch.uint8)[:, None]
    mask = torch.ones(SIDE, SIDE)
    mask[:7, :10] = 0
    return TrainingData(frames, range(24), range(0), 255.0, mask)


SCALER = Scaler((127.0,), (70.0,))

if __name__ == "__main__":
    main()
    end_at_once(0)
