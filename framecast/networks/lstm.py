"""The LSTM layer that the vector networks share, with the weights and the start that MATLAB's `lstmLayer` has.

torch.nn.LSTM adds two biases where MATLAB (and the paper) have one, and starts all weights alike. The counts and the first
epochs of the question can only be repeated with its own layer.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LstmLayer(nn.Module):
    """Long short-term memory (Hochreiter and Schmidhuber 1997; with the forget gate of Gers et al. 2000, section 3).

        i, f, g, o = W x_t + R h_(t-1) + b        input, forget, candidate and output gate before their nonlinearity
        c_t = sigmoid(f) c_(t-1) + sigmoid(i) tanh(g)
        h_t = sigmoid(o) tanh(c_t)

    Starts like MATLAB: W Glorot uniform, R orthogonal, b zero but one at the forget gate.
    """

    def __init__(self, n_inputs: int, n_hidden: int) -> None:
        super().__init__()
        self.n_hidden = n_hidden
        self.input_weights = nn.Parameter(torch.empty(4 * n_hidden, n_inputs))
        self.recurrent_weights = nn.Parameter(torch.empty(4 * n_hidden, n_hidden))
        self.bias = nn.Parameter(torch.zeros(4 * n_hidden))
        nn.init.xavier_uniform_(self.input_weights)
        nn.init.orthogonal_(self.recurrent_weights)
        with torch.no_grad():
            self.bias[n_hidden : 2 * n_hidden].fill_(1.0)

    def start(self, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """The zero state (h, c), each (b, n_hidden), for inputs (b, t, n_inputs)."""
        zeros = inputs.new_zeros(inputs.shape[0], self.n_hidden)
        return zeros, zeros

    def forward(self, inputs: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(b, t, n_inputs) and a state (b, n_hidden) twice to the outputs (b, t, n_hidden) and the state after them. The
        inputs of all t steps meet their weights in one product: with a frame's pixels as inputs that is nearly all of the
        work."""
        projected = F.linear(inputs, self.input_weights, self.bias)  # (b, t, 4 n_hidden)
        outputs = []
        for step in projected.unbind(dim=1):
            i, f, g, o = (step + F.linear(hidden, self.recurrent_weights)).chunk(4, dim=1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            hidden = torch.sigmoid(o) * torch.tanh(cell)
            outputs.append(hidden)
        return torch.stack(outputs, dim=1), hidden, cell


class LstmStack(nn.Module):
    """LSTM layers one on top of the other; their states are carried as one flat tuple (h_1, c_1, h_2, c_2, ...)."""

    def __init__(self, n_inputs: int, n_hidden: int, n_layers: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LstmLayer(n_inputs if i == 0 else n_hidden, n_hidden) for i in range(n_layers))

    def forward(self, inputs: Tensor, state: tuple[Tensor, ...] | None) -> tuple[Tensor, tuple[Tensor, ...]]:
        """(b, t, n_inputs) to the top layer's outputs (b, t, n_hidden) and the state after them."""
        carried: list[Tensor] = []
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, LstmLayer)
            hidden, cell = layer.start(inputs) if state is None else state[2 * i : 2 * i + 2]
            inputs, hidden, cell = layer(inputs, hidden, cell)
            carried += [hidden, cell]
        return inputs, tuple(carried)
