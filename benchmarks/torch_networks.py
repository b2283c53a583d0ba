"""The networks of SNGAN, StyleGAN, StarGAN and ResNet-50 in PyTorch, for images whose size is that of a grid, doubled.

They take the same arguments as those of `keras_ganaug.networks` and compute the same functions. `copy_weights` carries the
weights over from Keras, and a test compares the outputs. Images and features are (batch, channels, height, width). Nothing
here needs TensorFlow.
"""

import itertools
import math
import re

import torch
from torch import nn
from torch.nn import functional


def doublings(image_shape, smallest=4, most=6):
    """How often the seed grid is doubled. Only sizes that this gives exactly are supported."""
    height, width = image_shape[:2]
    number = max(n for n in range(most + 1) if n == 0 or min(height, width) >= smallest * 2**n)
    if height % 2**number or width % 2**number:
        raise ValueError(f"`image_shape` must be a multiple of {2**number} pixels a side. Received: {image_shape}")
    return number


def widths(base, image_shape, most=8):
    """Channels at each resolution, from the image down to the seed grid."""
    return [base * min(2**n, most) for n in range(doublings(image_shape) + 1)]


def one_hot(labels, classes):
    return functional.one_hot(labels, classes).float()


def flat(x):
    """Features of each image in the order of Keras: height, width, channels."""
    return x.permute(0, 2, 3, 1).flatten(1)


def grid(x, height, width):
    """The inverse of `flat`."""
    return x.unflatten(1, (height, width, -1)).permute(0, 3, 1, 2)


class Layer(nn.Module):
    """A layer with one kernel (outputs, inputs, ...), which may be spectrally normalised or have an equalised learning rate.

    Args:
        shape: Shape of the kernel.
        bias: Whether it has a bias. Defaults to True.
        spectral: Whether the kernel is divided by its largest singular value. Defaults to False.
        gain: Factor of the equalised learning rate, None for an ordinary kernel. Defaults to None.
        lr_multiplier: See `keras_ganaug.layers.Equalized`. Defaults to 1.
    """

    keras_layer = ""

    def __init__(self, shape, bias=True, spectral=False, gain=None, lr_multiplier=1.0):
        super().__init__()
        fan_in = math.prod(shape[1:])
        deviation = (2 / (fan_in + shape[0])) ** 0.5 if gain is None else 1 / lr_multiplier
        self.weight = nn.Parameter(deviation * torch.randn(shape))
        self.bias = nn.Parameter(torch.zeros(shape[0])) if bias else None
        self.factor = None if gain is None else gain * lr_multiplier / fan_in**0.5
        self.lr_multiplier, self.spectral = lr_multiplier, spectral
        if spectral:
            self.register_buffer("u", functional.normalize(torch.randn(shape[0]), dim=0))

    @property
    def kind(self):
        """The Keras layer that holds the same weights."""
        return "SpectralNormalization" if self.spectral else self.keras_layer if self.factor is None else "Equalized"

    def kernel(self):
        """The kernel that the layer computes with."""
        if self.factor is not None:
            return self.weight * self.factor
        if not self.spectral:
            return self.weight
        matrix = self.weight.flatten(1).t()
        v = functional.normalize((matrix @ self.u).detach(), dim=0, eps=1e-12)
        return self.weight / torch.clamp(v @ (matrix @ self.u), min=1e-12)

    @torch.no_grad()
    def power_iteration(self):
        matrix = self.weight.flatten(1)
        v = functional.normalize(matrix.t() @ self.u, dim=0, eps=1e-12)
        self.u.copy_(functional.normalize(matrix @ v, dim=0, eps=1e-12))

    def forward(self, x, kernel=None):
        bias = self.bias if self.bias is None or self.lr_multiplier == 1.0 else self.lr_multiplier * self.bias
        return self.compute(x, self.kernel() if kernel is None else kernel, bias)

    def take(self, kernel, bias):
        """Takes the weights of the Keras layer, as NumPy arrays."""
        axes = {4: (3, 2, 0, 1), 2: (1, 0)}[kernel.ndim]
        assign(self.weight, kernel.transpose(axes))
        if self.bias is not None:
            assign(self.bias, bias)


def assign(tensor, values):
    """Writes a NumPy array into a tensor of the same shape."""
    if tuple(tensor.shape) != values.shape:
        raise ValueError(f"Expected: shape {tuple(tensor.shape)}. Received: shape {values.shape}")
    with torch.no_grad():
        tensor.copy_(torch.tensor(values))


class Conv(Layer):
    keras_layer = "Conv2D"

    def __init__(self, inputs, filters, size=3, strides=1, **options):
        super().__init__((filters, inputs, size, size), **options)
        self.strides, self.padding = strides, (size - strides + 1) // 2

    def compute(self, x, kernel, bias):
        return functional.conv2d(x, kernel, bias, self.strides, self.padding)


class UpsampleConv(Layer):
    """Repeats pixels and convolves with a 3×3 kernel, as one transposed convolution, like `layers.UpsampleConv2D`."""

    keras_layer = "UpsampleConv2D"

    def __init__(self, inputs, filters, **options):
        super().__init__((filters, inputs, 3, 3), **options)

    def compute(self, x, kernel, bias):
        padded = functional.pad(kernel, (1, 1, 1, 1))
        summed = padded[:, :, 1:, 1:] + padded[:, :, :-1, 1:] + padded[:, :, 1:, :-1] + padded[:, :, :-1, :-1]
        return functional.conv_transpose2d(x, summed.flip(2, 3).transpose(0, 1), bias, stride=2, padding=1)


class Dense(Layer):
    keras_layer = "Dense"

    def __init__(self, inputs, units, **options):
        super().__init__((units, inputs), **options)

    def compute(self, x, kernel, bias):
        return functional.linear(x, kernel, bias)


class Embedding(Dense):
    """A dense layer without a bias, for one-hot rows: it takes the indices."""

    def __init__(self, classes, units, **options):
        super().__init__(classes, units, bias=False, **options)

    def compute(self, x, kernel, bias):
        return functional.embedding(x, kernel.t())


class ConditionalBatchNorm(nn.Module):
    kind = "ConditionalBatchNormalization"

    def __init__(self, classes, channels):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(classes, channels))
        self.beta = nn.Parameter(torch.zeros(classes, channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x, labels):
        x = functional.batch_norm(x, self.mean, self.variance, training=self.training, momentum=0.1, eps=1e-5)
        gamma, beta = (each[labels].to(x.dtype)[:, :, None, None] for each in (self.gamma, self.beta))
        return torch.addcmul(beta, x, gamma)


class AdaIN(nn.Module):
    kind = "AdaIN"

    def __init__(self, channels, w_dim):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(w_dim, 2 * channels))
        self.scale, self.offset = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))

    def forward(self, x, w):
        style = (w @ self.weight) * self.weight.shape[0] ** -0.5
        scale, offset = style.chunk(2, dim=1)
        scale, offset = ((a + b).to(x.dtype)[:, :, None, None] for a, b in ((scale, self.scale), (offset, self.offset)))
        return torch.addcmul(offset, functional.instance_norm(x, eps=1e-8), scale)


class Noise(nn.Module):
    kind = "NoiseInjection"

    def __init__(self, channels):
        super().__init__()
        self.gain = nn.Parameter(torch.zeros(channels))

    def forward(self, x, noise):
        return torch.addcmul(x, noise.to(x.dtype), self.gain.to(x.dtype)[:, None, None])


class Constant(nn.Module):
    kind = "LearnedConstant"

    def __init__(self, *shape):
        super().__init__()
        self.constant = nn.Parameter(torch.ones(shape))


class SpectralDiscriminator(nn.Module):
    """What the discriminators of SNGAN and StarGAN share: all layers are normalised, and the label is projected.

    A training step computes `kernels()` once for all its passes.
    """

    def spectral_layers(self):
        return [layer for layer in self.modules() if isinstance(layer, Layer)]

    def power_iteration(self):
        for layer in self.spectral_layers():
            layer.power_iteration()

    def kernels(self):
        return [layer.kernel() for layer in self.spectral_layers()]

    def forward(self, images, labels, kernels=None):
        given = dict(zip(self.spectral_layers(), kernels or self.kernels()))
        x = images
        for conv in self.convs:
            x = functional.leaky_relu(conv(x, given[conv]), 0.1)
        features = self.features(x.float())  # (batch, positions, channels)
        embedding = self.embedding(labels, given[self.embedding])[:, None]
        return self.logit(features, given[self.logit]).float()[..., 0] + (features * embedding).sum(-1)


class SNGANDiscriminator(SpectralDiscriminator):
    """`networks.dcgan.discriminator`."""

    def __init__(self, image_shape, num_classes, width=32):
        super().__init__()
        channels = widths(width, image_shape)
        self.convs = nn.ModuleList([Conv(image_shape[-1], channels[0], spectral=True)])
        for inputs, filters in itertools.pairwise(channels):
            self.convs += [Conv(inputs, filters, 4, 2, spectral=True), Conv(filters, filters, spectral=True)]
        self.logit = Dense(channels[-1], 1, spectral=True)
        self.embedding = Embedding(num_classes, channels[-1], spectral=True)

    def features(self, x):
        return x.sum((2, 3))[:, None]


class StarGANDiscriminator(SpectralDiscriminator):
    """`networks.translation.discriminator`."""

    def __init__(self, image_shape, num_classes, width=32):
        super().__init__()
        halvings = sum(3 * patch <= 2 * min(image_shape[:2]) for patch in (8, 18))
        doublings(image_shape, smallest=1, most=halvings)  # checks the size
        channels = [image_shape[-1], *(width * 2**n for n in range(max(halvings, 1)))]
        strides = {"size": 4, "strides": 2} if halvings else {}
        self.convs = nn.ModuleList(
            [Conv(inputs, filters, spectral=True, **strides) for inputs, filters in itertools.pairwise(channels)]
        )
        self.convs.append(Conv(channels[-1], width * 2**halvings, spectral=True))
        self.logit = Dense(width * 2**halvings, 1, spectral=True)
        self.embedding = Embedding(num_classes, width * 2**halvings, spectral=True)

    def features(self, x):
        return x.permute(0, 2, 3, 1).flatten(1, 2)


class SNGANGenerator(nn.Module):
    """`networks.resnet.generator`."""

    def __init__(self, image_shape, num_classes, latent_dim=128, width=32):
        super().__init__()
        *narrower, widest = widths(width, image_shape)
        self.size = [side // 2 ** len(narrower) for side in image_shape[:2]]
        self.classes = num_classes
        self.first = Dense(latent_dim + num_classes, self.size[0] * self.size[1] * widest)
        self.blocks = nn.ModuleList()
        inputs = widest
        for filters in reversed(narrower):
            parts = {
                "shortcut": Conv(inputs, filters, 1),
                "norm_1": ConditionalBatchNorm(num_classes, inputs),
                "up": UpsampleConv(inputs, filters),
                "norm_2": ConditionalBatchNorm(num_classes, filters),
                "conv": Conv(filters, filters),
            }
            self.blocks.append(nn.ModuleDict(parts))
            inputs = filters
        self.norm = ConditionalBatchNorm(num_classes, inputs)
        self.last = Conv(inputs, image_shape[-1])

    def forward(self, latents, labels):
        x = grid(self.first(torch.cat([latents, one_hot(labels, self.classes)], 1)), *self.size)
        for block in self.blocks:
            shortcut = functional.interpolate(block["shortcut"](x), scale_factor=2)
            x = block["up"](functional.relu(block["norm_1"](x, labels)))
            x = block["conv"](functional.relu(block["norm_2"](x, labels))) + shortcut
        return torch.tanh(self.last(functional.relu(self.norm(x, labels))).float())


def lrelu(x):
    return functional.leaky_relu(x, 0.2)


def blurred(x):
    """The kernel [1, 2, 1] along height and width: two average poolings."""
    return functional.avg_pool2d(functional.avg_pool2d(x, 2, 1, padding=1), 2, 1)


def pixel_norm(x):
    return x * torch.rsqrt(x.square().mean(1, keepdim=True) + 1e-8)


class StyleGANGenerator(nn.Module):
    """`networks.style.generator`. `noise` of its calls is a list of one tensor (batch, 1, height, width) for each layer."""

    def __init__(self, image_shape, num_classes, latent_dim=128, width=32, depth=8):
        super().__init__()
        channels, gain = widths(width, image_shape), 2**0.5
        self.classes, self.levels = num_classes, len(channels)
        self.size = [side // 2 ** (self.levels - 1) for side in image_shape[:2]]
        self.embedding = Embedding(num_classes, latent_dim, gain=1.0)
        dense = [Dense((1 if n else 2) * latent_dim, latent_dim, gain=gain, lr_multiplier=0.01) for n in range(depth)]
        self.dense = nn.ModuleList(dense)
        self.constant = Constant(*self.size, channels[-1])
        levels = [(channels[-1], channels[-1]), *itertools.pairwise(reversed(channels))]
        convs = [UpsampleConv(a, b, gain=gain) if n % 2 == 0 else Conv(b, b, gain=gain) for a, b in levels for n in (0, 1)]
        self.convs = nn.ModuleList(convs[1:])  # the first layer is the constant
        self.noises = nn.ModuleList([Noise(b) for _, b in levels for _ in (0, 1)])
        self.styles = nn.ModuleList([AdaIN(b, latent_dim) for _, b in levels for _ in (0, 1)])
        self.to_rgb = Conv(channels[0], image_shape[-1], 1, gain=1.0)

    def noise_shapes(self, batch):
        sizes = [[side * 2**level for side in self.size] for level in range(self.levels) for _ in (0, 1)]
        return [(batch, 1, *size) for size in sizes]

    def mapping(self, latents, labels):
        x = torch.cat([pixel_norm(latents), pixel_norm(self.embedding(labels))], 1)
        for layer in self.dense:
            x = lrelu(layer(x))
        return x.float()

    def synthesis(self, w, noise):
        x = self.constant.constant.permute(2, 0, 1).expand(len(w), -1, -1, -1)
        for n, (add, style) in enumerate(zip(self.noises, self.styles)):
            if n:
                x = self.convs[n - 1](x)
                x = blurred(x) if n % 2 == 0 else x
            x = style(lrelu(add(x, noise[n])), w[:, n])
        return torch.tanh(self.to_rgb(x).float())

    def forward(self, latents, labels, noise):
        return self.synthesis(self.mapping(latents, labels)[:, None].expand(-1, 2 * self.levels, -1), noise)


class StyleGANDiscriminator(nn.Module):
    """`networks.progressive.discriminator(..., growing=False, label_use="join", blur=True)`."""

    def __init__(self, image_shape, num_classes, width=32):
        super().__init__()
        channels, gain, self.classes = widths(width, image_shape), 2**0.5, num_classes
        self.from_rgb = Conv(image_shape[-1] + num_classes, channels[0], 1, gain=gain)
        convs = [Conv(a, filters, gain=gain) for a, b in itertools.pairwise(channels) for filters in (a, b)]
        self.convs = nn.ModuleList(convs)
        self.last = Conv(channels[-1] + 1, channels[-1], gain=gain)
        side = [size // 2 ** (len(channels) - 1) for size in image_shape[:2]]
        self.dense = Dense(side[0] * side[1] * channels[-1], channels[-1], gain=gain)
        self.logit = Dense(channels[-1], 1, gain=1.0)

    def forward(self, images, labels):
        planes = one_hot(labels, self.classes)[:, :, None, None].expand(-1, -1, *images.shape[2:])
        x = lrelu(self.from_rgb(torch.cat([images, planes], 1)))
        for n, conv in enumerate(self.convs):
            x = lrelu(conv(blurred(x) if n % 2 else x))
            x = functional.avg_pool2d(x, 2) if n % 2 else x
        x = lrelu(self.last(with_deviation(x)))
        return self.logit(lrelu(self.dense(flat(x)))).float()[:, 0]


def with_deviation(x):
    """Appends the minibatch standard deviation as a channel."""
    size = group_size(len(x))
    groups = x.float().unflatten(0, (size, -1))
    deviation = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3)).repeat(size)
    return torch.cat([x, deviation.to(x.dtype)[:, None, None, None].expand(-1, 1, *x.shape[2:])], 1)


def group_size(batch, most=4):
    return max(n for n in range(1, most + 1) if batch % n == 0)


def class_groups(labels):
    """An order of the batch in which the minibatch standard deviation compares images of the same class."""
    return labels.argsort(stable=True).view(-1, group_size(len(labels))).t().flatten()


class Styled(nn.Module):
    """A convolution, group normalisation, and a scale and an offset that follow from the style."""

    def __init__(self, inputs, filters, style, size=3, strides=1):
        super().__init__()
        self.conv = Conv(inputs, filters, size, strides, bias=False)
        self.scale, self.offset = Dense(style, filters), Dense(style, filters)
        nn.init.ones_(self.scale.bias)
        self.groups = math.gcd(8, filters)

    def forward(self, x, style):
        x = functional.group_norm(self.conv(x), self.groups, eps=1e-3)
        scale, offset = (layer(style).to(x.dtype)[:, :, None, None] for layer in (self.scale, self.offset))
        return torch.addcmul(offset, x, scale)


class StarGANGenerator(nn.Module):
    """`networks.translation.generator`."""

    def __init__(self, image_shape, num_classes, latent_dim=8, width=32, blocks=2):
        super().__init__()
        halvings = doublings(image_shape, smallest=2, most=2)
        widest, style = width * 2**halvings, 4 * width
        self.classes = num_classes
        self.style = Dense(num_classes + latent_dim, style)
        self.first = Styled(image_shape[-1], width, style)
        channels = [width * 2**n for n in range(halvings + 1)]
        self.down = nn.ModuleList([Styled(a, b, style, 4, 2) for a, b in itertools.pairwise(channels)])
        self.blocks = nn.ModuleList([Styled(widest, widest, style) for _ in range(2 * blocks)])
        levels = reversed([*enumerate(itertools.pairwise(channels))])
        self.up = nn.ModuleList([Styled(b + a if n else b, a, style) for n, (a, b) in levels])
        self.last = Conv(width, image_shape[-1])

    def forward(self, images, latents, labels):
        style = functional.relu(self.style(torch.cat([one_hot(labels, self.classes), latents], 1)))
        x, across = functional.relu(self.first(images, style)), []
        for down in self.down:
            across.append(x)
            x = functional.relu(down(x, style))
        for one, two in zip(self.blocks[::2], self.blocks[1::2]):
            x = x + two(functional.relu(one(x, style)), style)
        for n, up in enumerate(self.up):
            x, last = functional.interpolate(x, scale_factor=2), n == len(self.up) - 1
            x = functional.relu(up(x if last else torch.cat([x, across[-1 - n]], 1), style))
        return torch.tanh(self.last(x).float())


class ResNet50(nn.Module):
    """Keras's ResNet-50, which has biases and strides in the first convolution of a block. Its parts have Keras's names."""

    def __init__(self, channels=3, classes=10):
        super().__init__()
        self.parts = nn.ModuleDict({"conv1_conv": nn.Conv2d(channels, 64, 7, 2, 3), "conv1_bn": self.norm(64)})
        self.stacks, inputs = [], 64
        for number, (filters, blocks) in enumerate([(64, 3), (128, 4), (256, 6), (512, 3)], 2):
            for block in range(1, blocks + 1):
                name, strides = f"conv{number}_block{block}", 2 if block == 1 and number > 2 else 1
                convs = [(1, inputs, filters, 1, strides), (2, filters, filters, 3, 1), (3, filters, 4 * filters, 1, 1)]
                convs += [(0, inputs, 4 * filters, 1, strides)] if block == 1 else []
                for part, a, b, size, step in convs:
                    self.parts[f"{name}_{part}_conv"] = nn.Conv2d(a, b, size, step, size // 2)
                    self.parts[f"{name}_{part}_bn"] = self.norm(b)
                self.stacks.append((name, block == 1))
                inputs = 4 * filters
        self.parts["predictions"] = nn.Linear(inputs, classes)

    @staticmethod
    def norm(channels):
        return nn.BatchNorm2d(channels, eps=1.001e-5, momentum=0.01)

    def forward(self, x):
        def conv(x, name):
            return self.parts[f"{name}_bn"](self.parts[f"{name}_conv"](x))

        x = functional.relu(conv(x, "conv1"))
        x = functional.max_pool2d(x, 3, 2, 1)
        for name, first in self.stacks:
            shortcut = conv(x, f"{name}_0") if first else x
            x = functional.relu(conv(x, f"{name}_1"))
            x = functional.relu(conv(x, f"{name}_2"))
            x = functional.relu(conv(x, f"{name}_3") + shortcut)
        return self.parts["predictions"](x.mean((2, 3))).float()


# Weights from Keras.


def copy_weights(model, module):
    """Copies the weights of a Keras model into its twin in PyTorch.

    Both make their layers in the same order, which the numbers in Keras's names tell.

    Args:
        model: The Keras model.
        module: The PyTorch module.

    Raises:
        ValueError: If one has other layers than the other.
    """
    if isinstance(module, ResNet50):
        return _copy_by_name(model, module)
    layers = model._flatten_layers()
    wrapped = {id(layer.layer) for layer in layers if hasattr(layer, "reparametrized_kernel")}
    layers = [each for each in layers if id(each) not in wrapped and each.weights and not hasattr(each, "layers")]
    twins = [each for each in module.modules() if hasattr(each, "kind")]
    kinds = {type(each).__name__ for each in layers} | {each.kind for each in twins}
    for kind in sorted(kinds):
        of_keras = sorted((each for each in layers if type(each).__name__ == kind), key=_number)
        of_torch = [each for each in twins if each.kind == kind]
        if len(of_keras) != len(of_torch):
            raise ValueError(f"Expected: {len(of_keras)} layers {kind}. Received: {len(of_torch)}")
        for layer, twin in zip(of_keras, of_torch):
            _copy(layer, twin)


def _number(layer):
    return int((re.findall(r"_(\d+)$", layer.name) or [0])[0])


def _copy(layer, twin):
    values = {weight.name: weight.numpy() for weight in layer.weights}
    if isinstance(twin, Layer):
        inner = getattr(layer, "layer", layer)
        twin.take(inner.kernel.numpy(), None if twin.bias is None else inner.bias.numpy())
        if twin.spectral:
            assign(twin.u, layer.u.numpy())
        return
    names = {"mean": "moving_mean", "variance": "moving_variance", "weight": "kernel"}
    own = {**dict(twin.named_parameters()), **dict(twin.named_buffers())}
    if len(own) != len(values):
        raise ValueError(f"Expected: {sorted(values)}. Received: {sorted(own)}")
    for name, tensor in own.items():
        assign(tensor, values[names.get(name, name)])


def _copy_by_name(model, module):
    names = {"kernel": "weight", "gamma": "weight", "beta": "bias"}
    names |= {"moving_mean": "running_mean", "moving_variance": "running_var"}
    layers = {layer.name: layer for layer in model._flatten_layers() if layer.weights and not hasattr(layer, "layers")}
    if layers.keys() != module.parts.keys():
        raise ValueError(f"Expected: the layers {sorted(layers)}. Received: {sorted(module.parts)}")
    for name, layer in layers.items():
        own = {**dict(module.parts[name].named_parameters()), **dict(module.parts[name].named_buffers())}
        for weight in layer.weights:
            values = weight.numpy()
            values = values.transpose({4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[values.ndim])
            assign(own[names.get(weight.name, weight.name)], values)
